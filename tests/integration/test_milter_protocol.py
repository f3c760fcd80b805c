"""assayd spoken to directly in the milter protocol: what no real MTA can be made
to do. Needs neither root nor an MTA."""

import dataclasses
import os
import pathlib
import socket
import struct
import threading
import time

import pytest

import corpus
import delivery
import harness
import milter_client
from milter_client import (ADDHDRS, ALL_ACTIONS, ALL_STEPS, CHGHDRS, HDR_LEADSPC, NOUNKNOWN,
                           QUARANTINE, SKIP, Closed, Session, connected)

NO_REPLY = sum(milter_client.SILENT.values())


def session_for(assayd, case, **options):
    return connected(assayd, case.client, case.client_name.encode(), case.helo.encode(), **options)


def send(session, case, **options):
    return session.message(case.message, case.sender.encode(), **options)


def results(reply):
    """Our A-R of a reply, parsed by another's parser."""
    ours = [value for index, name, value in reply.inserted if name == b"Authentication-Results"]
    assert len(ours) == 1, reply.inserted
    return harness.results_of(harness.unfold(ours[0].replace(b"\n", b"\r\n")).decode())


def alive(assayd, keys):
    """The daemon still judges rightly, on a new connection."""
    assert assayd.process.poll() is None, assayd.log()
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case)
    reply = send(session, case)
    assert reply.verdict() == "accept" and results(reply)["dmarc"] == ["pass"], assayd.log()
    session.quit()
    session.close()


@pytest.mark.parametrize("name", delivery.CASE_NAMES)
def test_case(assayd, keys, name):
    case = delivery.case_named(keys, name)
    session = session_for(assayd, case)
    reply = send(session, case)
    assert reply.verdict() == case.action, (vars(reply), assayd.log())
    if case.action == "reject":
        assert reply.text.startswith(b"550 5.7.1 "), reply.text
        assert b"4Q1xYz" in reply.text, "no queue id in %r" % reply.text
    else:
        found = results(reply)
        for method, result in case.results.items():
            assert result in found[method], found
    session.close()


# ------------------------------------------------------------------ negotiation


def test_what_is_negotiated(assayd):
    """Little is asked for, and no answer is promised where none is needed."""
    session = Session(assayd.connect())
    assert session.version == 6
    assert session.actions & (ADDHDRS | CHGHDRS | QUARANTINE) == ADDHDRS | CHGHDRS | QUARANTINE
    assert session.steps & HDR_LEADSPC, "simple canonicalisation needs HDR_LEADSPC"
    assert session.steps & SKIP
    assert session.steps & NOUNKNOWN
    for letter in b"HRTLN":
        command = bytes([letter])
        promised = milter_client.SILENT[command] | milter_client.DECLINED[command]
        assert session.steps & promised, "an answer is sent after %s, for nothing" % command
    asked = [name for names in session.macros.values() if names for name in names]
    if session.actions & milter_client.SETSYMLIST:
        for name in ("j", "i", "{auth_authen}"):
            assert name in asked, session.macros
    session.close()


@pytest.mark.parametrize("steps", [ALL_STEPS, ALL_STEPS & ~NO_REPLY, ALL_STEPS & ~HDR_LEADSPC,
                                   ALL_STEPS & ~SKIP, 0x7F, 0])
def test_any_offer_of_steps(assayd, keys, steps):
    """Whatever the MTA can do, the result of a relaxed signature is the same."""
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case, steps=steps)
    reply = send(session, case)
    assert reply.verdict() == "accept", (vars(reply), assayd.log())
    assert results(reply)["dmarc"] == ["pass"]
    assert session.steps & ~steps == 0
    session.close()


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 7, 99])
def test_protocol_versions(assayd, keys, version):
    """Old MTAs offer version 2, actions 0x3f, steps 0x7f."""
    steps, actions = (0x7F, 0x3F) if version == 2 else (ALL_STEPS, ALL_ACTIONS)
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case, version=version, steps=steps, actions=actions)
    assert session.version <= 6
    reply = send(session, case)
    assert results(reply)["dmarc"] == ["pass"], assayd.log()
    session.close()


@pytest.mark.parametrize("actions", [0, ADDHDRS, ADDHDRS | CHGHDRS, ALL_ACTIONS & ~QUARANTINE])
def test_an_mta_that_cannot_do_what_is_needed(assayd, keys, actions):
    """Either the connection is refused at once, or the message gets an answer."""
    case = delivery.case_named(keys, "fail-quarantine")
    try:
        session = session_for(assayd, case, actions=actions)
        reply = send(session, case)
        assert reply.quarantine is None or actions & QUARANTINE
        session.close()
    except Closed:
        pass
    alive(assayd, keys)


@pytest.mark.parametrize("packet", [
    b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x0dO" + b"\0" * 12, b"\0\0\0\x02O\0",
    b"GET / HTTP/1.0\r\n\r\n", struct.pack("!I", 1) + b"C", struct.pack("!I", 1) + b"E",
    struct.pack("!I", 1 << 24) + b"O", struct.pack("!I", 13) + b"O" + b"\xff" * 12], ids=repr)
def test_garbage_instead_of_negotiation(assayd, keys, packet):
    peer = assayd.connect()
    try:
        peer.sendall(packet)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass
    except OSError:
        pass  # closed at once, with octets of ours unread
    peer.close()
    alive(assayd, keys)


# -------------------------------------------------------------------- addresses

# (address, family, name) -> is it judged (rather than taken for our own mail)?
ADDRESSES = [
    ("192.0.2.1", b"4", b"mail.example.com", "pass"),
    ("2001:db8::25", b"6", b"mail.example.com", "pass"),
    (b"2001:db8::25", b"6", b"mail.example.com", "pass"),  # without the IPv6: tag
    (b"IPv6:2001:db8:0:0:0:0:0:25", b"6", b"mail.example.com", "pass"),  # Sendmail's spelling
    (b"IPv6:::ffff:192.0.2.1", b"6", b"mail.example.com", "pass"),  # mapped
    ("198.51.100.7", b"4", b"[198.51.100.7]", "fail"),
    ("127.0.0.1", b"4", b"localhost", None),
    ("127.255.0.9", b"4", b"localhost", None),
    (b"IPv6:::1", b"6", b"localhost", None),
    (b"IPv6:::ffff:127.0.0.1", b"6", b"localhost", None),
    (b"/var/run/some.sock", b"L", b"localhost", None),
    # No address: a name that is not ours must never open the door.
    (None, b"U", b"mail.example.com", "not pass"),
    (b"not an address", b"4", b"mail.example.com", "not pass"),
    (b"IPv6:zz", b"6", b"mail.example.com", "not pass"),
    (b"", b"4", b"mail.example.com", "not pass"),
]


@pytest.mark.parametrize("address,family,name,expected", ADDRESSES)
def test_client_addresses(assayd, keys, address, family, name, expected):
    case = dataclasses.replace(delivery.case_named(keys, "spf-only"))
    session = Session(assayd.connect())
    try:
        session.connect(address, name, family=family)
        session.helo()
        reply = send(session, case)
    except Closed:  # libmilter itself refuses what is no address
        assert expected == "not pass"
        alive(assayd, keys)
        return
    if expected is None:
        assert reply.inserted == [] and reply.verdict() == "accept", vars(reply)
    elif expected == "pass":
        assert results(reply)["spf"] == ["pass"], vars(reply)
    else:
        # SPF cannot pass, there is no signature, and the policy is reject.
        assert reply.verdict() == "reject", (vars(reply), assayd.log())
    session.close()


def test_local_submission_without_address(assayd, keys):
    """Sendmail's command: family unknown, name localhost: our own mail."""
    case = delivery.case_named(keys, "fail-reject")
    session = Session(assayd.connect())
    session.connect(None, b"localhost", family=b"U")
    session.helo(b"localhost")
    reply = send(session, case)
    assert reply.verdict() == "accept" and reply.inserted == [], (vars(reply), assayd.log())
    session.close()


def test_authenticated_mail_is_passed_but_cleaned(assayd, keys):
    case = dataclasses.replace(delivery.case_named(keys, "forged-results"),
                               client="198.51.100.7", client_name="unknown")
    for macros in ({"auth_authen": b"alice", "auth_type": b"PLAIN"}, {"auth_authen": b"alice"},
                   {"auth_type": b"EXTERNAL"}):
        session = session_for(assayd, case)
        reply = send(session, case, macros=macros)
        assert reply.verdict() == "accept" and reply.inserted == [], vars(reply)
        assert len(reply.changed) == case.forged
        session.close()


def test_authentication_counts_for_its_own_message_only(assayd, keys):
    case = delivery.case_named(keys, "fail-reject")
    session = session_for(assayd, case)
    assert send(session, case, macros={"auth_authen": b"alice"}).verdict() == "accept"
    session.abort()
    assert send(session, case).verdict() == "reject"
    session.close()


# ---------------------------------------------------------------- modifications


def test_forged_results_are_deleted_from_the_highest_index_down(assayd, keys):
    case = delivery.case_named(keys, "forged-results")
    session = session_for(assayd, case)
    reply = send(session, case)
    assert [(i, n) for i, n, v in reply.changed] == \
        [(i, b"Authentication-Results") for i in range(16, 0, -2)]
    assert all(v == b"" for i, n, v in reply.changed)
    assert [i for i, n, v in reply.inserted] == [0]
    original = [n + b":" + v.replace(b"\n", b"\r\n") + b"\r\n"
                for n, v in milter_client.split_message(case.message)[0]]
    header = reply.apply(original)
    assert [f for f in header if delivery.is_results(f)][1:] == list(corpus.FOREIGN)
    session.close()


def test_header_value_as_inserted(assayd, keys):
    """One leading space (the MTA adds none under HDR_LEADSPC), folds by LF and tab, no CR."""
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case)
    index, name, value = send(session, case).inserted[0]
    assert index == 0 and name == b"Authentication-Results"
    assert value.startswith(b" mx.example.org;"), value
    assert b"\r" not in value
    assert all(line[:1] in (b" ", b"\t") for line in value.split(b"\n"))
    session.close()


def test_body_is_not_asked_for_without_need(assayd, keys):
    """No signature, no consumer: the MTA is told to keep the body for itself."""
    case = dataclasses.replace(delivery.case_named(keys, "spf-only"))
    message = case.message + b"x" * 76 + b"\r\n"
    session = session_for(assayd, case, steps=ALL_STEPS & ~milter_client.NR_BODY)
    fields, body = milter_client.split_message(message)
    session.mail(case.sender.encode())
    session.rcpt(b"a@rcpt.example")
    for field in fields:
        session.header(*field)
    session.command(b"N")
    assert session.command(b"B", body) == (b"s", b"")
    reply = session.end_of_message(milter_client.Reply())
    assert reply.verdict() == "accept"
    session.close()


def test_octets_together_with_the_end(assayd, keys):
    """As the protocol allows, though neither Postfix nor Sendmail does it."""
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case)
    fields, body = milter_client.split_message(case.message)
    session.mail(case.sender.encode())
    session.rcpt(b"a@rcpt.example")
    for field in fields:
        session.header(*field)
    session.command(b"N")
    reply = session.end_of_message(milter_client.Reply(), body)
    assert results(reply)["dmarc"] == ["pass"], assayd.log()
    session.close()


# ------------------------------------------------------------ life of a session

STAGES = ("negotiation", "connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body",
          "half a body packet")


def advance(session, case, stage):
    """Goes on until `stage` is done, then stops."""
    fields, body = milter_client.split_message(case.message)
    steps = {"negotiation": lambda: None, "connect": session.connect, "helo": session.helo,
             "mail": lambda: session.mail(case.sender.encode()),
             "rcpt": lambda: session.rcpt(b"a@rcpt.example"),
             "data": lambda: session.command(b"T"),
             "header": lambda: [session.header(*f) for f in fields],
             "eoh": lambda: session.command(b"N"),
             "body": lambda: session.command(b"B", body),
             "half a body packet": lambda: session.socket.sendall(struct.pack("!I", 5000) + b"Bxy")}
    for name in STAGES:
        steps[name]()
        if name == stage:
            return


@pytest.mark.parametrize("stage", STAGES)
def test_disconnect_at_each_stage(assayd, keys, stage):
    session = Session(assayd.connect())
    advance(session, delivery.case_named(keys, "aligned-pass"), stage)
    session.close()
    alive(assayd, keys)


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_quit_at_each_stage(assayd, keys, stage):
    session = Session(assayd.connect())
    advance(session, delivery.case_named(keys, "aligned-pass"), stage)
    session.quit()
    with pytest.raises(Closed):
        session.receive()
    session.close()
    alive(assayd, keys)


@pytest.mark.parametrize("stage", STAGES[2:-1])
def test_abort_at_each_stage(assayd, keys, stage):
    """Nothing of an aborted message leaks into the next one of the connection."""
    session = Session(assayd.connect())
    advance(session, delivery.case_named(keys, "forged-results"), stage)
    session.abort()
    case = delivery.case_named(keys, "fail-reject")
    assert send(session, case).verdict() == "reject", assayd.log()
    case = delivery.case_named(keys, "spf-only")
    reply = send(session, case)
    assert reply.changed == [] and results(reply)["dkim"] == ["none"]
    session.close()


def test_messages_of_one_connection_are_judged_alone(assayd, keys):
    """Every case twice over one connection gives what it gives on its own."""
    for case in [c for c in corpus.cases(keys) if c.client == corpus.STRANGER] * 2:
        if "session" not in locals():
            session = session_for(assayd, case)
        reply = send(session, case)
        assert reply.verdict() == case.action, (case.name, vars(reply), assayd.log())
    session.close()


def test_new_connection_on_the_same_socket(assayd, keys):
    """QUIT_NC: another client follows, and the first one's address is forgotten.

    Only after accepted messages: libmilter itself drops a QUIT_NC that follows
    any other answer at end of message, and the CONNECT after it."""
    good = delivery.case_named(keys, "spf-only")
    weak = delivery.case_named(keys, "fail-none")
    session = session_for(assayd, good)
    for _ in range(3):
        reply = send(session, good)
        assert reply.verdict() == "accept" and reply.inserted, (vars(reply), assayd.log())
        assert results(reply)["spf"] == ["pass"]
        session.quit(new_connection=True)
        session.connect("198.51.100.7", b"unknown")
        session.helo(b"client.example.net")
        reply = send(session, dataclasses.replace(weak, sender="user@example.com"))
        assert results(reply)["spf"] == ["fail"], assayd.log()
        session.quit(new_connection=True)
        session.connect(good.client, good.client_name.encode())
        session.helo(good.helo.encode())
    session.close()


def test_helo_may_be_repeated_and_may_be_missing(assayd, keys):
    case = delivery.case_named(keys, "spf-only")
    session = Session(assayd.connect())
    session.connect(case.client, b"mail.example.com")
    assert send(session, case).verdict() == "accept"
    session.helo(b"one.example")
    session.helo(b"\xff\xfe not a name")
    assert send(session, case).verdict() == "accept"
    session.close()


def test_message_in_flight_keeps_its_configuration(start_assayd, keys):
    assayd = start_assayd()
    case = delivery.case_named(keys, "fail-reject")
    session = session_for(assayd, case)
    fields, body = milter_client.split_message(case.message)
    session.mail(case.sender.encode())
    session.rcpt(b"a@rcpt.example")
    time.sleep(0.3)  # no answers are sent so far: give it the time to get there
    assayd.write_config(Mode="monitor")
    assayd.reload()
    for field in fields:
        session.header(*field)
    session.command(b"N")
    session.command(b"B", body)
    assert session.end_of_message(milter_client.Reply()).verdict() == "reject"
    assert send(session, case).verdict() == "accept"
    session.close()


def test_stop_finishes_the_message_under_way(start_assayd, keys):
    """SIGTERM: the message that has begun gets its true answer, then the process ends well."""
    assayd = start_assayd()
    case = delivery.case_named(keys, "aligned-pass")
    fields, body = milter_client.split_message(case.message)
    session = session_for(assayd, case)
    idle = session_for(assayd, case)  # a connection without a message holds nothing up
    session.mail(case.sender.encode())
    session.rcpt(b"a@rcpt.example")
    for field in fields[:2]:
        session.header(*field)
    time.sleep(0.3)
    assayd.process.terminate()
    time.sleep(0.5)
    for field in fields[2:]:
        session.header(*field)
    session.command(b"N")
    session.command(b"B", body)
    reply = session.end_of_message(milter_client.Reply())
    assert reply.verdict() == "accept" and results(reply)["dmarc"] == ["pass"], assayd.log()
    assert assayd.process.wait(10 * harness.PATIENCE) == 0
    session.close()
    idle.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping privileges needs root")
def test_privileges_are_dropped(start_assayd, keys):
    """No root at run time; and a reload still works without it."""
    assayd = start_assayd(UserID="nobody")
    status = pathlib.Path("/proc/%d/status" % assayd.process.pid).read_text()
    ids = [line.split()[1:] for line in status.splitlines() if line.startswith(("Uid:", "Gid:"))]
    assert all("0" not in four for four in ids), status
    alive(assayd, keys)
    assayd.write_config(Mode="monitor")
    assayd.reload()
    session = session_for(assayd, delivery.case_named(keys, "fail-reject"))
    assert send(session, delivery.case_named(keys, "fail-reject")).verdict() == "accept"
    session.close()


# ------------------------------------------------------------------------ limits


def flood(*fields):
    return b"".join(fields) + b"From: a@nodmarc.example\r\n\r\nx\r\n"


FLOODS = {
    "5,000 fields": flood(b"X: y\r\n" * 5000),
    "300 forged results": flood(corpus.FORGED % b"mx.example.org" * 300),
    "200 signatures of as many domains": flood(*[
        b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.example; s=s; h=from; bh=AA==; b=AA==\r\n" % n
        for n in range(200)]),
    "a field of 1 MB": flood(b"X: " + b"y" * 60000 + b"\r\n", *[b"Y: " + b"z" * 60000 + b"\r\n"] * 17),
    "a signature of 60 kB": flood(b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; "
                                  b"b=" + b"A" * 60000 + b"\r\n"),
    "1,000 addresses": b"From: " + b", ".join(b"a@d%d.example" % n for n in range(1000))
                       + b"\r\n\r\nx\r\n",
    "deep comments": b"From: " + b"(" * 5000 + b")" * 5000 + b" a@nodmarc.example\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods(assayd, dns, keys, name):
    """Bounded time and DNS, a defined answer, and the next message is fine."""
    asked = len(dns.asked)
    session = connected(assayd, "198.51.100.7", b"unknown")
    reply = session.message(FLOODS[name], b"bounce@nodmarc.example")
    assert reply.verdict() in ("accept", "reject", "tempfail"), vars(reply)
    assert len(dns.asked) - asked <= 100, "%d DNS queries" % (len(dns.asked) - asked)
    if reply.verdict() == "accept":
        results(reply)
    session.close()
    alive(assayd, keys)


def test_forged_results_beyond_the_header_limit_are_deleted_too(assayd):
    """A flood of fields must not hide a forged one."""
    message = flood(b"X: y\r\n" * 5000, corpus.FORGED % b"mx.example.org")
    session = connected(assayd, "198.51.100.7", b"unknown")
    reply = session.message(message, b"bounce@nodmarc.example")
    assert reply.verdict() != "accept" or [c[:2] for c in reply.changed] == \
        [(1, b"Authentication-Results")], vars(reply)
    session.close()


def test_many_connections_at_once(assayd, keys):
    """32 connections, each with every case: all answers as alone."""
    wrong = []

    def run():
        try:
            for case in corpus.cases(keys)[:12]:
                session = session_for(assayd, case)
                if send(session, case).verdict() != case.action:
                    wrong.append(case.name)
                session.quit()
                session.close()
        except Exception as error:  # noqa: BLE001 - whatever it was, the test has failed
            wrong.append(repr(error))

    threads = [threading.Thread(target=run) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [], assayd.log()


def test_field_beyond_64_kib(assayd, keys):
    """Postfix's header_size_limit is 102,400; libmilter breaks off at 64 KiB unless told."""
    case = delivery.case_named(keys, "aligned-pass")
    session = session_for(assayd, case)
    message = b"X-Long: " + b"x" * 100_000 + b"\r\n" + case.message
    reply = session.message(message, case.sender.encode())
    assert reply.verdict() == "accept" and results(reply)["dmarc"] == ["pass"], assayd.log()
    session.quit()
    session.close()
    alive(assayd, keys)
