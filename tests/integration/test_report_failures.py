"""Failure reports (RFC 9991): from messages over the milter protocol to mails that Python and our
own reader understand. Off by default, redacted by default, consolidated, verified, limited.
"""

import contextlib
import email
import email.policy
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

import harness
import milter_client
import reporting
import signing

SECRETS = (b"Secretary", b"boss", b"confidential", b"victim.user")
ZONE = """\
$TTL 300
fails.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.fails.example. IN TXT "v=DMARC1; p=reject; ruf=mailto:ruf@fails.example; rua=mailto:rua@fails.example"
_dmarc.any.example. IN TXT "v=DMARC1; p=none; fo=1; ruf=mailto:ruf@any.example"
any.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.spf.example. IN TXT "v=DMARC1; p=none; fo=s; ruf=mailto:ruf@spf.example"
spf.example. IN TXT "v=spf1 -all"
_dmarc.suffix.example. IN TXT "v=DMARC1; p=reject; psd=y; ruf=mailto:ruf@suffix.example"
_dmarc.outside.example. IN TXT "v=DMARC1; p=none; ruf=mailto:a@confirms.example,mailto:b@refuses.example"
outside.example._report._dmarc.confirms.example. IN TXT "v=DMARC1"
mx.example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.mx.example.org. IN TXT "v=DMARC1; p=reject; fo=1; ruf=mailto:ruf@mx.example.org"
"""


def message(domain, subject=b"confidential", to=b"boss@rcpt.example", more=b""):
    return (b"From: Secretary of the board <victim.user@%s>\r\nTo: %s\r\nSubject: %s\r\n"
            b"Message-ID: <1@%s>\r\nDate: Mon, 13 Nov 2023 10:00:00 +0000\r\n%s\r\n"
            b"confidential body\r\n" % (domain, to, subject, domain, more))


class Site:
    """assayd with a store, and `assay report send`."""

    def __init__(self, **options):
        self.dir = harness.scratch("failures")
        self.sink = harness.Sink()
        self.path = os.path.join(self.dir, "reports.db")
        os.makedirs(os.path.join(self.dir, "keys", "mx.example.org"), 0o700)
        record = signing.new_key(os.path.join(self.dir, "keys", "mx.example.org", "r1.pem"), 2048)
        zone = ZONE + signing.zone_line("r1._domainkey.mx.example.org", record)
        self.assayd = harness.Assayd(zone, **{
            "Nameservers": "none", "ReportStore": self.path,
            "ReportJournal": os.path.join(self.dir, "journal"), "ReportSender": reporting.SENDER,
            "ReportTransport": "smtp://127.0.0.1:%d" % self.sink.port,
            "KeyDirectory": os.path.join(self.dir, "keys"), "FailureReports": "yes", **options})

    def deliver(self, *messages, client="198.51.100.7", sender=b"bounce@spf.example"):
        session = milter_client.connected(self.assayd, client)
        for number, text in enumerate(messages):
            session.message(text, sender, queue_id=b"Q%d" % number)
        session.quit()
        session.close()

    def settle(self, incidents):
        """Once so many are in the store, they become those of an hour ago."""
        self.wait_for("SELECT coalesce(sum(incidents), 0) FROM failure", incidents)
        self.query("UPDATE failure SET period = period - 1")

    def wait_for(self, query, number):
        def arrived():
            try:
                return self.query(query) == [(number,)]
            except sqlite3.OperationalError:  # assayd has not made it yet
                return False

        harness.wait_until(arrived, 20, "%d of %s" % (number, query), self.assayd.log)

    def query(self, text):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as db:
            with db:
                return db.execute(text).fetchall()

    def send(self, *arguments, after=0, code=0):
        done = subprocess.run(
            [harness.ASSAY, "report", "send", "-c", self.assayd.conf_path, "--now",
             str(int(time.time()) + after), *arguments],
            capture_output=True, timeout=120 * harness.PATIENCE)
        said = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code and not harness.SANITIZER.search(said), said
        return said

    def show(self):
        done = subprocess.run([harness.ASSAY, "report", "show", "--json", "-c",
                               self.assayd.conf_path], capture_output=True, timeout=60)
        return json.loads(done.stdout)

    def mails(self):
        """address -> [mail, ...]; aggregate reports left out."""
        found = {}
        for recipient, octets in self.sink.messages():
            if b"multipart/report" in octets:
                found.setdefault(recipient, []).append(octets)
        return found

    def stop(self):
        self.assayd.stop()
        self.sink.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def make_site():
    made = []

    def make(**options):
        made.append(Site(**options))
        return made[-1]

    yield make
    for site in made:
        site.stop()


def parts(octets):
    """(the mail, its feedback-report as a message, the header told of)"""
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert mail.get_content_type() == "multipart/report" and not mail.defects
    text, feedback, header = mail.iter_parts()
    assert feedback.get_content_type() == "message/feedback-report"
    assert header.get_content_type() == "text/rfc822-headers"
    feedback = feedback.get_payload()
    feedback = feedback[0] if isinstance(feedback, list) else email.message_from_string(feedback)
    return mail, feedback, header.get_payload(decode=True)


def test_like_failures_are_one_report(make_site):
    site = make_site()
    site.deliver(*[message(b"fails.example")] * 5)
    site.settle(5)
    assert site.show()["failure_reports_waiting"] == 1
    said = site.send("-v")
    assert site.show()["failure_reports_waiting"] == 0
    assert "fails.example: failure report sent to ruf@fails.example" in said
    assert list(site.mails()) == ["ruf@fails.example"]
    (octets,) = site.mails()["ruf@fails.example"]
    mail, feedback, header = parts(octets)
    assert mail["From"].addresses[0].addr_spec == reporting.SENDER
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "d=mx.example.org" in mail["DKIM-Signature"]
    assert feedback["Feedback-Type"] == "auth-failure" and feedback["Auth-Failure"] == "dmarc"
    assert feedback["Identity-Alignment"] == "dkim, spf"
    assert feedback["Incidents"] == "5"
    assert feedback["Reported-Domain"] == "fails.example"
    assert feedback["Source-IP"] == "198.51.100.7"
    assert feedback["Delivery-Result"] == "reject"
    assert feedback["SPF-DNS"] == 'txt : spf.example : "v=spf1 -all"'
    assert "dmarc=fail header.from=fails.example" in feedback["Authentication-Results"]
    assert b"Message-ID: <1@fails.example>" in header
    # by default nothing leaves that is not needed
    for secret in SECRETS:
        assert secret not in octets, secret
    assert re.search(rb"From: [0-9a-f]{16}@fails\.example", header)
    # what was sent is not sent again
    site.send()
    assert len(site.mails()["ruf@fails.example"]) == 1


def test_our_reader_understands_it(make_site):
    site = make_site()
    site.deliver(message(b"fails.example"))
    site.settle(1)
    site.send()
    (octets,) = site.mails()["ruf@fails.example"]
    path = os.path.join(site.dir, "mail.eml")
    with open(path, "wb") as f:
        f.write(octets)
    done = subprocess.run([harness.ASSAY, "report", "read", "--json", path], capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done
    assert "fails.example" in json.dumps(json.loads(done.stdout))


def test_the_report_passes_and_is_not_reported(make_site):
    """It passes DMARC where it arrives, and gives rise to nothing there."""
    site = make_site()
    site.deliver(message(b"fails.example"))
    site.settle(1)
    site.send()
    (octets,) = site.mails()["ruf@fails.example"]
    session = milter_client.connected(site.assayd, "192.0.2.1")
    reply = session.message(octets, reporting.SENDER.encode(), queue_id=b"R1")
    session.quit()
    session.close()
    results = [value for _, name, value in reply.inserted if name == b"Authentication-Results"]
    assert b"dkim=pass header.d=mx.example.org" in results[0]
    assert b"dmarc=pass" in results[0]
    site.deliver(message(b"fails.example", more=b"Content-Type: multipart/report;"
                         b" report-type=feedback-report; boundary=x\r\n"))
    site.deliver(message(b"fails.example"), client="198.51.100.8")
    site.settle(2)  # the one from elsewhere came; the reports did not
    assert len(site.query("SELECT id FROM failure WHERE source_ip = '198.51.100.8'")) == 1


def test_fo(make_site):
    site = make_site()
    # SPF passes and is aligned, there is no signature: only who said fo=1 is told
    site.deliver(message(b"any.example"), client="192.0.2.1", sender=b"bounce@any.example")
    site.deliver(message(b"fails.example"), client="192.0.2.1", sender=b"bounce@fails.example")
    # SPF fails: who said fo=s is told of that
    site.deliver(message(b"spf.example"))
    # a public suffix is told nothing (RFC 9991 2)
    site.deliver(message(b"suffix.example"))
    site.settle(2)
    site.send()
    mails = site.mails()
    assert sorted(mails) == ["ruf@any.example", "ruf@spf.example"]
    _, feedback, _ = parts(mails["ruf@any.example"][0])
    assert feedback["Identity-Alignment"] == "dkim"
    assert "dmarc=pass" in feedback["Authentication-Results"]
    _, feedback, _ = parts(mails["ruf@spf.example"][0])
    assert feedback["Auth-Failure"] == "spf"
    assert "spf=fail smtp.mailfrom=spf.example" in feedback["Authentication-Results"]


def test_destinations_elsewhere(make_site):
    """RFC 9990 4 holds for ruf= as well."""
    site = make_site()
    site.deliver(message(b"outside.example"))
    site.settle(1)
    said = site.send()
    assert list(site.mails()) == ["a@confirms.example"]
    assert "unverified      1" in said
    states = dict(site.query("SELECT address, state FROM failure_delivery"))
    assert states == {"a@confirms.example": "sent", "mailto:b@refuses.example": "unverified"}


def test_limit_of_a_destination(make_site):
    """Each source is a failure of its own; what is over the limit is dropped."""
    site = make_site(FailureReportMaximum="3")
    for n in range(6):
        site.deliver(message(b"fails.example"), client="198.51.100.%d" % (10 + n))
    site.settle(6)
    said = site.send()
    assert len(site.mails()["ruf@fails.example"]) == 3
    assert "dropped         3  failure reports over FailureReportMaximum" in said
    site.send(after=1000)
    assert len(site.mails()["ruf@fails.example"]) == 3


def test_mail_server_says_no(make_site):
    site = make_site()
    site.deliver(message(b"fails.example"))
    site.settle(1)
    site.sink.answers["ruf@fails.example"] = "451 4.3.0 later"
    site.send(code=75)
    assert site.query("SELECT done FROM failure") == [(0,)]
    site.sink.answers["ruf@fails.example"] = "550 5.1.1 never"
    said = site.send(after=1000)
    assert "failure report refused by ruf@fails.example: " in said
    assert site.query("SELECT done FROM failure") == [(1,)]
    assert site.query("SELECT refusals FROM destination") == [(1,)]


def test_without_redaction(make_site):
    site = make_site(FailureReportRedaction="no")
    site.deliver(message(b"fails.example"))
    site.settle(1)
    site.send()
    (octets,) = site.mails()["ruf@fails.example"]
    _, feedback, header = parts(octets)
    assert b"Subject: confidential\r\n" in header
    assert b"confidential body" not in octets
    assert feedback["Original-Mail-From"] == "<bounce@spf.example>"


def test_off_by_default(make_site):
    site = make_site(FailureReports=None)
    site.deliver(message(b"fails.example"))
    site.wait_for("SELECT count(*) FROM message", 1)
    assert site.query("SELECT count(*) FROM failure") == [(0,)]
    site.send("--all-due", after=86400 + 3600)
    assert site.mails() == {}


def test_turned_off(make_site):
    """What was gathered before stays here."""
    site = make_site()
    site.deliver(message(b"fails.example"))
    site.settle(1)
    site.assayd.write_config(FailureReports="no")
    site.send()
    assert site.mails() == {}
