#!/usr/bin/python3
"""load.py [--messages N] [--connections N] - drives assayd with the messages of
the corpus over many connections at once, reloads its configuration meanwhile,
and checks every single answer. Reports are on.

For the runs under valgrind and ThreadSanitizer (ASSAYD, ASSAYD_WRAPPER) and for
soak tests. Prints exact counts; what assayd's memory and descriptors did in the second
half of the run; and fails when an answer was wrong, assayd did not end cleanly, or
descriptors leaked.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import corpus  # noqa: E402
import harness  # noqa: E402
import milter_client  # noqa: E402


class Run:
    def __init__(self, assayd, cases, messages, connections):
        self.assayd, self.cases = assayd, cases
        self.left, self.connections = messages, connections
        self.lock = threading.Lock()
        self.passed, self.wrong = 0, []

    def take(self, most):
        with self.lock:
            count = min(most, self.left)
            self.left -= count
            return count

    def worker(self, number):
        turn = number
        while True:
            # One to four messages a connection, some connections broken off.
            count = self.take(1 + turn % 4)
            if count == 0:
                return
            case = self.cases[turn % len(self.cases)]
            turn += 1
            try:
                self.connection(case, count, turn)
            except Exception as error:  # noqa: BLE001 - counted as the wrong answer that it is
                self.note(case, repr(error), count)

    def connection(self, case, count, turn):
        session = milter_client.connected(self.assayd, case.client, case.client_name.encode(),
                                          case.helo.encode())
        for number in range(count):
            # Where SPF does not matter, a name that no cache has: DNS under load as well.
            sender = case.sender if "spf" in case.results else \
                "bounce@n%d-%d.nodmarc.example" % (turn, number)
            reply = session.message(case.message, sender.encode())
            self.note(case, None if self.right(case, reply) else str(vars(reply)), 1)
        if turn % 3 == 0:
            session.mail(b"unfinished@example.com")
            session.abort()
        if turn % 5 != 0:
            session.quit()
        session.close()

    @staticmethod
    def right(case, reply):
        if reply.verdict() != case.action:
            return False
        if case.action == "reject":
            return True
        text = b" ".join(v for _, n, v in reply.inserted if n == b"Authentication-Results").decode()
        return all(re.search(r"\b%s=%s\b" % item, text) for item in case.results.items())

    def note(self, case, problem, count):
        with self.lock:
            if problem is None:
                self.passed += count
            else:
                self.wrong += ["%s: %s" % (case.name, problem)] * count

    def reload(self, done):
        """The configuration is swapped under the messages in flight."""
        while not done.wait(0.2):
            self.assayd.process.send_signal(signal.SIGHUP)

    def go(self):
        done = threading.Event()
        reloader = threading.Thread(target=self.reload, args=(done,))
        reloader.start()
        threads = [threading.Thread(target=self.worker, args=(n,))
                   for n in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        reloader.join()


def usage_of(pid):
    with open("/proc/%d/status" % pid) as f:
        memory = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    return memory, len(os.listdir("/proc/%d/fd" % pid))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    keys = corpus.Keys()
    dns = harness.Dns(keys.zone, corpus.FAILING)
    reports = harness.scratch("load")
    zone = re.sub(r'("v=DMARC1;[^"]*)"', r'\1; rua=mailto:dmarc@example.net"', keys.zone)
    assayd = harness.Assayd(zone, dns, MessageDeadline="60", ResolverTimeout="30",
                            ReportStore=os.path.join(reports, "reports.db"),
                            ReportJournal=os.path.join(reports, "journal"))
    cases = corpus.cases(keys)
    start = time.monotonic()
    halves = []
    runs = []
    for part in (arguments.messages // 2, arguments.messages - arguments.messages // 2):
        run = Run(assayd, cases, part, arguments.connections)
        run.go()
        runs.append(run)
        time.sleep(0.5)
        halves.append(usage_of(assayd.process.pid))
    seconds = time.monotonic() - start
    wrong = [w for run in runs for w in run.wrong]
    for problem in wrong[:5]:
        print("wrong:", problem)
    if wrong:
        print(assayd.log())
    print("%d messages over %d connections at a time in %.1f s; memory %d kB, then %d kB; "
          "descriptors %d, then %d" % (arguments.messages, arguments.connections, seconds,
                                       halves[0][0], halves[1][0], halves[0][1], halves[1][1]))
    leaked = halves[1][1] > halves[0][1] + 4
    if leaked:
        print("descriptors leaked")
    try:
        assayd.stop()
    except harness.Failure as failure:
        print(failure)
        leaked = True
    dns.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(reports, "reports.db"))) as db:
        print("%d messages are in the store" % db.execute("SELECT count(*) FROM message").fetchone())
    shutil.rmtree(reports)
    print("%d passed, %d failed, 0 skipped" % (sum(r.passed for r in runs),
                                               len(wrong) + leaked))
    return 1 if wrong or leaked else 0


if __name__ == "__main__":
    sys.exit(main())
