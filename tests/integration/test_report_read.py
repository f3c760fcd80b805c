"""`assay report read`: what it makes of reports that were written by others, by us and by nobody
who means well; of files, directories, mailboxes and standard input.
"""

import base64
import email.message
import glob
import gzip
import io
import json
import mailbox
import os
import pty
import re
import shutil
import subprocess
import time
import zipfile

import pytest

import harness

CORPUS = os.path.join(harness.BUILD, "tests", "report_corpus")
SAMPLES = os.path.join(harness.TOP, "tests/conformance/data/report-samples")
REPORTS = 260  # that report_corpus writes
DAY = 86400
MEGABYTE = 1 << 20

RECORD = """<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated>
<disposition>%s</disposition><dkim>%s</dkim><spf>%s</spf></policy_evaluated></row>
<identifiers><header_from>%s</header_from></identifiers><auth_results><spf><domain>%s</domain>
<result>%s</result></spf></auth_results></record>"""


def record(ip="192.0.2.1", count=1, disposition="none", dkim="pass", spf="pass", domain="example.com"):
    return RECORD % (ip, count, disposition, dkim, spf, domain, domain, spf)


def report(number, *records, domain="example.com", org="Example Org", begin=20000 * DAY):
    return ("""<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version><report_metadata>
<org_name>%s</org_name><email>a@example.org</email><report_id>id%s</report_id><date_range>
<begin>%d</begin><end>%d</end></date_range></report_metadata><policy_published><domain>%s</domain>
<p>none</p></policy_published>%s</feedback>""" % (
        org, number, begin, begin + DAY - 1, domain, "".join(records or (record(),)))).encode()


def zipped(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def mail(content, subtype, name, text="This is a report."):
    message = email.message.EmailMessage()
    message["From"] = "reporter@example.org"
    message["Subject"] = "Report Domain: example.com"
    message.set_content(text)
    message.add_attachment(content, maintype="application", subtype=subtype, filename=name)
    return message


def read(*arguments, code=0, stdin=None, **options):
    """Runs the command; its output as text."""
    done = subprocess.run([harness.ASSAY, "report", "read", *arguments], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120 * harness.PATIENCE, **options)
    errors = done.stderr.decode()
    assert done.returncode == code, (done.returncode, errors, done.stdout[-2000:])
    assert not harness.SANITIZER.search(errors), errors
    return done.stdout.decode()


def read_json(*arguments, **options):
    return json.loads(read("--json", *arguments, **options))


# ---- what we write ----

@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """What report_corpus writes, with keys that it can sign with."""
    if not os.path.exists(CORPUS):
        pytest.skip("no %s: make check builds it" % CORPUS)
    directory, keys = tmp_path_factory.mktemp("reports"), tmp_path_factory.mktemp("keys")
    (keys / "mx.example").mkdir()
    key = keys / "mx.example" / "r1.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                    "-out", key], check=True, stderr=subprocess.DEVNULL)
    key.chmod(0o600)
    subprocess.run([CORPUS, directory, keys], check=True, stdout=subprocess.DEVNULL, timeout=300)
    return directory


def plain(text64):
    """The text, or None when it is one that reading may change."""
    octets = base64.b64decode(text64)
    good = re.fullmatch(rb"(?:[!-~](?:[ -~]*[!-~])?)?", octets) and len(octets) <= 1024
    return octets.decode() if good else None


def check_text(got, text64, what):
    wanted = plain(text64)
    assert wanted is None or got == wanted, (what, got, wanted)


def check_record(got, wanted, where):
    for key in ("source_ip", "count", "disposition", "dkim", "spf"):
        assert got[key] == wanted[key], (where, key)
    for key in ("header_from", "envelope_from"):
        check_text(got[key], wanted[key], (where, key))
    kept = wanted["reasons"][:20]
    assert [r["type"] for r in got["reasons"]] == [r["type"] for r in kept], where
    for reason, expected in zip(got["reasons"], kept):
        check_text(reason["comment"], expected["comment"], where)
    dkim = got["auth_results"]["dkim"]
    assert [d["result"] for d in dkim] == [d["result"] for d in wanted["dkim_results"]][:100], where
    for signature, expected in zip(dkim, wanted["dkim_results"]):
        for key in ("domain", "selector", "human_result"):
            check_text(signature[key], expected[key], (where, key))
    spf = got["auth_results"]["spf"]
    assert len(spf) == (wanted["spf_result"] is not None), where
    if spf:
        assert spf[0]["result"] == wanted["spf_result"]["result"], where
        check_text(spf[0]["domain"], wanted["spf_result"]["domain"], where)


def test_round_trip(corpus):
    """Reports that we wrote are read back to what went in, as XML and as gzip."""
    for ending in ("xml", "xml.gz"):
        files = sorted(glob.glob("%s/*.%s" % (corpus, ending)))
        files = [f for f in files if os.path.exists(f[:-len(ending)] + "json")]
        result = read_json(*files)
        assert len(files) == len(result["reports"]) == REPORTS
        assert result["summary"]["unreadable"] == result["summary"]["skipped_records"] == 0
        messages = passed = 0
        for path, got in zip(files, result["reports"]):
            with open(path[:-len(ending)] + "json") as stream:
                wanted = json.load(stream)
            assert got["where"] == path and got["rfc9990"] and not got["duplicate"]
            assert (got["begin"], got["end"]) == (wanted["head"]["begin"], wanted["head"]["end"])
            for key in ("org_name", "email", "extra_contact_info", "report_id", "error"):
                check_text(got[key], wanted["head"][key], (path, key))
            for key in ("p", "sp", "np", "adkim", "aspf", "testing"):
                assert got["policy_published"][key] == (wanted["head"][key] or ""), (path, key)
            assert len(got["records"]) == len(wanted["records"]), path
            for one, other in zip(got["records"], wanted["records"]):
                check_record(one, other, path)
                messages += other["count"]
                passed += other["count"] * ("pass" in (other["dkim"], other["spf"]))
        assert (result["summary"]["messages"], result["summary"]["passed"]) == (messages, passed)
        assert sum(s["messages"] for s in result["sources"]) == messages
        assert sum(s["passed"] for s in result["sources"]) == passed


# ---- places ----

def test_directory(tmp_path):
    """Hundreds of files of every kind, some in directories, some behind links."""
    forms = (lambda x: x, gzip.compress, lambda x: zipped("report.xml", x),
             lambda x: bytes(mail(gzip.compress(x), "gzip", "r.xml.gz")),
             lambda x: bytes(mail(zipped("r.xml", x), "zip", "r.zip")),
             lambda x: bytes(mail(x, "xml", "r.xml")))
    for i in range(600):
        directory = tmp_path / ("d%d" % (i % 7)) / "cur"
        directory.mkdir(parents=True, exist_ok=True)
        content = report(i, record(count=i), record("2001:db8::%x" % (i % 5), 1, dkim="fail", spf="fail"))
        (directory / ("file%d" % i)).write_bytes(forms[i % len(forms)](content))
    (tmp_path / "link").symlink_to(tmp_path / "d0" / "cur" / "file0")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    result = read_json(tmp_path)
    assert result["summary"]["reports"] == 600
    assert result["summary"]["duplicates"] == 1  # the link
    assert result["summary"]["messages"] == sum(range(600)) + 600
    assert result["summary"]["passed"] == sum(range(600))
    assert [s["source_ip"] for s in result["sources"]][-1] == "192.0.2.1"
    assert {s["messages"] for s in result["sources"][:5]} == {120}
    text = read(tmp_path)
    assert "600 reports by 1 organisation about example.com" in text
    assert "1 report was there twice and counts once." in text


def test_mailbox(tmp_path):
    """An mbox, one of its mails without a report; and the same on standard input."""
    box = mailbox.mbox(tmp_path / "box")
    for i in range(50):
        box.add(mail(gzip.compress(report(i)), "gzip", "r%d.xml.gz" % i, "From here\n\nFrom there\n"))
    box.add(b"From: a@example.com\nSubject: hello\n\nnothing\n")
    box.flush()
    content = (tmp_path / "box").read_bytes()
    for result in (read_json(tmp_path / "box"), read_json("-", stdin=content)):
        assert result["summary"]["reports"] == result["summary"]["messages"] == 50
        assert result["summary"]["other_mails"] == 1 and not result["unreadable"]
    assert result["reports"][7]["where"] == "standard input: message 8: attachment r7.xml.gz"


def test_a_mail_without_a_report(tmp_path):
    """Among reports it is only counted; alone it is not what was asked for."""
    (tmp_path / "mail").write_bytes(b"From: a@example.com\nSubject: hello\n\nnothing\n")
    result = read_json(tmp_path / "mail", code=65)
    assert result["summary"]["other_mails"] == 1
    assert result["unreadable"][0]["why"] == "no report in it"


def test_maildir(tmp_path):
    box = mailbox.Maildir(tmp_path / "box")
    for i in range(20):
        box.add(mail(gzip.compress(report(i)), "gzip", "r.xml.gz"))
    assert read_json(tmp_path / "box")["summary"]["reports"] == 20


def test_duplicates(tmp_path):
    (tmp_path / "a").write_bytes(report(1))
    (tmp_path / "b").write_bytes(gzip.compress(report(1)))
    (tmp_path / "c").write_bytes(report(1, org="Another"))
    (tmp_path / "d").write_bytes(report(1, domain="example.net"))
    result = read_json(tmp_path)
    assert [r["duplicate"] for r in result["reports"]] == [False, True, False, False]
    assert result["summary"]["reports"] == result["summary"]["messages"] == 3


def test_domain(tmp_path):
    for i, domain in enumerate(("example.com", "a.example.com", "notexample.com", "example.net")):
        (tmp_path / str(i)).write_bytes(report(i, domain=domain))
    result = read_json("--domain", "Example.COM", tmp_path)
    assert {d["name"] for d in result["domains"]} == {"example.com", "a.example.com"}
    assert result["summary"]["other_domains"] == 2
    assert "2 reports are about other domains." in read("--domain", "example.com", tmp_path)
    read("--domain", "no domain", tmp_path, code=64)


# ---- exit codes and what could not be read ----

def test_exit_codes(tmp_path):
    good, bad, missing = tmp_path / "good", tmp_path / "bad", tmp_path / "missing"
    good.write_bytes(report(1))
    bad.write_bytes(report(2)[:-10])
    read(good)
    read(code=64)
    read("--unknown", good, code=64)
    read("--json", "--html", "-", good, code=64)
    text = read(good, bad, code=65)
    assert "1 message, 100% passed DMARC." in text
    assert "%s: it is no well-formed XML" % bad in text
    text = read(missing, good, bad, code=66)
    assert "1 message, 100% passed DMARC." in text
    assert "%s: No such file or directory" % missing in text
    read("--html", tmp_path / "nowhere" / "x.html", good, code=73)
    (tmp_path / "empty").mkdir()
    assert "no file in it" in read(tmp_path / "empty", code=65)
    read(os.path.join(SAMPLES, "mail-auth-arf", "001.eml"))  # a failure report alone


def test_failure_reports():
    files = sorted(glob.glob(SAMPLES + "/mail-auth-arf/*.eml"))
    result = read_json(*files)
    assert len(result["failure_reports"]) == result["summary"]["failure_reports"] == 5
    assert result["failure_reports"][3]["auth_failure"] == "dmarc"
    assert result["failure_reports"][3]["source_ip"] == "148.163.85.135"
    text = read(*files)
    assert "Failure reports" in text and "bodyhash failure from 192.0.2.1" in text


# ---- the look ----

def on_terminal(path, **environment):
    """The output when standard output is a terminal."""
    outer, inner = pty.openpty()
    env = dict(os.environ, **environment)
    process = subprocess.Popen([harness.ASSAY, "report", "read", path], stdout=inner, env=env)
    os.close(inner)
    output = b""
    while True:
        try:
            octets = os.read(outer, 65536)
        except OSError:
            break
        if not octets:
            break
        output += octets
    os.close(outer)
    assert process.wait(60) == 0
    return output.decode().replace("\r\n", "\n")


LONGEST = "2001:db8:1111:2222:3333:4444:5555:6666"


def test_terminal(tmp_path):
    """Colours on a terminal only, and not when NO_COLOR says so; lines fit it."""
    path = tmp_path / "x"
    path.write_bytes(report(1, record(LONGEST, 1234567, "reject", "fail", "fail"), record()))
    environment = {"NO_COLOR": "", "COLUMNS": ""}
    coloured = on_terminal(path, **environment)
    assert "\033[31m" + LONGEST in coloured
    for columns in (60, 80, 100, 132):
        text = on_terminal(path, NO_COLOR="1", COLUMNS=str(columns))
        assert "\033" not in text
        assert LONGEST in text and "1,234,567" in text
        assert "no DKIM signature; SPF fail" in " ".join(text.split())
        for line in text.splitlines():
            assert len(line) <= max(columns, 77), line  # an address needs what it needs
    assert "\033" not in read(path)


def test_hostile_text(tmp_path):
    """What strangers write reaches neither the terminal nor the page as anything but text."""
    nasty = "a&#155;31m&#x202e;&lt;script&gt;alert(1)&lt;/script&gt;"
    (tmp_path / "x.xml").write_bytes(report(1, record(domain=nasty, dkim="fail", spf="fail"), org=nasty))
    (tmp_path / "y\033[31m\n.xml").write_bytes(b"<x/>")
    page = tmp_path / "page.html"
    text = read("--html", page, tmp_path / "x.xml", tmp_path / "y\033[31m\n.xml", code=65)
    for octet in ("\033", "\x9b", "\u202e"):
        assert octet not in text
        assert octet not in page.read_text()
    assert "<script>alert" in text and "<script>alert" not in page.read_text()


def test_many_sources(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(report(1, *(record("10.0.%d.%d" % (i // 256, i % 256)) for i in range(1000))))
    text = read(path)
    assert "and 900 more sources with 900 messages, 100% passed; --all shows them" in text
    assert len(re.findall("^10[.]", text, re.M)) == 100
    assert len(re.findall("^10[.]", read("--all", path), re.M)) == 1000


# ---- harm ----

SANITIZED = any(s in open(harness.ASSAY, "rb").read() for s in (b"__asan_init", b"__tsan_init")) \
    if os.path.exists(harness.ASSAY) else False


def seconds_of(*arguments, code, megabytes):
    """How long reading takes, with so much memory and no more."""
    limit = [] if SANITIZED else ["prlimit", "--as=%d" % (megabytes * MEGABYTE)]
    started = time.monotonic()
    done = subprocess.run([*limit, harness.ASSAY, "report", "read", *arguments],
                          stdout=subprocess.DEVNULL, timeout=300 * harness.PATIENCE)
    assert done.returncode == code
    return 0 if SANITIZED else time.monotonic() - started


def bomb(megabytes):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as out:
        for _ in range(megabytes):
            out.write(b"\0" * MEGABYTE)
    return packed.getvalue()


def test_bombs(tmp_path):
    """Bombs cost neither time nor memory, and are named."""
    content = bomb(300)
    (tmp_path / "gzip").write_bytes(content)
    (tmp_path / "gzip in gzip").write_bytes(gzip.compress(content))
    (tmp_path / "zip").write_bytes(zipped("x.xml", b"\0" * (150 * MEGABYTE)))
    (tmp_path / "laughs").write_bytes(
        b"<!DOCTYPE f [<!ENTITY a 'ha'>" +
        b"".join(b"<!ENTITY %c '%s'>" % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 110)) +
        b"]><feedback>&m;</feedback>")
    (tmp_path / "deep").write_bytes(b"<feedback>" + b"<a>" * 1000000)
    (tmp_path / "wide").write_bytes(
        b"<feedback " + b" ".join(b"a%d=''" % i for i in range(1000000)) + b"/>")
    (tmp_path / "mail").write_bytes(b"Content-Type: message/rfc822\n\n" * 100000)
    (tmp_path / "parts").write_bytes(b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 500000)
    (tmp_path / "good").write_bytes(report(1))
    assert seconds_of(tmp_path, code=65, megabytes=400) < 20 * harness.PATIENCE
    result = read_json(tmp_path, code=65)
    assert result["summary"]["reports"] == 1
    assert sorted(os.path.basename(u["where"]) for u in result["unreadable"]) == [
        "deep", "gzip", "gzip in gzip", "laughs", "wide", "zip"]
    assert result["summary"]["other_mails"] == 2  # "mail" and "parts"
    why = {os.path.basename(u["where"]): u["why"] for u in result["unreadable"]}
    assert "DOCTYPE" in why["laughs"] and "250 times" in why["gzip"]


def test_external_entity(tmp_path):
    """Nothing is opened for a report but itself."""
    if not shutil.which("strace"):
        pytest.skip("no strace: apt-get install strace")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "x.xml").write_text(
        '<!DOCTYPE f [<!ENTITY x SYSTEM "file://%s">]><feedback>&x;</feedback>' % secret)
    (tmp_path / "y.xml").write_text(
        '<feedback xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="%s" parse="text"/>'
        '</feedback>' % secret)
    trace = tmp_path / "trace"
    done = subprocess.run(["strace", "-f", "-e", "trace=openat,open,connect,socket", "-o", trace,
                           harness.ASSAY, "report", "read", tmp_path / "x.xml", tmp_path / "y.xml"],
                          stdout=subprocess.PIPE)
    if done.returncode != 65:
        pytest.skip("strace cannot trace here")
    assert "x.xml" in trace.read_text()
    assert "secret" not in trace.read_text() and "AF_INET" not in trace.read_text()
    assert b"secret" not in done.stdout.replace(str(tmp_path).encode(), b"")


def test_large_report(tmp_path):
    """A report of 100,000 records: in seconds, in bounded memory."""
    one = record("192.0.2.%d")
    with gzip.open(tmp_path / "large.gz", "wt") as out:
        head, tail = report(1, "RECORDS").decode().split("RECORDS")
        out.write(head)
        for i in range(100000):
            out.write(one % (i % 256))
        out.write(tail)
    assert seconds_of(tmp_path / "large.gz", code=0, megabytes=400) < 10 * harness.PATIENCE
    assert read_json(tmp_path / "large.gz")["summary"]["messages"] == 100000
