"""The real path of reports: messages through Postfix and assayd, the store, `assay report send`, and
a report that arrives, authenticates, validates and has the right counts; see reporting_path.py.
"""

import re
import subprocess

import pytest

import harness
import postfix
import postgresql
import report_store
import reporting
import reporting_path
from conftest import ADDRESSES
from reporting_path import BOUNCES, GONE


@pytest.fixture(scope="module")
def path(own_network, keys, sink):
    if postfix.unavailable():
        pytest.skip(postfix.unavailable())
    made = reporting_path.Path(keys, sink, ADDRESSES)
    yield made
    made.stop()


def send_world(path, keys, label, number=0):
    """Returns how many results that makes."""
    messages = reporting_path.world_messages(keys)
    path.submit([(case, count) for case, count, *_ in messages], label, number)
    return sum(count for _, count, domain, _ in messages if domain)


@pytest.mark.parametrize("transport", ["sendmail", "smtp"])
def test_path(path, keys, transport):
    messages = reporting_path.world_messages(keys)
    expected = reporting_path.expected_rows(messages)
    before = {d: path.sink.count("dmarc.%s@rcpt.example" % d) for d in expected}
    path.backdate(send_world(path, keys, "path-" + transport))
    path.daemon.write_config(ReportTransport=path.transport(transport))
    said = path.report("send", "--all-due")
    assert "sent            %d  mails" % len(expected) in said, said
    assert "signature" not in said, said
    for domain, rows in expected.items():
        (mail,) = path.arrived("dmarc.%s@rcpt.example" % domain, before[domain])
        report = reporting.read(mail)
        assert reporting.text(report.root, "policy_published/domain") == domain
        assert reporting_path.rows_of(report) == rows, report.octets.decode()
        reporting_path.check_authenticated(mail)
    # what was sent is not sent again
    assert path.report("send", "--all-due") == "Nothing is to be reported.\n"


def test_no_report_on_reports(path, keys):
    """All reports of before came to the receiver, which records mail as well."""
    store = report_store.Store(path.dir + "/receiver.db")
    harness.wait_until(lambda: store.one("SELECT count(*) FROM message") > 0, 30,
                       "results in the receiver's store", path.log)
    reports = [m for r, m in path.sink.messages() if r.startswith("dmarc.")]
    assert len(reports) >= 10
    assert store.all("SELECT * FROM tuple WHERE header_from = 'mx.example.org'") == []
    assert store.one("SELECT count(*) FROM policy WHERE domain = 'example.com'") == 1
    store.close()


def refusals(path):
    return int(path.query("SELECT coalesce(max(refusals), 0) FROM destination")[0][0])


def test_bounce(path, keys):
    """The receiver refuses the address, the reporter's Postfix makes a bounce of that, and hands it
    to `assay report bounce`, from the alias of ReportSender, as an unprivileged user."""
    case = reporting_path.case(keys, "fail-none")
    case.message = case.message.replace(b"ceo@none.example", b"ceo@gone.example")
    path.give_store()
    path.daemon.write_config(ReportTransport=path.transport("sendmail"), ReportSuppressAfter="2")
    for number in range(2):
        path.submit([(case, 1)], "bounce%d" % number)
        path.backdate(1)
        assert "sent            1  mails" in path.report("send", "--all-due")
        harness.wait_until(lambda: refusals(path) == number + 1, 30, "a bounce", path.log)
        harness.wait_until(lambda: path.bounces.count(BOUNCES) > number, 30, "its copy", path.log)
        # once more by hand: each mail counts once
        mail = path.bounces.messages()[number][1]
        said = path.report("bounce", "-", data=mail)
        assert "to %s came back: 5.1.1 550 5.1.1" % GONE in said, (said, mail)
        assert refusals(path) == number + 1
    listed = path.report("suppress", "--list")
    assert GONE in listed and "suppressed until" in listed and "2 refused in a row" in listed
    path.submit([(case, 1)], "bounce3")
    path.backdate(1)
    assert "suppressed      1  mails" in path.report("send", "--all-due")


def test_bounce_is_not_reported(path, keys):
    """Bounces come back to ReportSender through assayd; they are no news for anybody."""
    mail = re.sub(rb"\nFrom: [^\r]*", b"\nFrom: MAILER-DAEMON@none.example",
                  path.bounces.messages()[0][1])
    assert b"@none.example" in mail

    def count():
        return int(path.query("SELECT count(*) FROM message")[0][0])

    before = count()
    with path.mta.client("198.51.100.7", "unknown", "mail.none.example") as smtp:
        smtp.mail("")
        smtp.rcpt(reporting.SENDER)
        assert smtp.data(mail)[0] == 250
    # an ordinary message behind it, so that we know when the bounce would have been recorded
    path.submit([(reporting_path.case(keys, "fail-none"), 1)], "after-bounce")
    harness.wait_until(lambda: count() > before, 30, "a result in the store", path.log)
    assert count() == before + 1


@pytest.fixture(scope="module")
def two_hosts(own_network, keys, sink):
    """Two mail servers with an assayd each, over one PostgreSQL store."""
    if postfix.unavailable() or postgresql.unavailable():
        pytest.skip(postfix.unavailable() or postgresql.unavailable())
    server = postgresql.Server("reports")
    try:
        made = reporting_path.Path(keys, sink, ADDRESSES, server, reporters=2)
        yield made
        made.stop()
    finally:
        server.remove()


def test_two_hosts_one_report(two_hosts, keys):
    """What both saw is one report for each domain, though both send at once."""
    path = two_hosts
    expected = reporting_path.expected_rows(reporting_path.world_messages(keys), times=2)
    before = {d: path.sink.count("dmarc.%s@rcpt.example" % d) for d in expected}
    path.backdate(sum(send_world(path, keys, "hosts", number) for number in range(2)))
    for _, daemon in path.reporters:
        daemon.write_config(ReportTransport=path.transport("smtp"))
    running = [subprocess.Popen(path.command("send", "--all-due", number=number),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for number in range(2)]
    said = [process.communicate(timeout=120 * harness.PATIENCE)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    for domain, rows in expected.items():
        (mail,) = path.arrived("dmarc.%s@rcpt.example" % domain, before[domain])
        report = reporting.read(mail)
        assert reporting_path.rows_of(report) == rows, report.octets.decode()
        reporting_path.check_authenticated(mail)
    assert path.query("SELECT count(*) FROM delivery WHERE state = 'sent'") == \
        [[str(len(expected))]]
    assert len(path.query("SELECT journal FROM source")) == 2
