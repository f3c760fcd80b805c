"""What becomes of mail when something breaks: DNS that is dead, slow, lying or flapping,
no descriptors left, SIGHUP storms, kill -9 and restart behind a real Postfix, more
connections than allowed. Prints a table: fault, what the MTA saw, what was lost.
"""

import os
import re
import resource
import signal
import smtplib
import subprocess
import sys
import threading
import time

import pytest

import corpus
import delivery
import harness
import milter_client
from milter_client import connected

TABLE = []
HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield
    lines = ["%-44s %-60s %s" % row for row in [("fault", "what the MTA saw", "lost"), *TABLE]]
    path = os.environ.get("ASSAY_FAULT_TABLE")
    if path:
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n" + "\n".join(lines))


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
    TABLE.append(("clock jumps", "only t= and x= are compared with the time of day", "nothing"))


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
    """The code of the final answer; 0 when the server hung up without one."""
    try:
        with delivery.session(mta, case) as smtp:
            return delivery.transact(smtp, case, recipient).code
    except (smtplib.SMTPException, OSError):
        return 0


def test_kill_and_restart_under_load(start_assayd, start_postfix, sink, keys):
    """Whatever Postfix took in carries a verdict; whatever is to be rejected never comes in."""
    assayd = start_assayd(Nameservers="none")
    mta = start_postfix(assayd.postfix_spec)
    good = delivery.case_named(keys, "aligned-pass")
    bad = delivery.case_named(keys, "fail-reject")
    sent, lock = {}, threading.Lock()

    def send(worker, number):
        case = bad if number % 4 == 3 else good
        recipient = "kill-%d-%d@rcpt.example" % (worker, number)
        code = transact(mta, case, recipient)
        with lock:
            sent[recipient] = (case, code)
        return code

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
    deferred = sum(1 for code in codes if 400 <= code < 500)
    TABLE.append(("6 x kill -9 and restart, Postfix",
                  "%d accepted with verdict, %d x 4xx, %d x 550, %d hung up"
                  % (len(accepted), deferred, codes.count(550), codes.count(0)), "nothing"))


def results_in(message):
    return harness.results_of(harness.own_results(message))
