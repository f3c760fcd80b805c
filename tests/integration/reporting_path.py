"""The whole path of reports, with real mail servers.

    client -> reporter (Postfix + assayd, ReportStore) -> receiver (Postfix + assayd) -> sink
                  |                                          ^
                  store -> assay report send ----------------+ (through the reporter)

The receiver takes what comes for mail from outside: its assayd says whether a report
passes SPF, DKIM and DMARC, and records what it may record of it (nothing).
"""

import collections
import dataclasses
import os
import re
import shutil
import subprocess

import delivery
import harness
import postfix
import report_store
import reporting
import signing
from namespace import LIST, SENDER, SENDER6, SERVER, STRANGER

REPORTER, RECEIVER = "mx.example.org", "receiver.example.net"
BOUNCES = "copy@bounces.example"
BOUNCE_USER = "games"
GONE = "gone@rcpt.example"  # the receiver knows nobody of that name


def with_rua(zone):
    """Every domain asks for reports, at an address that agreed."""
    zone = re.sub(r"; rua=[^\"]*", "", zone)
    return re.sub(r'(_dmarc\.(\S+)\. IN TXT "v=DMARC1[^"]*)"',
                  r'\1; rua=mailto:dmarc.\2@rcpt.example"', zone) + """\
*._report._dmarc.rcpt.example. IN TXT "v=DMARC1"
mx.example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.mx.example.org. IN TXT "v=DMARC1; p=reject"
gone.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.gone.example. IN TXT "v=DMARC1; p=none; rua=mailto:gone@rcpt.example"
"""


class Path:
    """One or several reporters in front of a receiver."""

    def __init__(self, keys, sink, addresses, server=None, reporters=1):
        self.dir = harness.scratch("path")
        self.sink = sink
        self.running = []
        self.zone = with_rua(keys.zone) + self._make_key()
        self.store_path = os.path.join(self.dir, "reports.db")
        self.server = server  # a postgresql.Server with a database "reports"; None: SQLite
        self.where = server.uri("reports") if server else self.store_path
        try:
            self._start(addresses, reporters)
        except BaseException:
            self.stop()
            raise

    def _make_key(self):
        os.makedirs(os.path.join(self.dir, "keys", REPORTER), 0o700)
        record = signing.new_key(os.path.join(self.dir, "keys", REPORTER, "r1.pem"), 2048)
        return signing.zone_line("r1._domainkey." + REPORTER, record)

    def _start(self, addresses, reporters):
        self.receiver_daemon = self._daemon(
            AuthservID=RECEIVER, Mode="monitor", ReportStore=os.path.join(self.dir, "receiver.db"),
            ReportJournal=os.path.join(self.dir, "receiver.journal"))
        self.receiver = self._postfix(self.receiver_daemon, self.sink, addresses, (
            "myhostname = %s\nsmtpd_recipient_restrictions = check_recipient_access "
            "inline:{{%s=550 5.1.1 nobody of that name}}, permit" % (RECEIVER, GONE)))
        self.reporters = []
        for number in range(reporters):
            daemon = self._daemon(
                ReportStore=self.where, ReportJournal=os.path.join(self.dir, "journal%d" % number),
                ReportSender=reporting.SENDER, KeyDirectory=os.path.join(self.dir, "keys"),
                ReportWhen="always")
            mta = self._postfix(daemon, self.receiver, addresses, (
                "relayhost = [%s]:%d\nsmtp_bind_address = %s\n"
                "mailbox_size_limit = 0\nmydestination = %s\nalias_maps = texthash:%s\n"
                "transport_maps = inline:{{bounces.example=smtp:[%s]:%d}}\n"
                % (SERVER, self.receiver.port, SENDER, REPORTER, self._aliases(daemon), SERVER,
                   self.bounce_port())))
            self.reporters.append((mta, daemon))
        self.mta, self.daemon = self.reporters[0]

    def _aliases(self, daemon):
        """As assay-report(1) has it: the file belongs to the user that the command is to run as. And
        a copy of each bounce for the test."""
        path = os.path.join(self.dir, "aliases%d" % daemon.port)
        with open(path, "w") as f:
            f.write('%s "|%s report bounce -c %s", %s\n' % (
                reporting.SENDER.split("@")[0], harness.ASSAY, daemon.conf_path, BOUNCES))
        shutil.chown(path, BOUNCE_USER)
        return path

    def give_store(self):
        """The store to that user, who is no other than assayd's in real life."""
        for name in (".", *os.listdir(self.dir)):
            if name == "." or name.startswith("reports.db"):
                shutil.chown(os.path.join(self.dir, name), BOUNCE_USER)

    def bounce_port(self):
        """Where the copies go: a sink of their own, at an address that the reporter can reach."""
        if not hasattr(self, "bounces"):
            self.bounces = harness.Sink(SERVER)
            self.running.append(self.bounces)
        return self.bounces.port

    def _daemon(self, **options):
        self.running.append(harness.Assayd(self.zone, Nameservers="none", **options))
        return self.running[-1]

    def _postfix(self, daemon, to, addresses, more):
        self.running.append(postfix.Postfix(daemon.postfix_spec, to, addresses, more=more))
        return self.running[-1]

    def log(self):
        return "\n".join(each.log() for each in self.running if hasattr(each, "log"))

    def stop(self):
        """All are stopped, whatever one of them says at its end."""
        trouble = None
        for each in reversed(self.running):
            try:
                each.stop()
            except harness.Failure as failure:
                trouble = failure
        shutil.rmtree(self.dir, ignore_errors=True)
        if trouble:
            raise trouble

    # ---- what is done ----

    def submit(self, messages, label, number=0):
        """messages: [(case, count)]"""
        mta = self.reporters[number][0]
        for case, count in messages:
            for n in range(count):
                name = "%s.%s.%d.%d@rcpt.example" % (label, case.name, number, n)
                answer = delivery.submit(mta, case, name)
                delivery.check_answer(case, answer, self.log)

    def query(self, text):
        """SQL on the reporters' store: rows of text."""
        if self.server:
            return self.server.query("reports", text)
        store = report_store.Store(self.store_path)
        rows = [tuple(map(str, row)) for row in store.all(text)]
        store.close()
        return rows

    def backdate(self, expected):
        """Once all results are in the store, they become those of yesterday."""
        def arrived():
            (count,), = self.query("SELECT count(*) FROM message WHERE report IS NULL")
            return int(count) == expected

        harness.wait_until(arrived, 30, "%d results in the store" % expected, self.log)
        self.query("UPDATE message SET received = received - 86400 WHERE report IS NULL")

    def transport(self, kind):
        if kind == "smtp":
            return "smtp://127.0.0.1:%d" % self.mta.port
        script = os.path.join(self.dir, "sendmail")
        with open(script, "w") as f:
            f.write("#!/bin/sh\nexport LD_LIBRARY_PATH=%s/usr/lib/postfix MAIL_CONFIG=%s/conf\n"
                    'exec %s/usr/sbin/sendmail -C %s/conf "$@"\n'
                    % (postfix.ROOT, self.mta.dir, postfix.ROOT, self.mta.dir))
        os.chmod(script, 0o755)
        return "sendmail:" + script

    def command(self, part, *arguments, number=0):
        return [harness.ASSAY, "report", part, "-c", self.reporters[number][1].conf_path,
                *arguments]

    def report(self, part, *arguments, data=None, code=0):
        """`assay report` with the configuration that the daemon has."""
        done = subprocess.run(self.command(part, *arguments), input=data, capture_output=True,
                              timeout=120 * harness.PATIENCE)
        said = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code and not harness.SANITIZER.search(said), (done.returncode,
                                                                                said)
        return said

    def arrived(self, recipient, before=0, count=1):
        """The mails for one recipient that came after the first `before`."""
        def new():
            return [m for r, m in self.sink.messages() if r == recipient][before:]

        harness.wait_until(lambda: len(new()) >= count, 30,
                           "%d mails for %s" % (count, recipient), self.log)
        return new()


# -------------------------------------------------------- messages and their records

Row = collections.namedtuple("Row", "source header_from envelope_from disposition dkim spf reasons")


def case(keys, name, **changes):
    return dataclasses.replace(delivery.case_named(keys, name), **changes)


def world_messages(keys):
    """[(case, count, policy domain or None, what the report says of each)]"""
    me, other = "example.com", "nodmarc.example"
    fail = ("fail", "fail", ())

    def row(source, header_from, envelope_from, disposition, dkim, spf, reasons=()):
        return Row(source, header_from, envelope_from, disposition, dkim, spf, reasons)

    return [
        (case(keys, "aligned-pass"), 4, me, row(SENDER, me, me, "pass", "pass", "pass")),
        (case(keys, "spf-only"), 3, me, row(SENDER, me, me, "pass", "fail", "pass")),
        (case(keys, "spf-ipv6"), 1, me, row(SENDER6, me, me, "pass", "fail", "pass")),
        (case(keys, "dkim-only"), 2, me, row(STRANGER, me, other, "pass", "pass", "fail")),
        (case(keys, "null-sender"), 1, me, row(SENDER, me, None, "pass", "pass", "pass")),
        (case(keys, "broken-signature"), 2, me, row(STRANGER, me, other, "reject", *fail)),
        (case(keys, "mailing-list"), 1, me,
         row(LIST, me, "lists.example.net", "quarantine", "fail", "fail", ("mailing_list",))),
        (case(keys, "fail-none"), 5, "none.example",
         row(STRANGER, "none.example", other, "none", *fail)),
        (case(keys, "fail-quarantine"), 1, "quarantine.example",
         row(STRANGER, "quarantine.example", other, "quarantine", *fail)),
        (case(keys, "fail-reject"), 2, "reject.example",
         row(STRANGER, "reject.example", other, "reject", *fail)),
        (case(keys, "fail-subdomain"), 1, "reject.example",
         row(STRANGER, "news.reject.example", other, "quarantine", *fail)),
        (case(keys, "fail-testing"), 2, "testing.example",
         row(STRANGER, "testing.example", other, "quarantine", "fail", "fail",
             ("policy_test_mode",))),
        (case(keys, "no-policy"), 2, None, None),
    ]


def expected_rows(messages, times=1):
    """policy domain -> Counter of rows"""
    found = {}
    for _, count, domain, row in messages:
        if domain:
            found.setdefault(domain, collections.Counter())[row] += count * times
    return found


def rows_of(report):
    """The same of a report, as an XML parser that is not ours sees it."""
    found = collections.Counter()
    for record in reporting.records(report.root):
        def value(path):
            element = reporting.find(record, path)
            return None if element is None else element.text
        reasons = tuple(sorted(r.text for r in record.iter(reporting.NAMESPACE + "type")))
        row = Row(value("row/source_ip"), value("identifiers/header_from"),
                  value("identifiers/envelope_from"), value("row/policy_evaluated/disposition"),
                  value("row/policy_evaluated/dkim"), value("row/policy_evaluated/spf"), reasons)
        found[row] += int(value("row/count"))
    return found


def check_authenticated(message):
    """What the receiver's assayd says of a report."""
    results = harness.results_of(harness.own_results(message, RECEIVER.encode()))
    assert results["spf"] == ["pass"], results
    assert results["dmarc"] == ["pass"], results
    assert results["dkim"] and set(results["dkim"]) == {"pass"}, results
