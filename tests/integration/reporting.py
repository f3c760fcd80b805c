"""`assay report` in a directory of its own: configuration, zone, store, and a mail server
that keeps what it gets. And reading the reports that arrive, with programs that are not ours.
"""

import collections
import email
import email.policy
import gzip
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import harness
import report_store

DAY = 86400
XSD = os.path.join(harness.TOP, "tests", "conformance", "data", "report-xsd",
                   "rfc9990-dmarc-xml-0.2.xsd")
NAMESPACE = "{urn:ietf:params:xml:ns:dmarc-2.0}"
SENDER = "dmarc-noreply@mx.example.org"
TODAY = 1795305600  # 2026-11-22 00:00 UTC
YESTERDAY = TODAY - DAY
MORNING = TODAY + 6 * 3600

Received = collections.namedtuple("Received", "to subject name root messages octets")


class World:
    """`assay report` over a store that the test fills."""

    def __init__(self, zone, transport=None, store=True, **options):
        self.dir = harness.scratch("report")
        self.path = os.path.join(self.dir, "reports.db")
        self.conf = os.path.join(self.dir, "assay.conf")
        with open(os.path.join(self.dir, "zone"), "w") as f:
            f.write(zone)
        self.sink = harness.Sink()
        self.options = {
            "Nameservers": "none", "LocalZone": os.path.join(self.dir, "zone"),
            "AuthservID": "mx.example.org", "ReportStore": self.path,
            "ReportJournal": os.path.join(self.dir, "journal"), "ReportSender": SENDER,
            "ReportTransport": transport or "smtp://127.0.0.1:%d" % self.sink.port}
        self.configure(**options)
        if store:
            report_store.make(harness.ASSAY, self.conf, self.path)

    def configure(self, **options):
        self.options.update(options)
        with open(self.conf, "w") as f:
            f.writelines("%s %s\n" % item for item in self.options.items() if item[1] is not None)

    def store(self):
        return report_store.Store(self.path)

    def fill(self, *domains, day=YESTERDAY, count=3, **columns):
        """Each domain asks for reports at its own dmarc@ address."""
        store = self.store()
        for domain in domains:
            store.domain(domain, "mailto:dmarc@" + domain, day, count, **columns)
        store.close()

    def command(self, part, *arguments):
        return [harness.ASSAY, "report", part, "-c", self.conf, *arguments]

    def run(self, part, *arguments, data=None):
        done = subprocess.run(self.command(part, *arguments), input=data, capture_output=True,
                              timeout=120 * harness.PATIENCE)
        complaint = harness.SANITIZER.search(done.stderr.decode())
        assert not complaint, done.stderr.decode()
        return done

    def send(self, *arguments, now=MORNING, code=0):
        """A run at a time of the test's; returns what it said."""
        done = self.run("send", "--all-due", "--now", str(now), *arguments)
        text = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code, (done.returncode, text)
        return text

    def show(self):
        done = self.run("show", "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def deliveries(self):
        """address -> [state, ...], oldest first."""
        found = {}
        store = self.store()
        for address, state in store.all("SELECT address, state FROM delivery ORDER BY id"):
            found.setdefault(address, []).append(state)
        store.close()
        return found

    def reports(self):
        """policy domain -> [(state, note), ...]"""
        found = {}
        store = self.store()
        for domain, *rest in store.all("SELECT p.domain, r.state, r.note FROM report r "
                                       "JOIN policy p ON p.id = r.policy ORDER BY r.id"):
            found.setdefault(domain, []).append(tuple(rest))
        store.close()
        return found

    def recipients(self):
        return sorted(r for r, _ in self.sink.messages())

    def stop(self):
        self.sink.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def validate(xml):
    """xmllint against the schema of RFC 9990 appendix A."""
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", XSD, "-"], input=xml,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode() + xml.decode()[:3000]


def read(message):
    """A report mail, taken apart and checked against the MUSTs of RFC 9990 3.5.2."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    attached = [p for p in parsed.walk() if p.get_filename()]
    assert len(attached) == 1, parsed.as_string()[:2000]
    name = attached[0].get_filename()
    octets = attached[0].get_payload(decode=True)
    if name.endswith(".gz"):
        assert attached[0].get_content_type() == "application/gzip"
        octets = gzip.decompress(octets)
    validate(octets)
    root = ElementTree.fromstring(octets)
    subject = str(parsed["Subject"])
    form = re.fullmatch(r"Report Domain: (\S+) Submitter: (\S+) Report-ID: <?([A-Za-z0-9]+)>?",
                        subject)
    assert form, subject
    parts = re.fullmatch(r"([^!]+)!([^!]+)!(\d+)!(\d+)!([A-Za-z0-9]+)\.xml(\.gz)?", name)
    assert parts, name
    assert parts.group(2) == form.group(1) == text(root, "policy_published/domain")
    assert parts.group(1) == form.group(2)
    assert parts.group(5) == form.group(3) == text(root, "report_metadata/report_id")
    assert parts.group(3) == text(root, "report_metadata/date_range/begin")
    assert parts.group(4) == text(root, "report_metadata/date_range/end")
    assert parsed["Auto-Submitted"] == "auto-generated"
    return Received(str(parsed["To"]), subject, name, root, total(root), octets)


def find(root, path):
    return root.find("/".join(NAMESPACE + step for step in path.split("/")))


def text(root, path):
    return find(root, path).text


def records(root):
    return root.findall(NAMESPACE + "record")


def total(root):
    """Messages in a report."""
    return sum(int(text(record, "row/count")) for record in records(root))
