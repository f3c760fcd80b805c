"""`assay report` over a made store: who is sent what, what is put off, what is given up, and that a
run may end at any point. The path of real messages is in test_reports.py.
"""

import json
import os
import pty
import random
import re
import signal
import subprocess
import time

import pytest

import harness
import reporting
from reporting import DAY, MORNING, TODAY, YESTERDAY

ZONE = """\
$TTL 300
_dmarc.one.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@one.example"
_dmarc.asks.example. IN TXT "v=DMARC1; p=none; rua=mailto:d@asks.example"
asks.example._report._dmarc.confirms.example. IN TXT "v=DMARC1"
*._report._dmarc.everybody.example. IN TXT "v=DMARC1;"
asks.example._report._dmarc.overrides.example. IN TXT "v=DMARC1; rua=mailto:other@overrides.example"
asks.example._report._dmarc.elsewhere.example. IN TXT "v=DMARC1; rua=mailto:other@victim.example"
asks.example._report._dmarc.late.example. IN TXT "v=DMARC1"
"""


@pytest.fixture
def make_world():
    made = []

    def make(zone=ZONE, **options):
        made.append(reporting.World(zone, **options))
        return made[-1]

    yield make
    for world in made:
        world.stop()


@pytest.fixture
def world(make_world):
    return make_world()


# ------------------------------------------------------------- nothing to do


def test_not_configured(make_world):
    world = make_world(store=False, ReportStore=None)
    for part in ("send", "show", "suppress", "bounce"):
        done = world.run(part, data=b"")
        assert done.returncode == 0
        assert done.stdout == b"Reports are off: ReportStore is not set (assay.conf(5)).\n"
    assert world.show() == {}
    assert world.run("suppress", "dmarc@one.example").returncode == 69  # nobody noted it


def test_no_store_yet(make_world):
    """It is assayd that makes the file, with its own rights."""
    world = make_world(store=False)
    for part in ("send", "show", "suppress"):
        done = world.run(part)
        assert done.returncode == 0 and b"does not exist yet" in done.stdout
    assert world.show() == {}
    assert world.run("suppress", "dmarc@one.example").returncode == 69
    assert not os.path.exists(world.path)


def test_nothing_to_report(world):
    assert world.send() == "Nothing is to be reported.\n"


def test_wrong_command_lines(world):
    for arguments in (["--day", "2026-02-30"], ["--domain", "a b"], ["now"], ["--now", "x"],
                      ["--nonsense"]):
        done = world.run("send", *arguments)
        assert done.returncode == 64, (arguments, done)
    assert subprocess.run([harness.ASSAY, "report", "sned"], capture_output=True).returncode == 64
    assert subprocess.run([harness.ASSAY, "report"], capture_output=True).returncode == 64


# -------------------------------------------------------------------- sending


def test_claim_of_a_wrong_clock(world):
    """A run that was killed while the clock was years ahead holds no report for years."""
    works = world.options["ReportTransport"]
    world.fill("one.example")
    world.configure(ReportTransport="smtp://127.0.0.1:1")
    world.send(code=75)
    world.configure(ReportTransport=works)
    store = world.store()
    store.db.execute("UPDATE report SET claimed_until = ?", (MORNING + 3650 * DAY,))
    store.close()
    world.send(now=MORNING + DAY // 2)
    assert world.recipients() == ["dmarc@one.example"]


def test_one_report(world):
    world.fill("one.example", count=7)
    said = world.send()
    report = reporting.read(world.sink.wait("dmarc@one.example"))
    assert report.messages == 7
    assert report.to == "dmarc@one.example"
    assert reporting.text(report.root, "report_metadata/date_range/begin") == str(YESTERDAY)
    assert reporting.text(report.root, "report_metadata/date_range/end") == str(TODAY - 1)
    assert "sent            1  mails; 1 of 1 reports are done" in said
    assert "without a DKIM signature" in said and "assay genkey" in said
    assert world.reports() == {"one.example": [("done", "")]}
    assert world.send(now=MORNING + 3600) == "Nothing is to be reported.\n"
    assert world.recipients() == ["dmarc@one.example"]


def test_larger_than_any_mail(world):
    """Who forges mail with many random signatures cannot make a report so large that nobody gets it.
    The domain is told of all parts, also of the one in which nothing was accepted."""
    names = random.Random(1)
    store = world.store()
    policy = store.policy("one.example", "mailto:dmarc@one.example")
    records = 7000
    for n in range(records):
        signatures = [{"domain": "%0100x.example" % names.getrandbits(400),
                       "selector": "%060x" % names.getrandbits(240), "result": "fail", "reason": ""}
                      for _ in range(40)]
        key = store.tuple(policy, "one.example", source="192.0.2.%d" % (n % 256), passed=False,
                          disposition="none" if n == 0 else "reject",
                          signatures=json.dumps(signatures))
        store.messages(key, [YESTERDAY + n])
    store.close()
    reports = []
    for hour in range(4):
        world.send(now=MORNING + hour * 3600)
        if {state for state, _ in world.reports()["one.example"]} == {"done"}:
            break
    for recipient, message in world.sink.messages():
        assert recipient == "dmarc@one.example" and len(message) < 25 << 20
        reports.append(reporting.read(message))
    assert len(reports) == len(world.reports()["one.example"]) > 1
    assert sum(report.messages for report in reports) == records
    assert len({report.name for report in reports}) == len(reports)


def test_sendmail_command(make_world, tmp_path):
    script = tmp_path / "sendmail"
    script.write_text("#!/bin/sh\necho \"$*\" > %s/arguments\ncat > %s/mail\n"
                      % (tmp_path, tmp_path))
    script.chmod(0o755)
    world = make_world(transport="sendmail:%s" % script)
    world.fill("one.example")
    world.send()
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["-i", "-f", reporting.SENDER, "--", "dmarc@one.example"]
    mail = (tmp_path / "mail").read_bytes()
    assert reporting.read(mail).messages == 3


def test_destinations(make_world):
    """RFC 9990 4: confirmed, by a wildcard, overridden, to another host, refused, unanswered."""
    dns = harness.Dns(ZONE, failing=("late.example",))
    world = make_world(Nameservers="127.0.0.1@%d" % dns.port, LocalZone=None, ResolverTimeout="2",
                       ReportMaximumURIs="10")
    store = world.store()
    store.domain("asks.example", ["mailto:d@sub.asks.example", "mailto:d@confirms.example",
                                  "mailto:d@overrides.example", "mailto:d@elsewhere.example",
                                  "mailto:d@refuses.example", "mailto:d@late.example",
                                  "https://asks.example/report"], YESTERDAY)
    store.close()
    said = world.send("-v")
    assert world.recipients() == ["d@confirms.example", "d@sub.asks.example",
                                  "other@overrides.example"]
    assert "nothing is sent to mailto:d@elsewhere.example: " in said
    assert "nothing is sent to mailto:d@refuses.example: no v=DMARC1 record" in said
    assert "later           1  reports: the DNS did not answer for some destination" in said
    assert world.deliveries() == {
        "d@sub.asks.example": ["sent"], "d@confirms.example": ["sent"],
        "other@overrides.example": ["sent"], "mailto:d@elsewhere.example": ["unverified"],
        "mailto:d@refuses.example": ["unverified"]}
    assert world.reports() == {"asks.example": [("planned", "")]}
    # the DNS is back: only what was open is sent, as the same report
    dns.failing = []
    world.send(now=MORNING + 3600)
    ids = {reporting.read(m).name for _, m in world.sink.messages()}
    assert len(ids) == 1
    assert len(world.recipients()) == 4 and world.recipients().count("d@late.example") == 1
    assert world.reports() == {"asks.example": [("done", "")]}
    dns.stop()


def test_dns_that_never_answers(make_world):
    dns = harness.Dns(ZONE, failing=("example",))
    world = make_world(Nameservers="127.0.0.1@%d" % dns.port, LocalZone=None, ResolverTimeout="2")
    store = world.store()
    store.domain("asks.example", "mailto:d@late.example", YESTERDAY)
    store.close()
    world.send()
    assert world.reports() == {"asks.example": [("planned", "")]}
    said = world.send("-v", now=MORNING + 2 * DAY + 1)
    assert "nothing is sent to mailto:d@late.example" in said
    assert world.reports()["asks.example"][0][0] == "skipped"
    assert world.recipients() == []
    dns.stop()


def test_one_address_twice_and_odd_uris(make_world):
    world = make_world(ReportMaximumURIs="10")
    store = world.store()
    store.domain("asks.example", ["mailto:d@asks.example", "mailto:d@ASKS.example?subject=x",
                                  "mailto:%64@asks.example", "mailto:a@asks.example%2Cb@asks.example",
                                  "mailto:a%0D%0ARCPT%20TO:<b@c>@asks.example", "mailto:",
                                  "mailto:r%2Bx@asks.example"], YESTERDAY)
    store.close()
    world.send()
    assert world.recipients() == ["d@asks.example", "r+x@asks.example"]


def test_at_most_so_many_uris(make_world):
    world = make_world(ReportMaximumURIs="2")
    store = world.store()
    store.domain("asks.example", ["https://asks.example/", "mailto:a@asks.example",
                                  "mailto:b@asks.example", "mailto:c@asks.example"], YESTERDAY)
    store.close()
    world.send()
    assert world.recipients() == ["a@asks.example", "b@asks.example"]


def test_large_report_in_parts(make_world):
    world = make_world(ReportMaximumRecords="100")
    store = world.store()
    policy = store.policy("one.example", "mailto:dmarc@one.example")
    for n in range(250):
        key = store.tuple(policy, "one.example", source="2001:db8::%x" % n)
        store.messages(key, [YESTERDAY + n, YESTERDAY + n + 1000])
    store.close()
    world.send()
    reports = [reporting.read(m) for _, m in world.sink.messages()]
    assert sorted(len(reporting.records(r.root)) for r in reports) == [50, 100, 100]
    assert sum(r.messages for r in reports) == 500
    assert len({r.name for r in reports}) == 3
    sources = [reporting.text(record, "row/source_ip") for r in reports
               for record in reporting.records(r.root)]
    assert len(set(sources)) == 250


def test_periods_of_an_hour(make_world):
    world = make_world(ReportInterval="1h")
    store = world.store()
    store.domain("one.example", "mailto:dmarc@one.example", TODAY, 3)  # 00:00, 00:01, 00:02
    key = store.one("SELECT id FROM tuple")
    store.messages(key, [TODAY + 3600, TODAY + 7200])
    store.close()
    world.send(now=TODAY + 7200)  # the third hour has just begun
    reports = sorted((reporting.read(m) for _, m in world.sink.messages()), key=lambda r: r.name)
    assert [r.messages for r in reports] == [3, 1]
    assert [reporting.text(r.root, "report_metadata/date_range/end") for r in reports] == \
        [str(TODAY + 3599), str(TODAY + 7199)]


def test_domain_and_day(world):
    world.fill("one.example", "two.example", day=YESTERDAY - DAY)
    world.fill("one.example", "two.example", day=YESTERDAY)
    world.send("--domain", "One.Example", "--day", "2026-11-20")
    assert world.recipients() == ["dmarc@one.example"]
    assert "has no period yet that is over" in world.send("--day", "2026-11-22")
    world.send("--day", "2026-11-20")
    assert world.recipients() == ["dmarc@one.example", "dmarc@two.example"]
    world.send()
    assert len(world.recipients()) == 4


def test_jitter(make_world):
    world = make_world(ReportJitter="4h")
    domains = ["d%d.example" % n for n in range(40)]
    world.fill(*domains)
    counts = []
    for hours in (0, 1, 2, 3, 4):
        done = world.run("send", "--now", str(TODAY + hours * 3600 + 300))
        assert done.returncode == 0
        counts.append(len(world.recipients()))
    assert counts[0] < counts[1] < counts[2] < counts[3] <= counts[4] == 40, counts
    assert counts[0] < 10


def test_a_period_settles_before_it_is_planned(world):
    """Other hosts may still have results of it in their journals."""
    world.fill("one.example")
    done = world.run("send", "--now", str(TODAY + 100))
    assert done.stdout == b"Nothing is to be reported.\n"


# ----------------------------------------------------------------- politeness


@pytest.mark.parametrize("when,sent", [("accepted", "ac"), ("passed", "c"), ("always", "abc")])
def test_when(make_world, when, sent):
    world = make_world(ReportWhen=when)
    world.fill("a.example", passed=False)
    world.fill("b.example", passed=False, disposition="reject")
    world.fill("c.example", passed=True, disposition="pass")
    world.send()
    assert world.recipients() == ["dmarc@%s.example" % name for name in sent]
    # what was skipped once never comes back
    world.configure(ReportWhen="always")
    world.send(now=MORNING + 3600)
    assert world.recipients() == ["dmarc@%s.example" % name for name in sent]


def test_excluded(make_world):
    world = make_world(ReportExclude="one.example, .two.example, dmarc@three.example, "
                                     "d@confirms.example")
    world.fill("one.example", "two.example", "sub.two.example", "three.example", "four.example")
    store = world.store()
    store.domain("asks.example", ["mailto:d@confirms.example", "mailto:d@asks.example"], YESTERDAY)
    store.close()
    said = world.send("-v")
    assert world.recipients() == ["d@asks.example", "dmarc@four.example", "dmarc@two.example"]
    assert "one.example: skipped: ReportExclude names the domain" in said
    assert "three.example: skipped: dmarc@three.example: ReportExclude names it" in said


def test_never_to_ourselves(world):
    store = world.store()
    store.domain("mx.example.org", "mailto:" + reporting.SENDER, YESTERDAY)
    store.close()
    world.send()
    assert world.recipients() == []
    assert world.reports()["mx.example.org"][0][0] == "skipped"


def test_daily_maximum(make_world):
    world = make_world(ReportDailyMaximum="3")
    world.fill(*["d%d.example" % n for n in range(5)])
    said = world.send()
    assert len(world.recipients()) == 3
    assert "later           2  reports: ReportDailyMaximum (3 mails in 24 hours) is reached" in said
    world.send(now=MORNING + 3600)
    assert len(world.recipients()) == 3
    world.send(now=MORNING + DAY + 1)
    assert sorted(world.recipients()) == ["dmarc@d%d.example" % n for n in range(5)]


def test_destination_maximum(make_world):
    world = make_world(ReportDestinationMaximum="2")
    store = world.store()
    for n in range(4):
        store.domain("d%d.example" % n, "mailto:x@everybody.example", YESTERDAY)
    store.domain("asks.example", "mailto:y@asks.example", YESTERDAY)
    store.close()
    said = world.send()
    assert world.recipients() == ["x@everybody.example"] * 2 + ["y@asks.example"]
    assert "later           2  mails: ReportDestinationMaximum is reached" in said
    world.send(now=MORNING + DAY + 1)
    assert world.recipients().count("x@everybody.example") == 4


def test_too_old(make_world):
    world = make_world(ReportDailyMaximum="1")
    world.fill("a.example", "b.example")
    world.send()
    world.configure(ReportDailyMaximum="100")
    said = world.send(now=MORNING + 2 * DAY + 1)
    assert "b.example given up after two days" in said
    assert world.deliveries() == {"dmarc@a.example": ["sent"], "dmarc@b.example": ["expired"]} or \
        world.deliveries() == {"dmarc@b.example": ["sent"], "dmarc@a.example": ["expired"]}


# ------------------------------------------------------------------- refusals


def test_suppressed_by_refusals(make_world):
    world = make_world(ReportSuppressAfter="3", ReportSuppressFor="10d")
    world.sink.answers["dmarc@one.example"] = "550 5.1.1 no such user"
    for day in range(5):
        world.fill("one.example", day=YESTERDAY + day * DAY)
        said = world.send(now=MORNING + day * DAY)
        if day < 2:
            assert "dmarc@one.example refused: " in said and "550 5.1.1 no such user" in said
            assert "the next report is tried" in said
        elif day == 2:
            assert "nothing more is sent there until 2026-12-04" in said
        else:
            assert "suppressed      1  mails" in said and "refused:" not in said
    assert world.deliveries()["dmarc@one.example"] == ["refused"] * 3 + ["suppressed"] * 2
    # the time is over; the first refusal begins it anew
    world.fill("one.example", day=YESTERDAY + 20 * DAY)
    said = world.send(now=MORNING + 20 * DAY)
    assert "nothing more is sent there until" in said


def test_suppress_by_hand(world):
    done = world.run("suppress", "DMARC@One.example")
    assert done.returncode == 0 and b"DMARC@one.example" in done.stdout
    world.run("suppress", "dmarc@one.example")
    listed = world.run("suppress", "--list").stdout.decode()
    assert re.search(r"dmarc@one\.example +suppressed by hand", listed)
    assert re.search(r"dmarc@one\.example +suppressed by hand$", world.run("show").stdout.decode(),
                     re.M)
    world.fill("one.example")
    assert re.search(r"^  not +dmarc@one\.example  suppressed by hand$", world.send("--dry-run"), re.M)
    assert "nothing is sent to dmarc@one.example: suppressed by hand" in world.send("-v")
    assert world.deliveries() == {"dmarc@one.example": ["suppressed"]}
    assert world.run("suppress", "--lift", "dmarc@one.example").returncode == 0
    world.fill("one.example", day=TODAY)
    world.send(now=MORNING + DAY)
    assert world.recipients() == ["dmarc@one.example"]
    assert world.run("suppress", "no address").returncode == 64


def test_not_now(world):
    """A temporary answer: again after a growing pause, for two days; others go on."""
    world.fill("one.example", "two.example")
    world.sink.answers["dmarc@one.example"] = "450 4.2.0 greylisted"
    said = world.send()
    assert "dmarc@one.example not now: " in said and "450 4.2.0 greylisted" in said
    assert "tried again after 2026-11-22 06:30" in said
    assert world.recipients() == ["dmarc@two.example"]
    assert "later           1  mails: the pause" in world.send(now=MORNING + 1000)
    # nothing at all went out: that may be our own mail server
    assert "tried again after 2026-11-22 08:00" in world.send(now=MORNING + 3600, code=75)
    del world.sink.answers["dmarc@one.example"]
    world.send(now=MORNING + 2 * 3600)
    assert world.recipients() == ["dmarc@one.example", "dmarc@two.example"]


def test_mail_server_away(make_world):
    """All fails for now: 75, stopped after some tries, and nothing is lost."""
    port = harness.free_port()
    world = make_world(transport="smtp://127.0.0.1:%d" % port)
    domains = ["d%d.example" % n for n in range(30)]
    world.fill(*domains)
    said = world.send(code=75)
    assert "10 times in a row" in said
    world.configure(ReportTransport="smtp://127.0.0.1:%d" % world.sink.port)
    world.send(now=MORNING + 3600)
    assert world.recipients() == sorted("dmarc@" + d for d in domains)


def test_mail_command_missing(make_world):
    world = make_world(transport="sendmail:/no/such/command")
    world.fill("one.example")
    done = world.run("send", "--all-due", "--now", str(MORNING))
    assert done.returncode in (69, 78) and b"/no/such/command" in done.stderr
    world.configure(ReportTransport="smtp://127.0.0.1:%d" % world.sink.port)
    world.send(now=MORNING + 3600)
    assert world.recipients() == ["dmarc@one.example"]


def bounce(message, address, action="failed", status="5.1.1"):
    """As a mail server of another make than Postfix writes it."""
    header = message.split(b"\r\n\r\n")[0]
    return (b"From: <>\r\nTo: <dmarc-noreply@mx.example.org>\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_x\"\r\n\r\n"
            b"--=_x\r\n\r\nhuman words\r\n--=_x\r\nContent-Type: message/delivery-status\r\n\r\n"
            b"Reporting-MTA: dns;mail.one.example\r\n\r\n"
            b"Final-Recipient: RFC822;" + address.encode() + b"\r\nAction: " + action.encode() +
            b"\r\nStatus: " + status.encode() + b"\r\n\r\n--=_x\r\n"
            b"Content-Type: text/rfc822-headers\r\n\r\n" + header + b"\r\n\r\n--=_x--\r\n")


def test_suppressed_by_bounces(make_world):
    world = make_world(ReportSuppressAfter="2")
    for day in range(3):
        world.fill("one.example", day=YESTERDAY + day * DAY)
        world.send(now=MORNING + day * DAY)
        if day == 2:
            break
        message = [m for r, m in world.sink.messages()][day]
        # an MTA that writes addresses in capitals, and sends it twice
        for _ in range(2):
            done = world.run("bounce", data=bounce(message, "DMARC@ONE.EXAMPLE"))
            assert done.returncode == 0 and b"came back: 5.1.1" in done.stdout
        assert world.show()["destinations"][0]["refusals"] == day + 1
    assert world.deliveries()["dmarc@one.example"] == ["bounced", "bounced", "suppressed"]


def test_bounces_by_who_was_sent_the_same(make_world):
    """Two are sent one report, so each knows its id: neither can silence the other with bounces."""
    world = make_world(ReportSuppressAfter="1")
    store = world.store()
    store.domain("asks.example", ["mailto:d@asks.example", "mailto:all@everybody.example"],
                 YESTERDAY)
    store.close()
    world.send()
    message = world.sink.wait("d@asks.example")
    done = world.run("bounce", data=bounce(message, "all@everybody.example"))
    assert done.returncode == 0 and b"came back: 5.1.1" in done.stdout
    assert world.deliveries()["all@everybody.example"] == ["bounced"]
    assert world.show()["destinations"] == []


def test_late_bounce_leaves_suppression_by_hand(make_world):
    world = make_world(ReportSuppressAfter="1")
    world.fill("one.example")
    world.send()
    message = world.sink.wait("dmarc@one.example")
    world.run("suppress", "dmarc@one.example")
    world.run("bounce", data=bounce(message, "dmarc@one.example"))
    assert b"suppressed by hand, 1 refused in a row" in world.run("suppress", "--list").stdout


def test_bounces_that_count_for_nothing(world):
    world.fill("one.example")
    world.send()
    message = world.sink.wait("dmarc@one.example")
    forged = re.sub(rb"Message-ID: <\w+", b"Message-ID: <" + b"a" * 32, message)
    for mail in (b"", b"\0\xff" * 1000, message, bounce(message, "dmarc@one.example", "delayed"),
                 bounce(message, "other@one.example"), bounce(forged, "dmarc@one.example"),
                 b"Subject: on holiday\r\nAuto-Submitted: auto-replied\r\n\r\nback soon\r\n"):
        done = world.run("bounce", data=mail)
        assert done.returncode == 0 and b"ignored: " in done.stdout, done
    assert world.deliveries() == {"dmarc@one.example": ["sent"]}
    assert world.show()["destinations"] == []


# ---------------------------------------------------------------- the store


def test_store_locked(world):
    """By an administrator's sqlite3, say: 75, and the next run does it all."""
    world.fill("one.example")
    store = world.store()
    store.db.execute("BEGIN IMMEDIATE")
    assert "nothing is lost" in world.send(code=75)
    store.close()
    world.send(now=MORNING + 3600)
    assert world.recipients() == ["dmarc@one.example"]


def test_store_away(make_world):
    world = make_world(store=False, ReportStore="postgresql://nobody@/reports?host=/no/such/place")
    for part in ("send", "show", "suppress"):
        done = world.run(part)
        assert done.returncode == 75, done
        assert b"ReportStore: " in done.stderr and b"nothing is lost" in done.stderr


def test_store_corrupt(make_world):
    world = make_world(store=False)
    with open(world.path, "wb") as f:
        f.write(b"this is no database\n" * 1000)
    for part in ("send", "show", "suppress"):
        done = world.run(part)
        assert done.returncode == 69, done
        assert b"move it away" in done.stderr
    mail = bounce(b"Message-ID: <" + b"a" * 32 + b"@mx.example.org>\r\n\r\n", "dmarc@one.example")
    assert world.run("bounce", data=mail).returncode == 75  # the mail server keeps it and tries again


# ------------------------------------------------------------- broken off


def report_names(world):
    """recipient -> set of file names."""
    found = {}
    for recipient, message in world.sink.messages():
        found.setdefault(recipient, set()).add(reporting.read(message).name)
    return found


def test_killed_and_resumed(world):
    """Again and again, at random moments: each report has one id, and in the end all are there."""
    domains = ["d%d.example" % n for n in range(60)]
    world.fill(*domains)
    world.sink.delay = 0.005
    for n in range(12):
        process = subprocess.Popen(world.command("send", "--all-due", "--now",
                                                 str(MORNING + n * 3600)),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.04 * (1 + n % 5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    world.sink.delay = 0
    world.send(now=MORNING + 13 * 3600)
    world.send(now=MORNING + 14 * 3600)  # a claim of the last one killed has ended
    names = report_names(world)
    assert sorted(names) == sorted("dmarc@" + d for d in domains)
    assert all(len(of_one) == 1 for of_one in names.values())
    assert all(state == [("done", "")] for state in world.reports().values())
    # each kill can have sent one mail at most that was not yet marked
    assert len(world.recipients()) <= len(domains) + 12


def test_terminated(world):
    world.fill(*["d%d.example" % n for n in range(40)])
    world.sink.delay = 0.02
    process = subprocess.Popen(world.command("send", "--all-due", "--now", str(MORNING)),
                               stdout=subprocess.PIPE)
    harness.wait_until(lambda: len(world.recipients()) > 3, 20, "the first mails")
    process.terminate()
    said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 75 and "stopped by a signal" in said
    sent = len(world.recipients())
    assert sent < 40
    assert sum(states == ["sent"] for states in world.deliveries().values()) == sent
    world.sink.delay = 0
    world.send()  # no claim is left behind
    assert len(world.recipients()) == 40


def test_two_at_once(world):
    """As on two hosts: each report is sent once."""
    world.fill(*["d%d.example" % n for n in range(60)])
    world.sink.delay = 0.003
    running = [subprocess.Popen(world.command("send", "--all-due", "--now", str(MORNING)),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
               for _ in range(3)]
    said = [process.communicate(timeout=120 * harness.PATIENCE)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert world.recipients() == sorted("dmarc@d%d.example" % n for n in range(60))


# -------------------------------------------------------------------- looking


def test_dry_run_changes_nothing(world):
    world.fill("one.example", "two.example")
    world.fill("three.example", passed=False, disposition="reject")
    store = world.store()
    store.domain("asks.example", ["mailto:d@confirms.example", "mailto:d@refuses.example"],
                 YESTERDAY)
    before = store.dump()
    said = world.send("--dry-run")
    xml = world.send("--dry-run", "-v", "--domain", "one.example")
    assert store.dump() == before
    assert world.recipients() == []
    assert "3 mails would be sent" in said
    assert re.search(r"^  to +d@confirms\.example  agreement at", said, re.M)
    assert re.search(r"^  not +mailto:d@refuses\.example  no v=DMARC1 record", said, re.M)
    assert re.search(r"^three\.example .*\n  not +no message was accepted", said, re.M)
    root = re.search(r"<\?xml.*</feedback>", xml, re.S).group(0)
    reporting.validate(root.encode())
    # and then it is so
    world.send()
    assert world.recipients() == ["d@confirms.example", "dmarc@one.example", "dmarc@two.example"]
    # also of what is planned
    world.sink.answers["dmarc@one.example"] = "450 4.2.0 later"
    world.fill("one.example", "two.example", day=TODAY)
    world.send(now=MORNING + DAY)
    before = store.dump()
    said = world.send("--dry-run", now=MORNING + DAY)
    assert re.search(r"^  not +dmarc@one\.example  waits until 2026-11-23 06:30", said, re.M)
    assert store.dump() == before
    store.close()


def test_dry_run_of_today(world):
    """A day that is not over can be looked at, and only that."""
    world.fill("one.example", day=TODAY)
    assert "No report is due." in world.send("--dry-run")
    said = world.send("--dry-run", "--day", "2026-11-22")
    assert "this time is not over" in said and re.search(r"^  to +dmarc@one\.example", said, re.M)
    assert "without a DKIM signature" in said
    assert "no period yet that is over" in world.send("--day", "2026-11-22")
    assert world.recipients() == []


def test_show(world):
    now = int(time.time())
    yesterday = now - now % DAY - DAY
    world.sink.answers["dmarc@two.example"] = "550 5.1.1 nobody"
    world.fill("one.example", "two.example", "three.example", day=yesterday)
    waiting = world.show()
    assert [w["domain"] for w in waiting["waiting"]] == ["one.example", "three.example",
                                                         "two.example"]
    assert waiting["waiting"][0] == {"domain": "one.example", "begin": yesterday,
                                     "end": yesterday + DAY, "messages": 3, "records": 1,
                                     "passed": 3, "accepted": 3, "rua": "mailto:dmarc@one.example"}
    assert waiting["totals"]["unreported"] == 9 and waiting["reports"] == []
    world.send("--domain", "one.example", now=now)
    world.send("--domain", "two.example", now=now)
    shown = world.show()
    assert [w["domain"] for w in shown["waiting"]] == ["three.example"]
    states = {d["address"]: d["state"] for r in shown["reports"] for d in r["deliveries"]}
    assert states == {"dmarc@one.example": "sent", "dmarc@two.example": "refused"}
    assert [d["address"] for d in shown["destinations"]] == ["dmarc@two.example"]
    assert shown["totals"]["unreported"] == 3 and shown["totals"]["octets"] > 0
    text = world.run("show").stdout.decode()
    assert re.search(r"three\.example .* 3 +3 +3 +mailto:dmarc@three\.example", text)
    assert "dmarc@two.example  refused" in text and "550 5.1.1 nobody" in text
    only = world.run("show", "--domain", "one.example").stdout.decode()
    assert "one.example" in only and "three.example" not in only


def test_bar_on_a_terminal_only(world):
    world.fill(*["d%d.example" % n for n in range(30)])
    world.sink.delay = 0.02
    master, terminal = pty.openpty()
    process = subprocess.Popen(world.command("send", "--all-due", "--now", str(MORNING)),
                               stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    drawn = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    said = process.communicate(timeout=60)[0]
    os.close(master)
    bars = re.findall(rb"\r\[[#.]{30}\] \d+/30  \d+ sent, 0 refused, \d+ left  d\d+\.example", drawn)
    assert 2 <= len(bars) <= 30, drawn
    assert drawn.endswith(b"\r\x1b[K")
    assert b"\r" not in said and b"sent           30  mails" in said
    quiet = world.run("send", "-q", "--all-due", "--now", str(MORNING))
    assert quiet.stdout == b""
