#!/usr/bin/python3
"""Has our aggregate reports and their mails judged by others.

tests/report_corpus writes reports with every result, reason and disposition and with hostile
text in every field. Each must be valid by the schema of RFC 9990 (xmllint), and Python's XML
reader must find in it what went in: each octet that XML cannot hold, and only those, as U+FFFD.
The gzip form must hold the same octets. Each mail must be without a defect for Python's email
package, with the file name and Subject of RFC 9990 3.5.2, give back its attachment, and its
signatures must verify with dkimpy and Mail::DKIM.

An altered twin of each must be refused, so that no judge passes by accident.

Environment: REPORT_CORPUS (default tests/report_corpus), srcdir. Exit code 0: all as expected,
1: not, 77: a judge is missing.
"""

import base64
import codecs
import email
import email.header
import email.policy
import email.utils
import glob
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

try:
    import dkim
    import nacl.signing  # noqa: F401: dkimpy needs it for Ed25519
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
REPORT_CORPUS = os.environ.get("REPORT_CORPUS", "tests/report_corpus")
SCHEMA = os.path.join(HERE, "data/report-xsd/rfc9990-dmarc-xml-0.2.xsd")
NAMESPACE = "{urn:ietf:params:xml:ns:dmarc-2.0}"
REPORTS, MAILS = 260, 117
DOMAIN = "mx.example"

# What makes a valid report invalid; one for each report in turn.
SPOILERS = [
    (b"</testing>", b"</testing><pct>100</pct>"),
    (b"</auth_results>", b"<dkim><domain>a.example</domain><result>pass</result></dkim>"
                         b"</auth_results>"),
    (b' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', b""),
    (b"  <version>1.0</version>\n", b""),  # and put behind, see spoil()
    (b"</envelope_from>", b"</envelope_from><envelope_from/>"),
    (b"<count>", b"<count>x"),
    (b"</disposition>", b"</disposition><reason><type>other</type></reason>"),
    (b"<disposition>", b"<disposition>forwarded "),
    (b"</source_ip>", b"</source_ip></row>"),
]

# The ABNF of RFC 9990 3.5.1 and 3.5.2; sub-domain of RFC 5321.
LDH = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN_NAME = LDH + r"(?:\." + LDH + r")+"
FILE_NAME = re.compile(r"%s!%s!\d+!\d+(?:![A-Za-z0-9]+)?\.xml(?:\.gz)?" % (DOMAIN_NAME, DOMAIN_NAME))
DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
RIDFMT = DOT_ATOM + "(?:@" + DOT_ATOM + ")?"
FWS = r"(?:(?:[ \t]*\r\n)?[ \t]+)"
SUBJECT = re.compile("Report{f}Domain:{f}({d}){f}Submitter:{f}({d}){f}"
                     "(?:Report-ID:{f}(?:<({r})>|({r})))?".format(f=FWS + "+", d=DOMAIN_NAME,
                                                                  r=RIDFMT))

codecs.register_error("each", lambda e: ("\ufffd" * (e.end - e.start), e.end))


def clean(text64):
    """The text that an XML reader must find for these octets."""
    text = base64.b64decode(text64).decode("utf-8", "each")
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def clean_line(text64):
    return re.sub("[\t\n\r\x7f-\x9f\u2028\u2029]", " ", clean(text64)).strip(" ")


class Wrong(Exception):
    pass


def expect(is_, expected, what):
    if is_ != expected:
        raise Wrong("%s: %.200r, not %.200r" % (what, is_, expected))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


# ---- reports ----

def spoil(number, content):
    old, new = SPOILERS[number % len(SPOILERS)]
    if content.count(old) == 0:
        raise Wrong("nothing to spoil")
    head, _, tail = content.partition(old)
    content = head + new + tail
    if b"<version>" in old:
        content = content.replace(b"  </report_metadata>\n",
                                  b"  </report_metadata>\n" + old, 1)
    return content


def valid_files(paths):
    """Those of the files that xmllint finds valid."""
    run = subprocess.run(["xmllint", "--noout", "--nonet", "--huge", "--schema", SCHEMA] + paths,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = run.stdout.decode("utf-8", "replace").splitlines()
    return {line[:-len(" validates")] for line in lines if line.endswith(" validates")}


def texts(element, *names):
    """The text of each child in turn, in this order, "?" behind names that may be missing;
    nothing else may be there."""
    children = list(element)
    found = []
    for name in names:
        may_miss = name.endswith("?")
        name = NAMESPACE + name.rstrip("?")
        if children and children[0].tag == name:
            found.append(children.pop(0))
        elif may_miss:
            found.append(None)
        else:
            raise Wrong("%s: no %s" % (element.tag, name))
    if children:
        raise Wrong("%s: %s is too much" % (element.tag, children[0].tag))
    return [child if child is None or len(child) else child.text or "" for child in found]


def optional(text64):
    return clean(text64) or None


def check_head(root_children, head):
    metadata, policy = root_children
    org, mail, contact, report_id, dates, error, generator = texts(
        metadata, "org_name", "email", "extra_contact_info?", "report_id", "date_range", "error?",
        "generator")
    expect([org, mail, report_id], [clean(head[key]) for key in ("org_name", "email", "report_id")],
           "report_metadata")
    expect([contact, error], [optional(head["extra_contact_info"]), optional(head["error"])],
           "report_metadata")
    expect(texts(dates, "begin", "end"), [str(head["begin"]), str(head["end"])], "date_range")
    expect(generator.split(" ")[0], "Assay", "generator")
    expect(texts(policy, "domain", "discovery_method", "p", "sp?", "np?", "fo", "adkim", "aspf",
                 "testing"),
           [clean(head["domain"]), "treewalk", head["p"], head["sp"], head["np"],
            clean(head["fo"]), head["adkim"], head["aspf"], head["testing"]], "policy_published")


def check_reason(element, expected):
    expect(texts(element, "type", "comment?"), [expected["type"], optional(expected["comment"])],
           "reason")


def check_dkim(element, expected):
    expect(texts(element, "domain", "selector", "result", "human_result?"),
           [clean(expected["domain"]), clean(expected["selector"]), expected["result"],
            optional(expected["human_result"])], "dkim")


def check_spf(element, expected):
    expect(texts(element, "domain", "scope", "result", "human_result?"),
           [clean(expected["domain"]), "mfrom", expected["result"],
            optional(expected["human_result"])], "spf")


def check_record(element, expected):
    expect([child.tag for child in element],
           [NAMESPACE + name for name in ("row", "identifiers", "auth_results")], "record")
    row, identifiers, results = element
    source, count, evaluated = texts(row, "source_ip", "count", "policy_evaluated")
    expect([source, count], [expected["source_ip"], str(expected["count"])], "row")
    reasons = ["reason"] * len(expected["reasons"])
    disposition, dkim_aligned, spf_aligned, *reasons = texts(evaluated, "disposition", "dkim",
                                                             "spf", *reasons)
    expect([disposition, dkim_aligned, spf_aligned],
           [expected[key] for key in ("disposition", "dkim", "spf")], "policy_evaluated")
    for reason, wanted in zip(reasons, expected["reasons"]):
        check_reason(reason, wanted)
    expect(texts(identifiers, "header_from", "envelope_from"),
           [clean(expected["header_from"]), clean(expected["envelope_from"])], "identifiers")
    names = ["dkim"] * len(expected["dkim_results"]) + ["spf"] * bool(expected["spf_result"])
    results = texts(results, *names)
    for result, wanted in zip(results, expected["dkim_results"]):
        check_dkim(result, wanted)
    if expected["spf_result"]:
        check_spf(results[-1], expected["spf_result"])


def check_report(content, zipped, expected):
    expect(gzip.decompress(zipped), content, "gzip")
    expect(zipped[3:8], b"\0" * 5, "gzip: flags and time")
    root = ElementTree.fromstring(content)
    expect(root.tag, NAMESPACE + "feedback", "root")
    version, *head = list(root)[:3]
    expect((version.tag, version.text), (NAMESPACE + "version", "1.0"), "version")
    check_head(head, expected["head"])
    records = list(root)[3:]
    expect([record.tag for record in records], [NAMESPACE + "record"] * len(expected["records"]),
           "records")
    for record, wanted in zip(records, expected["records"]):
        check_record(record, wanted)


def judge_reports(directory, paths):
    """Names of the reports that are not as they should be, with why; and of the spoiled ones
    that are accepted."""
    wrong, accepted, spoiled = {}, {}, {}
    for number, path in enumerate(paths):
        spoiled[path] = os.path.join(directory, "spoiled-" + os.path.basename(path))
        write(spoiled[path], spoil(number, read(path)))
    valid = valid_files(paths)
    valid_spoiled = valid_files(list(spoiled.values()))
    for path in paths:
        if path not in valid:
            wrong[path] = "not valid"
            continue
        if spoiled[path] in valid_spoiled:
            accepted[path] = "accepted"
        try:
            check_report(read(path), read(path + ".gz"), json.loads(read(path[:-4] + ".json")))
        except (Wrong, ElementTree.ParseError, OSError) as error:
            wrong[path] = str(error)
    return wrong, accepted


# ---- mails ----

FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
          "Content-Type"]


def check_defects(message):
    for part in message.walk():
        expect(part.defects, [], "defects")
        for name, value in part.items():
            expect(list(getattr(value, "defects", [])), [], "defects of %s" % name)


def check_lines(octets):
    for line in octets.split(b"\r\n"):
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Wrong("a bare CR or LF, or NUL: %.100r" % line)
        if len(line) > 998:
            raise Wrong("a line of %d octets" % len(line))
        expect(all(32 <= octet < 127 or octet == 9 for octet in line), True, "7-bit text")


def check_names(message, subject, expected):
    attachment = list(message.iter_attachments())[0]
    expect(attachment.get_filename(), expected["file_name"], "file name")
    expect(message["Subject"], expected["subject"], "Subject")
    expect(message["Message-ID"].startswith("<"), True, "Message-ID")
    if expected["hostile"]:
        return
    policy_domain, receiver, report_id = (
        base64.b64decode(expected[key]).decode() for key in ("policy_domain", "receiver",
                                                             "report_id"))
    expect(expected["file_name"],
           "%s!%s!%d!%d!%s.%s" % (receiver, policy_domain, expected["begin"], expected["end"],
                                  report_id, "xml.gz" if expected["gzip"] else "xml"), "file name")
    if not FILE_NAME.fullmatch(expected["file_name"]):
        raise Wrong("file name: not by the ABNF")
    match = SUBJECT.fullmatch(subject)
    if not match:
        raise Wrong("Subject: not by the ABNF: %r" % subject)
    expect(match.groups(), (policy_domain, receiver, report_id, None), "Subject")
    expect(message["Message-ID"], "<%s@%s>" % (report_id, receiver), "Message-ID")
    wanted = [base64.b64decode(text).decode() for text in expected["recipients"]]
    expect([address.addr_spec for address in message["To"].addresses], wanted, "To")


def check_text(message, expected):
    text = message.get_body(("plain",))
    expect(text.get_content_type(), "text/plain", "text part")
    words = text.get_content()
    for wanted in (clean_line(expected["org"]), clean_line(expected["contact"]),
                   "%d" % expected["messages"]):
        if wanted not in words.replace("\r\n", "\n"):
            raise Wrong("text part: %.100r is not in it" % wanted)


def check_mail(octets, body, expected):
    """The mail without its DKIM-Signature fields."""
    check_lines(octets)
    message = email.message_from_bytes(octets, policy=email.policy.default)
    raw = email.message_from_bytes(octets)
    check_defects(message)
    expect(message.keys(), FIELDS, "fields")
    expect(message["Auto-Submitted"], "auto-generated", "Auto-Submitted")
    expect(message["From"].addresses[0].addr_spec, "dmarc@" + DOMAIN, "From")
    expect(len(message["From"].addresses), 1, "From")
    # not by policy.default, which leaves a blank between encoded-words (RFC 2047 6.2)
    name, _ = email.utils.parseaddr(re.sub("\r\n", "", raw["From"]))
    expect(str(email.header.make_header(email.header.decode_header(name))),
           clean_line(expected["org"]), "From")
    expect(int(message["Date"].datetime.timestamp()), expected["date"], "Date")
    expect(message.get_content_type(), "multipart/mixed", "Content-Type")
    parts = list(message.iter_parts())
    expect([part.get_content_type() for part in parts],
           ["text/plain", "application/gzip" if expected["gzip"] else "text/xml"], "parts")
    expect(parts[1].get_content_disposition(), "attachment", "Content-Disposition")
    expect(parts[1]["Content-Transfer-Encoding"], "base64", "Content-Transfer-Encoding")
    expect(parts[1].get_payload(decode=True), body, "attachment")
    subject = re.search(rb"\r\nSubject: ((?:.|\r\n[ \t])*)\r\n(?![ \t])", octets).group(1).decode()
    check_names(message, subject, expected)
    check_text(message, expected)


def split_signatures(octets):
    """The DKIM-Signature fields on top, and the mail below."""
    fields = []
    while octets.startswith(b"DKIM-Signature:"):
        end = re.search(rb"\r\n(?![ \t])", octets).end()
        fields.append(octets[:end])
        octets = octets[end:]
    return fields, octets


def judge_mails(paths):
    wrong, accepted = {}, {}
    for path in paths:
        expected = json.loads(read(path[:-4] + ".json"))
        body = read(path[:-4] + ".body")
        fields, octets = split_signatures(read(path))
        try:
            expect(len(fields), 2, "signatures")
            for field in fields:
                check_lines(field)
            check_mail(octets, body, expected)
        except (Wrong, ValueError, LookupError, AttributeError) as error:
            wrong[path] = "%s: %s" % (type(error).__name__, error)
        try:  # as if a value had got a line of its own
            check_mail(octets.replace(b"\r\nTo:", b"\r\nBcc: x@example.net\r\nTo:", 1), body,
                       expected)
            accepted[path] = "accepted"
        except (Wrong, ValueError, LookupError, AttributeError):
            pass
    return wrong, accepted


# ---- signatures ----

def altered(octets, number):
    """One octet of the body, or of the From field, is another."""
    at = octets.index(b"\r\n\r\n") + 20 if number % 2 else octets.index(b"dmarc@")
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def judge_dkimpy(paths, records):
    def lookup(name, timeout=5):
        return records[name.decode().rstrip(".")].encode()

    def verify(octets):
        try:
            return dkim.DKIM(octets).verify(idx=0, dnsfunc=lookup) and \
                dkim.DKIM(octets).verify(idx=1, dnsfunc=lookup)
        except dkim.DKIMException as error:
            return str(error)

    wrong, accepted = {}, {}
    for number, path in enumerate(paths):
        octets = read(path)
        good = verify(octets)
        if good is not True:
            wrong[path] = good or "does not verify"
        fields, below = split_signatures(octets)
        if verify(b"".join(fields) + altered(below, number)) is True:
            accepted[path] = "accepted"
    return wrong, accepted


def judge_mail_dkim(directory, paths, records):
    write(os.path.join(directory, "keys"),
          "".join("%s %s\n" % item for item in records.items()).encode())
    jobs, names = [], []
    for number, path in enumerate(paths):
        fields, octets = split_signatures(read(path))
        for twin, message in enumerate((octets, altered(octets, number))):
            base = os.path.join(directory, "oracle-%d-%d" % (number, twin))
            write(base, message)
            for index, field in enumerate(fields):
                write("%s-%d" % (base, index), field)
                jobs.append("%s-%d\t%s\n" % (base, index, base))
                names.append((path, twin))
    run = subprocess.run(["/usr/bin/perl", os.path.join(HERE, "mail_dkim_oracle.pl"),
                          os.path.join(directory, "keys")], input="".join(jobs).encode(),
                         stdout=subprocess.PIPE)
    answers = run.stdout.decode().splitlines()
    if run.returncode == 77:
        return None
    wrong, accepted, verified = {}, {}, set()
    if run.returncode != 0 or len(answers) != len(jobs):
        return {path: "Mail::DKIM: exit code %d" % run.returncode for path in paths}, {}
    for (path, twin), answer in zip(names, answers):
        if answer.startswith("skip "):
            continue
        if twin and answer == "pass":
            accepted[path] = "accepted"
        elif not twin and answer == "pass":
            verified.add(path)
        elif not twin:
            wrong[path] = answer
    for path in set(paths) - verified - set(wrong):
        wrong[path] = "no signature was judged"
    return wrong, accepted


# ---- all ----

def make_keys(directory):
    """A KeyDirectory; returns the records by name."""
    keys = os.path.join(directory, "keydir", DOMAIN)
    os.makedirs(keys)
    records = {}
    for selector, arguments in (("r1", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                                ("e1", ["-algorithm", "ed25519"])):
        path = os.path.join(keys, selector + ".pem")
        subprocess.run(["openssl", "genpkey", "-out", path] + arguments, check=True,
                       stderr=subprocess.DEVNULL)
        os.chmod(path, 0o600)
        public = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
                                check=True, stdout=subprocess.PIPE).stdout
        tags = "k=rsa" if selector == "r1" else "k=ed25519"
        public = public if selector == "r1" else public[-32:]
        records["%s._domainkey.%s" % (selector, DOMAIN)] = "v=DKIM1; %s; p=%s" % (
            tags, base64.b64encode(public).decode())
    return records


def report(name, paths, answer):
    """Prints the counts of one judge; returns how many answers are wrong."""
    if answer is None:
        print("%-22s skipped: it is not installed" % name)
        return 0
    wrong, accepted = answer
    for path, why in list(wrong.items())[:10] + list(accepted.items())[:10]:
        print("WRONG: %s: %s: %s" % (name, os.path.basename(path), why))
    total = len(paths)
    print("%-22s %d of %d pass, %d of %d altered ones do not; %d wrong, 0 skipped"
          % (name, total - len(wrong), total, total - len(accepted), total,
             len(wrong) + len(accepted)))
    return len(wrong) + len(accepted)


def main():
    started = time.time()
    for program in (REPORT_CORPUS, shutil.which("xmllint") or "xmllint", shutil.which("openssl")):
        if not os.access(program, os.X_OK):
            print("skipped: there is no %s" % program)
            sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="assay-report-") as directory:
        records = make_keys(directory)
        subprocess.run([REPORT_CORPUS, directory, os.path.join(directory, "keydir")], check=True,
                       stdout=subprocess.DEVNULL)
        reports = sorted(glob.glob(os.path.join(directory, "[0-9]*.xml")))
        mails = sorted(glob.glob(os.path.join(directory, "[0-9]*.eml")))
        wrong = 0
        if (len(reports), len(mails)) != (REPORTS, MAILS):
            print("WRONG: %d reports and %d mails, not %d and %d" % (len(reports), len(mails),
                                                                     REPORTS, MAILS))
            wrong = 1
        wrong += report("xmllint and etree", reports, judge_reports(directory, reports))
        wrong += report("Python's email", mails, judge_mails(mails))
        wrong += report("dkimpy", mails, judge_dkimpy(mails, records))
        wrong += report("Mail::DKIM", mails, judge_mail_dkim(directory, mails, records))
    print("%.0f s" % (time.time() - started))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
