"""Which mail assayd signs, with what, and what its log says: through both MTAs, and
by the milter client for what no MTA can be made to do.
"""

import os
import re
import time

import pytest

import harness
import milter_client
import odd_messages
import signing
from namespace import LIST, SENDER, STRANGER
from signing_chain import (chain, oracles, receiver, signing_keys,  # noqa: F401 (fixtures)
                           verifier)

BOTH = [("ed1", "ed25519-sha256"), ("rsa1", "rsa-sha256")]
CLAIM = odd_messages.HEAD + b"\r\n" + odd_messages.TEXT  # From: user@example.com


def made(message, domain="example.com"):
    """[(selector, algorithm)] of our signatures."""
    found = [signing.tags(f) for f, _ in signing.signatures(message, domain)]
    return sorted((t[b"s"].decode(), t[b"a"].decode()) for t in found)


def line_of(daemon, pattern):
    """The last log line of a message that has the pattern, once there is one."""
    def found():
        lines = re.findall("^.* verdict=.*$", daemon.log_text(), re.M)
        return [line for line in lines if re.search(pattern, line)]

    return harness.wait_until(found, 10, "a log line with " + pattern, daemon.log)[-1]


# ---------------------------------------------------------- through the MTAs


def send(chain, name, octets, **options):
    message = odd_messages.Message(name, octets, sender=name + "@nodmarc.example")
    return chain.send(message, "%s.%s@rcpt.example" % (name, chain.name), **options)


def test_log_says_signed_with_what(chain):
    assert made(send(chain, "logged", CLAIM)) == BOTH
    line = line_of(chain.signer, "mailfrom=logged@")
    assert 'originating="loopback client" from=example.com' in line
    for selector, algorithm in BOTH:
        assert ("signed=yes signed_domain=example.com signed_selector=%s signed_algorithm=%s"
                % (selector, algorithm)) in line, line


def test_internal_host(chain):
    assert made(send(chain, "internal", CLAIM, source=LIST)) == BOTH
    assert 'originating="client in InternalHosts"' in line_of(chain.signer, "mailfrom=internal@")


@pytest.mark.parametrize("source", [STRANGER, SENDER])
def test_a_claim_from_outside_is_never_signed(chain, source):
    """Whatever the From field says. (The signer lets it pass: p=reject is for its DMARC.)"""
    name = "claim-" + source.replace(".", "-")
    chain.signer.write_config(Mode="monitor")
    chain.signer.reload()
    arrived = send(chain, name, CLAIM, source=source)
    chain.signer.write_config(Mode="enforce")
    chain.signer.reload()
    assert harness.named(arrived, "DKIM-Signature") == []
    line = line_of(chain.signer, "mailfrom=%s@" % name)
    assert "signed=yes" not in line and "originating=\"" not in line, line
    assert "dmarc=fail" in line, line


def test_no_key(chain):
    arrived = send(chain, "keyless", CLAIM.replace(b"example.com", b"keyless.example"))
    assert harness.named(arrived, "DKIM-Signature") == []
    line = line_of(chain.signer, "mailfrom=keyless@")
    assert re.search(r'signed=no signed_reason="[^"]*keyless\.example', line), line


def test_no_author(chain):
    arrived = send(chain, "two-from", b"From: other@example.com\r\n" + CLAIM)
    assert harness.named(arrived, "DKIM-Signature") == []
    assert "signed=no signed_reason=" in line_of(chain.signer, "mailfrom=two-from@")


def test_bounce_by_postfix(chain, oracles):
    """internal_mail_filter_classes=bounce. Sendmail shows its own bounces to no milter."""
    if chain.name != "postfix":
        pytest.skip("Sendmail has no milters for its own bounces")
    recipient = "bounced.%s@rcpt.example" % chain.name
    chain.mta.sendmail(CLAIM, "nobody@bounces.example", recipient)
    arrived = chain.sink.wait(recipient, 30, log=chain.log)
    assert b"multipart/report" in harness.named(arrived, "Content-Type")[0]
    assert made(arrived, "mx.example.org") == BOTH
    assert harness.results_of(harness.own_results(arrived))["dmarc"] == ["pass"]
    for oracle, answers in oracles.ask(signing.signatures(arrived)).items():
        assert "pass" in answers, (oracle, answers)
        assert all(a == "pass" or a.startswith("skip") for a in answers), (oracle, answers)
    assert "mailfrom=<>" in line_of(chain.signer, "from=mx.example.org")


def test_several_recipients_one_signature_each(chain):
    """One message, one signing, whatever the number of recipients."""
    with chain.session() as smtp:
        smtp.sendmail("several@nodmarc.example",
                      ["several%d.%s@rcpt.example" % (n, chain.name) for n in range(3)], CLAIM)
    for n in range(3):
        arrived = chain.sink.wait("several%d.%s@rcpt.example" % (n, chain.name), 30, log=chain.log)
        assert made(arrived) == BOTH


# ------------------------------------------------------ by the milter client


@pytest.fixture(scope="module")
def daemon(signing_keys):
    running = harness.Assayd(signing_keys.zone, Nameservers="none",
                             **signing_keys.directory_options())
    yield running
    running.stop()


def signed(reply):
    return sorted(re.search(rb"a=([\w-]+)", value).group(1).decode()
                  for _, name, value in reply.inserted if name == b"DKIM-Signature")


ALGORITHMS = sorted(signing.ALGORITHMS.values())


def talk(daemon, message=CLAIM, sender=b"user@example.com", address="198.51.100.7",
         name=b"unknown", **options):
    session = milter_client.connected(daemon, address, name, b"client.example.net")
    reply = session.message(message, sender, **options)
    session.close()
    return reply


def test_authenticated(daemon):
    """SMTP AUTH makes any client one of ours; the macro alone tells, and only its presence."""
    for macros in ({"auth_authen": b"user"}, {"auth_type": b"PLAIN"},
                   {"auth_authen": b"user", "auth_type": b"PLAIN"}):
        reply = talk(daemon, macros=macros)
        assert reply.verdict() == "accept" and signed(reply) == ALGORITHMS
    assert 'originating=authenticated' in line_of(daemon, "198.51.100.7")
    for macros in ({}, {"auth_authen": b""}, {"auth_authen": b"", "auth_type": b""}):
        reply = talk(daemon, macros=macros)
        assert reply.verdict() == "reject" and signed(reply) == []


def test_authentication_ends_with_its_message(daemon):
    """The second message on a connection without AUTH macros is a stranger's again."""
    session = milter_client.connected(daemon, "198.51.100.7", b"unknown", b"x")
    assert signed(session.message(CLAIM, macros={"auth_authen": b"user"})) == ALGORITHMS
    assert signed(session.message(CLAIM)) == []
    session.close()


def test_other_ways_to_be_ours(daemon):
    for address, family in (("::1", None), ("127.5.6.7", None), (b"/run/x", b"L")):
        session = milter_client.Session(daemon.connect())
        session.connect(address, b"localhost", family=family)
        session.helo(b"localhost")
        assert signed(session.message(CLAIM)) == ALGORITHMS, address
        session.close()


def test_signing_daemon_names(signing_keys):
    """The client's macro {daemon_name} is smtpd."""
    for names, expected in (("submission, smtpd", ALGORITHMS), ("submission", [])):
        running = harness.Assayd(signing_keys.zone, Nameservers="none", Mode="monitor",
                                 SigningDaemonNames=names, **signing_keys.directory_options())
        try:
            assert signed(talk(running)) == expected
            if expected:
                assert "originating=SigningDaemonNames" in line_of(running, "verdict=")
        finally:
            running.stop()


def test_forged_results_go_and_older_signatures_stay(daemon):
    forged = b"Authentication-Results: mx.example.org; dkim=pass\r\n"
    older = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa1; h=from; bh=AA; b=AA\r\n"
    reply = talk(daemon, forged + older + CLAIM, macros={"auth_authen": b"user"})
    assert signed(reply) == ALGORITHMS
    assert reply.changed == [(1, b"Authentication-Results", b"")]
    assert not [n for _, n, _ in reply.inserted if n == b"Authentication-Results"]


def test_message_without_end_of_line(daemon, oracles):
    """As a milter may be shown it; what SMTP carries ends with CRLF."""
    for octets in (CLAIM[:-2], CLAIM + b"x", odd_messages.HEAD + b"\r\n", CLAIM + b" \r\n\r\n"):
        reply = talk(daemon, octets, macros={"auth_authen": b"user"})
        arrived = b"".join(reply.apply(harness.fields(octets))) + b"\r\n" + harness.body(octets)
        if not arrived.endswith(b"\r\n"):
            arrived += b"\r\n"
        for oracle, answers in oracles.ask(signing.signatures(arrived)).items():
            assert all(a == "pass" or a.startswith("skip") for a in answers), (oracle, answers)
        assert [s["result"] for s in oracles.assay_check(arrived)["dkim"]] == ["pass", "pass"]


def test_no_right_to_add_fields(daemon):
    """Then nothing is signed, the mail goes on, and the log says why."""
    session = milter_client.Session(daemon.connect(), actions=milter_client.QUARANTINE)
    session.connect("127.0.0.1", b"localhost")
    session.helo(b"localhost")
    reply = session.message(CLAIM)
    assert reply.verdict() == "accept" and reply.inserted == []
    assert "problem=" in line_of(daemon, "client=127.0.0.1")
    session.close()


# ------------------------------------------------------------------ rotation


def selectors(daemon):
    return sorted(re.search(rb"s=([\w-]+)", value).group(1).decode()
                  for _, name, value in talk(daemon, macros={"auth_authen": b"u"}).inserted
                  if name == b"DKIM-Signature")


def test_rotation(tmp_path):
    """A new selector signs when the DNS has it, and not before; the old one meanwhile."""
    os.mkdir(tmp_path / "example.com")
    old = signing.new_key(tmp_path / "example.com" / "old.pem", 2048)
    os.utime(tmp_path / "example.com" / "old.pem", (time.time() - 86400,) * 2)
    zone = signing.POLICY_ZONE + signing.zone_line("old._domainkey.example.com", old)
    running = harness.Assayd(zone, Nameservers="none", KeyDirectory=str(tmp_path))
    try:
        assert selectors(running) == ["old"]
        new = signing.new_key(tmp_path / "example.com" / "new.pem", 2048)
        running.reload()
        time.sleep(1)
        assert selectors(running) == ["old"], "not published yet"
        wrong = signing.zone_line("new._domainkey.example.com", old)
        publish(running, zone + wrong)
        time.sleep(1)
        assert selectors(running) == ["old"], "the DNS has another key"
        publish(running, zone + signing.zone_line("new._domainkey.example.com", new))
        harness.wait_until(lambda: selectors(running) == ["new"], 15, "the new selector",
                           running.log)
    finally:
        running.stop()


def publish(daemon, zone):
    with open(daemon.zone_path, "w") as f:
        f.write(zone)
    daemon.reload()
