#!/usr/bin/python3
"""report.py RUN.json DIRECTORY - the table and the plot of one benchmark run (tests/bench/run)."""

import html
import json
import os
import sys
import textwrap

SIZES = ("mix", "2k", "20k", "200k")


def floor(run):
    """The least that can be: libmilter without replies, and the cryptography."""
    return run["cpu"]["mix"]["null, no replies"]["cpu_ms"] + run["crypto_ms"]


def table(run):
    names = list(run["cpu"]["mix"])
    ours = run["cpu"]["mix"]["Assay"]["cpu_ms"]
    lines = ["| milter | mix | 2 kB | 20 kB | 200 kB | times Assay | cold p50 | RSS at 512 |"
             " start | as expected |", "|---|" + "---:|" * 9]
    for name in names:
        row = ["%.3f" % run["cpu"][size][name]["cpu_ms"] for size in SIZES]
        mix, cold = run["cpu"]["mix"][name], run["cold"].get(name)
        row += ["%.2f" % (mix["cpu_ms"] / ours),
                "%.1f ms" % (cold["p50_us"] / 1000) if cold else "-",
                "%.1f MiB" % run["rss_mib"][name], "%.0f ms" % run["start_ms"][name],
                "-" if name.startswith("null") else
                "%.0f %%" % (100 * mix["as_expected"] / mix["messages"])]
        lines.append("| %s | %s |" % (name, " | ".join(row)))
    lines.append("| bare crypto | %.3f | | | | %.2f | | | | |" % (
        run["crypto_ms"], run["crypto_ms"] / ours))
    lines += ["| %s | SKIP: %s | | | | | | | | |" % item for item in run["skipped"].items()]
    if "reports" in run:
        lines += reports(run["reports"])
    return "\n".join(lines) + """

Milliseconds of CPU per message (user and system, all processes of the milter), 16 sessions at a
time, one connection per message, warm DNS; medians of runs that alternate between the milters. Cold p50: one
session, DNS answers after 20 ms and with TTL 0. The mix is 70 %% 2 kB, 25 %% 20 kB, 5 %% 200 kB; 90 %% signed.

Assay takes %.2f times the floor: the null milter without replies and the bare cryptography together, %.3f ms.
%s

%s: %s; load average %.1f before, %.1f after%s.
""" % (ours / floor(run), floor(run), "\n".join(textwrap.fill(r, 110) for r in remarks(run)), run["date"], run["machine"],
       run["load_before"], run["load_after"], " (--quick)" if run["quick"] else "")


def remarks(run):
    """What does not fit in the table."""
    if "chain_ms" in run:
        yield ("Cold: by the zone (chains.py) the longest chain of lookups takes %g ms, all lookups one "
               "after the other %g ms (medians over the messages)." % (
                   run["chain_ms"], run["serial_ms"]))
    scale = run.get("threads")
    if scale:
        yield ("Evaluations alone (bench_scale, without libmilter and client, at real-time priority): "
               "%.0f a second on one thread, %.0f on two, %.2f times as many. CPU %.1f us each on one "
               "thread, %.1f on two, where threads wait %.1f times in 1000 messages (on one thread "
               "%.1f)." % (scale["one"], scale["all"], scale["times"], scale["cpu_one_us"],
                           scale["cpu_all_us"], scale["waits_all"], scale["waits_one"]))
    one, both = run["scaling"]["one CPU"], run["scaling"]["all CPUs"]
    yield ("Throughput with milter and load client together on one CPU %.0f messages a second, on all "
           "%.0f: %.2f times." % (one, both, both / one))


def reports(found):
    """The row of Assay with DMARC reports on, and what they cost."""
    on, off = found["cpu_ms"]["reports on"], found["cpu_ms"]["reports off"]
    return ["| Assay, reports on | %.3f | | | | %.2f | | | | |" % (on, on / off), "",
            "Reports on cost %.0f %% CPU (%.3f ms beside %.3f ms). The store had %.1f MiB for %d "
            "messages, %.0f MB for a million." % (
                100 * (on / off - 1), on, off, found["octets"] / (1 << 20), found["kept"],
                found["octets"] / found["kept"])]


def plot(run):
    """Bars of CPU per message on the mix."""
    bars = [(name, values["cpu_ms"]) for name, values in run["cpu"]["mix"].items()]
    bars.append(("bare crypto", run["crypto_ms"]))
    most, height = max(v for _, v in bars), 28
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="720" height="%d" '
             'font-family="sans-serif" font-size="13">' % (60 + height * len(bars)),
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="10" y="22" font-weight="bold">CPU per message, ms (mix, 16 sessions, '
             'warm DNS)</text>']
    for i, (name, value) in enumerate(bars):
        top, width = 38 + i * height, 430 * value / most
        colour = "#1f6f4a" if name == "Assay" else "#9aa5b1"
        parts += ['<text x="185" y="%d" text-anchor="end">%s</text>' % (top + 15, html.escape(name)),
                  '<rect x="195" y="%d" width="%.1f" height="20" fill="%s"/>' % (top, width, colour),
                  '<text x="%.1f" y="%d">%.3f</text>' % (201 + width, top + 15, value)]
    parts.append('<text x="10" y="%d" font-size="11" fill="#555">%s, %s</text></svg>' % (
        52 + height * len(bars), run["date"], html.escape(run["machine"])))
    return "\n".join(parts) + "\n"


def write(run, directory):
    os.makedirs(directory, exist_ok=True)
    for name, text in (("run.json", json.dumps(run, indent=1) + "\n"), ("table.md", table(run)),
                       ("plot.svg", plot(run))):
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
    print(table(run))


if __name__ == "__main__":
    with open(sys.argv[1]) as source:
        write(json.load(source), sys.argv[2])
