"""The second half of contrib/demo: assayd and Postfix are started, messages sent,
and for each one is printed what the client was told and what was delivered."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus  # noqa: E402
import delivery  # noqa: E402
import harness  # noqa: E402
import postfix  # noqa: E402
import reporting_path  # noqa: E402
import signing  # noqa: E402

WIDTH = 100
SHOWN = ("aligned-pass", "spf-only", "dkim-only", "fail-none", "fail-quarantine", "fail-reject",
         "mailing-list", "two-from", "forged-results")
RECORDED = 8  # of these: all but the one without a single author
COLOURS = {"pass": 32, "delivered": 32, "fail": 31, "permerror": 31, "rejected": 31,
           "quarantined": 33, "none": 36, "neutral": 36, "softfail": 33, "temperror": 33,
           "title": 1, "label": 2}


def colour(name, text):
    if not sys.stdout.isatty():
        return text
    return "\x1b[%dm%s\x1b[0m" % (COLOURS.get(name, 0), text)


def label(name, text):
    """A labelled paragraph, wrapped under itself."""
    lines = textwrap.wrap(text, WIDTH - 12, break_on_hyphens=False) or [""]
    print("  " + colour("label", "%-9s" % name) + lines[0])
    for line in lines[1:]:
        print(" " * 11 + line)


def show_results(text):
    """An A-R value, one method a line, with the results in colour."""
    parts = [part.strip() for part in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text)]
    print("  " + colour("label", "%-9s" % "A-R") + parts[0])
    for part in parts[1:]:
        lines = textwrap.wrap(" ".join(part.split()), WIDTH - 15, break_on_hyphens=False, break_long_words=False)
        for number, line in enumerate(lines):
            if number == 0:
                line = re.sub(r"^(\w+)=(\w+)",
                              lambda m: "%s=%s" % (m[1], colour(m[2], m[2])), line)
            print(" " * (13 if number == 0 else 15) + line)


def explained(assayd, case):
    """What `assay check` says of a message that was not delivered."""
    done = subprocess.run([harness.ASSAY, "check", "--json", "-c", assayd.conf_path,
                           "--client-ip", case.client, "--client-name", case.client_name,
                           "--helo", case.helo, "--mail-from", case.sender, "-"],
                          input=case.message, capture_output=True, timeout=30, check=True)
    return json.loads(done.stdout)


class Demo:
    def __init__(self):
        self.running = []
        self.differing = 0

    def start(self, thing):
        self.running.append(thing)
        return thing

    def set_up(self):
        self.keys = corpus.Keys()
        self.dir = harness.scratch("demo")
        key_directory = os.path.join(self.dir, "keys", "mx.example.org")
        os.makedirs(key_directory)
        record = signing.new_key(os.path.join(key_directory, "r1.pem"), 2048)
        zone = reporting_path.with_rua(self.keys.zone) + signing.zone_line(
            "r1._domainkey.mx.example.org", record)
        self.sink = self.start(harness.Sink())
        # Names outside the embedded zone do not exist: the demo asks nobody on the net.
        dns = self.start(harness.Dns(zone))
        self.assayd = self.start(harness.Assayd(
            zone, dns, UserID="nobody", KeyDirectory=os.path.dirname(key_directory),
            ReportStore=os.path.join(self.dir, "reports", "reports.db"),
            ReportJournal=os.path.join(self.dir, "journal"),
            ReportSender="dmarc-noreply@mx.example.org", ReportOrg="The demo"))
        self.mta = self.start(postfix.Postfix(self.assayd.postfix_spec, self.sink))
        # Reports leave through the same Postfix.
        self.assayd.write_config(ReportTransport="smtp://127.0.0.1:%d" % self.mta.port)

    def tear_down(self):
        for thing in reversed(self.running):
            try:
                thing.stop()
            except Exception as error:  # noqa: BLE001 - go on stopping the others
                print(error)
                self.differing += 1
        shutil.rmtree(self.dir, ignore_errors=True)

    def report(self, part, *arguments):
        """`assay report`, and what it says."""
        config = () if part == "read" else ("-c", self.assayd.conf_path)
        done = subprocess.run([harness.ASSAY, "report", part, *config, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        print(textwrap.indent(done.stdout.decode(), "  ").rstrip())
        if done.returncode != 0:
            self.differing += 1
            label("WRONG", "assay report %s ended with %d" % (part, done.returncode))

    def reports(self):
        """What the author domains are told of all this: their day has ended."""
        print("\n" + colour("title", "assay report send, as if it were tomorrow"))
        harness.wait_until(self.all_stored, 20, "the results in the store", self.assayd.log)
        tomorrow = (int(time.time()) // 86400 + 1) * 86400 + 3600
        self.report("send", "-v", "--all-due", "--now", str(tomorrow))
        mails = [(r, m) for r, m in self.sink.messages() if r.startswith("dmarc.")]
        folder = os.path.join(self.dir, "received")
        os.mkdir(folder)
        print("\n" + colour("title", "What arrived"))
        for number, (recipient, message) in enumerate(sorted(mails)):
            subject = " ".join(harness.named(message, "Subject")[0].split(b":", 1)[1].decode().split())
            print("  %-36s %s" % (recipient, subject))
            with open(os.path.join(folder, "%d.eml" % number), "wb") as f:
                f.write(message)
        if not mails:
            self.differing += 1
            label("WRONG", "no report arrived")
            return
        print("\n" + colour("title", "What such a domain sees: assay report read"))
        self.report("read", folder)

    def all_stored(self):
        """The recorder has carried over what the journal holds, or nothing came for a while."""
        done = subprocess.run([harness.ASSAY, "report", "show", "--json", "-c",
                               self.assayd.conf_path], capture_output=True, timeout=30)
        return done.returncode == 0 and json.loads(done.stdout)["totals"]["unreported"] >= RECORDED

    def send(self, case):
        recipient = delivery.recipient_for(self.mta, case.name)
        with self.mta.client(case.client, case.client_name if case.client_name != "unknown"
                             else None, case.helo) as smtp:
            return delivery.transact(smtp, case, recipient)

    def show(self, number, case):
        print("\n" + colour("title", "%d  %s " % (number, case.note)) +
              colour("label", "-" * (WIDTH - 5 - len(case.note))))
        authors = [f.split(b":", 1)[1].decode().strip() for f in harness.named(case.message, "From")]
        label("from", "%s (%s), MAIL FROM:<%s>" % (case.client, case.client_name, case.sender))
        label("author", " and ".join(authors))
        answer = self.send(case)
        label("SMTP", "%d %s" % (answer.code, answer.text))
        outcome, text = self.outcome(case, answer)
        show_results(text)
        expected = {"accept": "delivered", "quarantine": "quarantined",
                    "reject": "rejected"}[case.action]
        label("outcome", colour(outcome, outcome) + self.detail(case, outcome, answer))
        if outcome != expected:
            self.differing += 1
            label("WRONG", "expected: " + expected)
        return outcome

    def outcome(self, case, answer):
        if answer.code != 250:
            return "rejected", explained(self.assayd, case)["authentication_results"]
        if answer.queue_id() in self.mta.held():
            return "quarantined", harness.own_results(
                self.mta.held_message(answer.queue_id()) + b"\r\n")
        message = self.sink.wait(answer.recipient, log=self.mta.log)
        self.delivered = message
        return "delivered", harness.own_results(message)

    def detail(self, case, outcome, answer):
        if outcome == "rejected":
            return ": not delivered (the A-R above is from `assay check`)"
        if outcome == "quarantined":
            return ": in Postfix's hold queue as %s, with its A-R" % answer.queue_id()
        fields = harness.named(self.delivered, "Authentication-Results")
        if case.forged:
            sent = len(harness.named(case.message, "Authentication-Results"))
            return ": %d A-R fields came in, %d forged ones removed, ours on top of %d foreign ones" \
                % (sent, sent - (len(fields) - 1), len(fields) - 1)
        return ""

    def run(self):
        began = time.monotonic()
        self.set_up()
        print(colour("title", "assayd says at its start"))
        for line in self.assayd.log_text().strip().splitlines()[:20]:
            print(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      ",
                                break_on_hyphens=False))
        cases = {c.name: c for c in corpus.cases(self.keys)}
        outcomes = [self.show(n, cases[name]) for n, name in enumerate(SHOWN, 1)]
        print("\n" + colour("title", "assayd's log, one line for each message"))
        for line in self.assayd.log_text().strip().splitlines():
            if re.search(r"mailfrom=|\"mailfrom\"", line):
                print(textwrap.indent(textwrap.fill(line, WIDTH - 4, subsequent_indent="    ",
                                                    break_on_hyphens=False), "  "))
        self.reports()
        print("\n%d messages: %s; %d not as expected; %.1f s" % (
            len(outcomes), ", ".join("%d %s" % (outcomes.count(o), o) for o in
                                     ("delivered", "quarantined", "rejected")),
            self.differing, time.monotonic() - began))


def main():
    def leave(number, frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, leave)
    reason = postfix.unavailable()
    if reason:
        print("demo: " + reason)
        return 77
    demo = Demo()
    try:
        demo.run()
    finally:
        demo.tear_down()
        shutil.rmtree(os.path.join(os.path.dirname(__file__), "__pycache__"), ignore_errors=True)
    return 1 if demo.differing else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())
