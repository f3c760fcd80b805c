"""The tables of the fault tests: what was broken, what the MTA saw, what was lost.

They are printed. With ASSAY_FAULT_TABLE=FILE they are also kept there, as Markdown: each test file has
a section of its own, which a later run replaces. tests/fault-table.md was made so:

    cd tests/integration && ASSAY_FAULT_TABLE=../fault-table.md unshare -n -m \\
        /usr/bin/python3 -m pytest -q test_faults.py test_report_durability.py
"""

import os
import re


def _section(title, head, rows):
    lines = ["## " + title, "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _keep(path, title, text):
    old = ""
    if os.path.exists(path):
        with open(path) as f:
            old = f.read()
    parts = [p for p in re.split(r"(?m)^(?=## )", old) if p.startswith("## ")]
    parts = [p.rstrip() + "\n" for p in parts if not p.startswith("## " + title + "\n")] + [text]
    with open(path, "w") as f:
        f.write("# Faults\n\nMade by tests/integration/fault_table.py, which says how.\n\n"
                + "\n".join(sorted(parts)))


def publish(request, title, head, rows):
    """Prints the table in spite of pytest's capture, and keeps it where that was asked for."""
    if not rows:
        return
    path = os.environ.get("ASSAY_FAULT_TABLE")
    if path:
        _keep(path, title, _section(title, head, rows))
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print()
        for row in [head, *rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
