#!/usr/bin/python3
"""How long `assay report send` takes over a large store, and how much memory.

    tests/bench/report_send.py [--messages 1000000] [--domains 20000] [--smtp]

Makes an SQLite store of that size (one day, several sources and results for each domain, a tenth of
the domains with reports at a service elsewhere), signs with an RSA-2048 key, and hands the mails
to a sendmail command that throws them away, or with --smtp to a server that does. Prints a line for
each step: seconds, CPU seconds, peak of resident memory. ASSAY_BUILD is the build directory.
"""

import argparse
import base64
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "integration"))

import harness  # noqa: E402
import report_store  # noqa: E402

DAY = 86400
YESTERDAY = 1795305600 - DAY
NOW = 1795305600 + 6 * 3600


def make_key(directory):
    os.makedirs(os.path.join(directory, "keys", "mx.example.org"), 0o700)
    path = os.path.join(directory, "keys", "mx.example.org", "r1.pem")
    subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout", "-outform", "DER"],
                            check=True, capture_output=True).stdout
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    strings = " ".join('"%s"' % text[n:n + 250] for n in range(0, len(text), 250))
    return "r1._domainkey.mx.example.org. IN TXT %s\n" % strings


def make_world(directory, transport):
    with open(directory + "/zone", "w") as f:
        f.write('$TTL 300\n*._report._dmarc.service.example. IN TXT "v=DMARC1"\n')
        f.write(make_key(directory))
    with open(directory + "/assay.conf", "w") as f:
        f.write("Nameservers none\nLocalZone {0}/zone\nAuthservID mx.example.org\n"
                "ReportStore {0}/reports.db\nReportJournal {0}/journal\n"
                "ReportSender dmarc-noreply@mx.example.org\nKeyDirectory {0}/keys\n"
                "ReportTransport {1}\nReportDailyMaximum 10000000\n"
                "ReportDestinationMaximum 10000000\n".format(directory, transport))
    report_store.make(harness.ASSAY, directory + "/assay.conf", directory + "/reports.db")


def fill(directory, messages, domains):
    """Domains of very different sizes, as it is: half of all messages come from one in fifty."""
    store = report_store.Store(directory + "/reports.db")
    store.db.execute("PRAGMA synchronous = OFF")
    draw = random.Random(1)
    weights = [1 / (1 + n) ** 0.8 for n in range(domains)]
    counts = [max(1, int(w * messages / sum(weights))) for w in weights]
    counts[0] += messages - sum(counts)
    for n, count in enumerate(counts):
        name = "d%d.example" % n
        rua = "mailto:rua%d@service.example" % n if n % 10 == 0 else "mailto:dmarc@" + name
        policy = store.policy(name, rua)
        tuples = max(1, min(count // 4, 2000))
        for t in range(tuples):
            source = "192.0.%d.%d" % (t // 250 % 256, t % 250)
            key = store.tuple(policy, name, source=source, passed=t % 3 != 2)
            share = count // tuples + (t < count % tuples)
            store.messages(key, [YESTERDAY + draw.randrange(DAY) for _ in range(share)])
    store.close()
    return sum(counts)


def run(directory, title, *arguments):
    """One run of the tool; what it needed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen([harness.ASSAY, "report", *arguments, "-c",
                                directory + "/assay.conf"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status != 0:
        sys.exit("%s: status %d\n%s" % (title, status, said[-3000:]))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("%-34s %8.1f s  %8.1f s CPU  %6.1f MB peak" % (title, seconds, cpu,
                                                         usage.ru_maxrss / 1024), flush=True)
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=1000000)
    parser.add_argument("--domains", type=int, default=20000)
    parser.add_argument("--smtp", action="store_true", help="to an SMTP server, not a command")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="assay-bench-")
    try:
        script = directory + "/sendmail"
        with open(script, "w") as f:
            f.write("#!/bin/sh\nexec cat > /dev/null\n")
        os.chmod(script, 0o755)
        sink = harness.Sink() if options.smtp else None
        if sink:
            sink.store = lambda *_: None
        make_world(directory, "smtp://127.0.0.1:%d" % sink.port if sink else "sendmail:" + script)
        start = time.monotonic()
        count = fill(directory, options.messages, options.domains)
        print("%d messages, %d domains: store of %.0f MB made in %.0f s"
              % (count, options.domains, os.path.getsize(directory + "/reports.db") / 1e6,
                 time.monotonic() - start), flush=True)
        common = ("--all-due", "--now", str(NOW))
        run(directory, "assay report show", "show")
        run(directory, "assay report send --dry-run", "send", "--dry-run", *common)
        print(run(directory, "assay report send", "send", *common).rstrip())
        run(directory, "assay report send, nothing to do", "send", *common)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
