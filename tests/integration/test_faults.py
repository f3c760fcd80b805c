"""What becomes of mail when something breaks: DNS that is dead, slow, lying, flapping or silent
for a crowd of strangers, no descriptors left, a clock that jumps, SIGHUP storms, kill -9 and restart
behind a real Postfix, more connections than allowed. Prints a table: fault, what the MTA saw, what
was lost. What becomes of reports meanwhile: test_report_durability.py.
"""

import contextlib
import os
import re
import resource
import signal
import smtplib
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

import corpus
import delivery
import fault_table
import harness
import milter_client
from milter_client import connected

TABLE = []
HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield
    fault_table.publish(request, "Mail", ("fault", "what the MTA saw", "lost"), TABLE)


def ask(assayd, case, **options):
    """One message; (reply, seconds)."""
    session = connected(assayd, case.client, case.client_name.encode(), case.helo.encode())
    began = time.monotonic()
    reply = session.message(case.message, case.sender.encode(), **options)
    took = time.monotonic() - began
    session.close()
    return reply, took


def results(reply):
    value = next(v for _, n, v in reply.inserted if n == b"Authentication-Results")
    return harness.results_of(harness.unfold(value.replace(b"\n", b"\r\n")).decode())


# ------------------------------------------------------------------------ DNS

DEADLINE = 4
BEHAVIOURS = ("drop", "delay 1500", "delay 20000", "garbage", "wrongid", "wrongname", "cut",
              "truncate", "servfail", "refused", "formerr")


@pytest.fixture(scope="module")
def bad_dns(keys, tmp_path_factory):
    """A name for each way to misbehave; each publishes p=reject and no sender may send."""
    text = "$TTL 300\n"
    for number, behaviour in enumerate(BEHAVIOURS):
        name = "b%d.example" % number
        text += ("%s. IN TXT \"v=spf1 -all\"\n_dmarc.%s. IN TXT \"v=DMARC1; p=reject\"\n"
                 ";! %s %s\n;! *.%s %s\n" % (name, name, name, behaviour, name, behaviour))
    path = tmp_path_factory.mktemp("dns") / "zone"
    path.write_text(text)
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "dns_server.py"), str(path)],
                              stdout=subprocess.PIPE, text=True)
    server.port = int(server.stdout.readline().split()[1])
    yield server
    server.kill()
    server.wait()


def dns_options(port):
    return {"Nameservers": "127.0.0.1@%d" % port, "ResolverTimeout": "2",
            "MessageDeadline": str(DEADLINE), "LocalZone": None}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_misbehaving_dns(start_assayd, bad_dns, behaviour):
    """In time; and whatever cannot be known is a temporary error, never a rejection. What
    comes through all the same is judged as ever."""
    assayd = start_assayd(**dns_options(bad_dns.port))
    domain = b"b%d.example" % BEHAVIOURS.index(behaviour)
    case = corpus.Case("dns", corpus.mail(b"ceo@" + domain), sender="ceo@" + domain.decode())
    reply, took = ask(assayd, case)
    assert took < (DEADLINE + 2) * harness.PATIENCE, took
    if reply.verdict() == "reject":
        assert behaviour in ("delay 1500", "wrongid", "truncate"), (vars(reply), assayd.log())
        said = "550, for the right answer came in the end"
    else:
        assert reply.verdict() == "accept"
        found = results(reply)
        assert found["spf"] == ["temperror"] and found["dmarc"] == ["temperror"], found
        said = "accepted: spf=temperror dmarc=temperror"
    TABLE.append(("DNS: " + behaviour, "%s, after %.1f s" % (said, took), "nothing"))


def test_dead_dns_and_tempfail(start_assayd):
    """OnTempError tempfail: the client is to come again."""
    assayd = start_assayd(OnTempError="tempfail", **dns_options(harness.free_port()))
    case = corpus.Case("dns", corpus.mail(b"ceo@reject.example"), sender="ceo@reject.example")
    reply, took = ask(assayd, case)
    assert reply.verdict() == "tempfail" and took < (DEADLINE + 2) * harness.PATIENCE
    TABLE.append(("DNS: nobody there, OnTempError tempfail",
                  "%s after %.1f s" % (reply.text.decode()[:30], took), "nothing"))


def test_flapping_dns(start_assayd, keys):
    """Gone for a while, then back: temporary errors are not kept for long."""
    server = harness.Dns(keys.zone)
    assayd = start_assayd(**dns_options(server.port))
    case = delivery.case_named(keys, "aligned-pass")
    server.failing = [__import__("dns.name").name.root]
    reply, _ = ask(assayd, case)
    assert reply.verdict() == "accept" and results(reply)["dmarc"] == ["temperror"]
    server.failing = []
    began = time.monotonic()

    def recovered():
        again, _ = ask(assayd, case)
        assert again.verdict() == "accept"
        return results(again)["dmarc"] == ["pass"]

    harness.wait_until(recovered, 20, "a pass after DNS came back", assayd.log)
    TABLE.append(("DNS: flapping", "temperror, then pass %.1f s after its return"
                  % (time.monotonic() - began), "nothing"))
    server.stop()


GREEDY_ZONES = 12
# Connections. Instrumented code is so slow that 80 overload the process, not the resolver.
STRANGERS, HONEST = (15, 20) if os.environ.get("ASSAY_SANITIZED") else (80, 100)


def greedy_zone():
    """Names of strangers that are never answered, in many zones; honest domains that are."""
    includes = " ".join("include:%%{l}%d.z%d.greedy" % (n, n) for n in range(10))
    text = "$TTL 300\n;! *.greedy. drop\nliar.test. IN TXT \"v=spf1 %s -all\"\n" % includes
    for n in range(200):
        text += ("h%d.test. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                 "_dmarc.h%d.test. IN TXT \"v=DMARC1; p=reject\"\n" % (n, n))
    return text


def stranger(worker, number):
    """A message with as many lookups that nobody answers as it can have."""
    local = "m%d-%d-" % (worker, number)
    signatures = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=%sk.z%d.greedy; s=s%d; h=from;\r\n"
        b"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
        % (local.encode(), n, n) for n in range(GREEDY_ZONES))
    author = ("ceo@a.b.c.d.e.f.%sa.z%d.greedy" % (local, number % GREEDY_ZONES)).encode()
    return corpus.Case("stranger", corpus.mail(author, more=signatures), sender=local + "@liar.test")


def test_strangers_with_silent_names(start_assayd, tmp_path):
    """Thousands of names that nobody answers for are under way all the time; mail whose names are
    answered, each for the first time, is judged as ever."""
    path = tmp_path / "zone"
    path.write_text(greedy_zone())
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "dns_server.py"), str(path)],
                              stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline().split()[1])
    patience = max(1, int(harness.PATIENCE))
    assayd = start_assayd(**{**dns_options(port), "ResolverTimeout": str(3 * patience),
                             "MessageDeadline": str(DEADLINE * patience)})
    loads = [Load(lambda number, w=worker: ask(assayd, stranger(w, number))[0].verdict())
             for worker in range(STRANGERS)]
    for load in loads:
        load.start()
    time.sleep(2 * DEADLINE * harness.PATIENCE)
    slowest = 0
    for n in range(HONEST):
        domain = "h%d.test" % n
        case = corpus.Case("honest", corpus.mail(b"user@" + domain.encode()),
                           sender="user@" + domain, client="192.0.2.1")
        reply, took = ask(assayd, case)
        slowest = max(slowest, took)
        assert reply.verdict() == "accept", (n, vars(reply), took, assayd.log())
        found = results(reply)
        assert found["spf"] == ["pass"] and found["dmarc"] == ["pass"], (n, found, took)
    answers = [answer for load in loads for answer in load.stop()]
    server.kill()
    server.wait()
    assert answers and set(answers) == {"accept"}, set(answers)
    TABLE.append(("DNS: names of %d strangers are never answered" % STRANGERS,
                  "%d honest messages spf=pass dmarc=pass, the slowest after %.0f ms; %d of "
                  "strangers temperror" % (HONEST, 1000 * slowest, len(answers)), "nothing"))


# ---------------------------------------------------------------- the system


def test_no_descriptors_left(start_assayd, keys):
    """Connections beyond the limit wait or fail; those that stand are served, and all is well
    when the others are gone."""
    assayd = start_assayd(Nameservers="none")
    resource.prlimit(assayd.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    case = delivery.case_named(keys, "aligned-pass")
    first = connected(assayd, case.client, case.client_name.encode(), case.helo.encode())
    crowd = [assayd.connect() for _ in range(60)]
    time.sleep(0.5)
    assert assayd.process.poll() is None, assayd.log()
    assert first.message(case.message, case.sender.encode()).verdict() == "accept"
    first.close()
    for connection in crowd:
        connection.close()
    harness.wait_until(lambda: ask(assayd, case)[0].verdict() == "accept", 20, "service again",
                       assayd.log)
    TABLE.append(("40 descriptors, 61 connections", "those served go on, the others wait",
                  "nothing"))


def test_clock():
    """Deadlines and TTLs must not depend on the time of day."""
    users = set()
    for directory in ("milter", "policy", "resolver", "config", "keys"):
        for name in os.listdir(os.path.join(harness.TOP, directory)):
            if name.endswith(".c"):
                with open(os.path.join(harness.TOP, directory, name)) as f:
                    code = re.sub(r"/\*.*?\*/|\"[^\"\n]*\"", "", f.read(), flags=re.S)
                if re.search(r"\b(time|gettimeofday) *\(|CLOCK_REALTIME", code):
                    users.add(directory + "/" + name)
    # t= and x= of signatures are seconds since 1970: policy_env.epoch, and nothing else.
    assert users <= CLOCK_USERS, users
    TABLE.append(("clock: who reads the time of day",
                  "only t= and x= of signatures are compared with it", "nothing"))


CLOCK_USERS = {"config/runtime.c"}


class Load(threading.Thread):
    """Sends messages until it is told to stop; notes every answer."""

    def __init__(self, send):
        super().__init__(daemon=True)
        self.send, self.answers, self.done = send, [], threading.Event()

    def run(self):
        while not self.done.is_set():
            self.answers.append(self.send(len(self.answers)))

    def stop(self):
        self.done.set()
        self.join(60)
        assert not self.is_alive(), "a message hangs"
        return self.answers


def test_reload_storm(start_assayd, keys):
    """SIGHUP by the dozen, every other configuration a bad one; no message notices."""
    assayd = start_assayd(Nameservers="none")
    good = delivery.case_named(keys, "aligned-pass")
    bad = delivery.case_named(keys, "fail-reject")

    def send(number):
        case = bad if number % 2 else good
        reply, _ = ask(assayd, case)
        return reply.verdict() == case.action

    loads = [Load(send) for _ in range(4)]
    for load in loads:
        load.start()
    for number in range(60):
        assayd.write_config(OnReject="perhaps" if number % 2 else "reject")
        assayd.process.send_signal(signal.SIGHUP)
        time.sleep(0.02 * harness.PATIENCE)
    assayd.write_config(OnReject="reject")
    answers = [answer for load in loads for answer in load.stop()]
    assert answers and all(answers), (answers.count(False), assayd.log())
    assert assayd.process.poll() is None
    assert "perhaps" in assayd.log_text()
    TABLE.append(("60 SIGHUPs in 1.2 s, half of them bad", "%d answers, all right" % len(answers),
                  "nothing"))


def test_more_connections_than_allowed(start_assayd, keys):
    """The rest is told at once to come again; those inside are served."""
    assayd = start_assayd(Nameservers="none", MaximumConnections="10")
    case = delivery.case_named(keys, "aligned-pass")
    inside = [connected(assayd, case.client, case.client_name.encode(), case.helo.encode())
              for _ in range(10)]
    refused, slowest = 0, 0.0
    for _ in range(50):
        began = time.monotonic()
        session = milter_client.Session(assayd.connect())
        answer = session.connect(case.client, case.client_name.encode())
        slowest = max(slowest, time.monotonic() - began)
        refused += answer is not None and (answer[0] == b"t" or answer[1].startswith(b"4"))
        session.close()
    assert refused == 50 and slowest < 1 * harness.PATIENCE, (refused, slowest, assayd.log())
    for session in inside:
        assert session.message(case.message, case.sender.encode()).verdict() == "accept"
        session.close()
    harness.wait_until(lambda: ask(assayd, case)[0].verdict() == "accept", 10, "room again",
                       assayd.log)
    TABLE.append(("50 connections beyond MaximumConnections",
                  "50 x 4xx, the slowest after %.0f ms" % (slowest * 1000), "nothing"))


# --------------------------------------------------- kill -9 behind a Postfix


def transact(mta, case, recipient):
    """The final answer; its code is 0 when the server hung up without one."""
    try:
        with delivery.session(mta, case) as smtp:
            return delivery.transact(smtp, case, recipient)
    except (smtplib.SMTPException, OSError):
        return delivery.Answer(0, "", recipient)


def kept_in(path):
    """queue id -> how often it is in the store of reports."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
        return dict(db.execute("SELECT queue_id, count(*) FROM message GROUP BY 1"))


def test_kill_and_restart_under_load(start_assayd, start_postfix, sink, keys, tmp_path):
    """Whatever Postfix took in carries a verdict, and is in the store of reports once; whatever is to
    be rejected never comes in."""
    store = str(tmp_path / "reports.db")
    assayd = start_assayd(Nameservers="none", ReportStore=store,
                          ReportJournal=str(tmp_path / "journal"))
    mta = start_postfix(assayd.postfix_spec)
    good = delivery.case_named(keys, "aligned-pass")
    bad = delivery.case_named(keys, "fail-reject")
    sent, queue_ids, lock = {}, {}, threading.Lock()

    def send(worker, number):
        case = bad if number % 4 == 3 else good
        recipient = "kill-%d-%d@rcpt.example" % (worker, number)
        answer = transact(mta, case, recipient)
        with lock:
            sent[recipient] = (case, answer.code)
            queue_ids[recipient] = answer.queue_id() if answer.code == 250 else None
        return answer.code

    loads = [Load(lambda number, w=worker: send(w, number)) for worker in range(6)]
    for load in loads:
        load.start()
    for _ in range(6):
        time.sleep(0.7 * harness.PATIENCE)
        assayd.kill()
        time.sleep(0.3)
        assayd.start()
    time.sleep(0.7)
    for load in loads:
        load.stop()
    log = delivery.logs(mta, assayd)
    codes = [code for _, code in sent.values()]
    accepted = [r for r, (_, code) in sent.items() if code == 250]
    assert accepted and all(code in (0, 250, 550) or 400 <= code < 500 for code in codes), log()
    for recipient, (case, code) in sent.items():
        assert code != 250 or case is good, "%s was accepted\n%s" % (case.name, log())
        assert code != 550 or case is bad, "%s was rejected\n%s" % (case.name, log())
    for recipient in accepted:
        message = sink.wait(recipient, 30, log)
        assert results_in(message)["dmarc"] == ["pass"]
    # Nothing came through beside: an answer that the client did not get is a duplicate at worst.
    for recipient, (case, code) in sent.items():
        assert case is good or sink.count(recipient) == 0, recipient
    assayd.process.terminate()
    assert assayd.process.wait(30 * harness.PATIENCE) == 0, assayd.log()
    kept = kept_in(store)
    assert set(kept.values()) == {1}
    missing = [r for r in accepted if queue_ids[r] not in kept]
    assert not missing, (len(missing), missing[:5], assayd.log())
    deferred = sum(1 for code in codes if 400 <= code < 500)
    TABLE.append(("6 x kill -9 and restart, Postfix, reports on",
                  "%d accepted with verdict, %d x 4xx, %d x 550, %d hung up"
                  % (len(accepted), deferred, codes.count(550), codes.count(0)),
                  "nothing; all accepted ones are in the store once"))


def results_in(message):
    return harness.results_of(harness.own_results(message))
