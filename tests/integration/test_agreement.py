"""`assay check` and assayd say the same about every message of this suite: the
Authentication-Results field octet for octet, the action, and the SMTP reply."""

import json
import subprocess

import pytest

import corpus
import delivery
import harness
import milter_client
import test_postfix

ACTIONS = {"tag": "accept"}  # the MTA sees an accepted message with one field more


def all_cases(keys):
    yield from corpus.cases(keys)
    yield from corpus.international()
    for name, message in test_postfix.HOSTILE.items():
        if max(map(len, harness.fields(message))) < 65000:  # more, libmilter does not take at once
            yield corpus.Case(name, message)
    yield corpus.Case("temporary", corpus.mail(b"user@temp.example", "temporary"))
    yield corpus.Case("loopback", corpus.mail(b"ceo@reject.example", "local"), client="127.0.0.1",
                      client_name="localhost")


NAMES = [case.name for case in all_cases(delivery.Unsigned)]


def check(assayd, case):
    """What `assay check` says, under the daemon's own configuration."""
    command = [harness.ASSAY, "check", "--json", "-c", assayd.conf_path,
               "--client-ip", case.client, "--client-name", case.client_name,
               "--helo", case.helo, "--mail-from", case.sender,
               "--rcpt-to", "a@rcpt.example", "-"]
    done = subprocess.run(command, input=case.message, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def daemon(assayd, case):
    session = milter_client.connected(assayd, case.client, case.client_name.encode(),
                                      case.helo.encode())
    reply = session.message(case.message, case.sender.encode(), queue_id=b"NOQUEUE")
    session.close()
    return reply


@pytest.mark.parametrize("name", NAMES)
def test_tool_and_daemon_agree(assayd, keys, name):
    case = next(c for c in all_cases(keys) if c.name == name)
    told, done = check(assayd, case), daemon(assayd, case)
    verdict = told["verdict"]
    assert ACTIONS.get(verdict["action"], verdict["action"]) == done.verdict(), (told, vars(done))
    if done.verdict() in ("reject", "tempfail"):
        assert done.text.replace(b"%%", b"%").decode() == verdict["smtp"]
        return
    inserted = [harness.unfold(value.replace(b"\n", b"\r\n"))
                for _, name, value in done.inserted if name == b"Authentication-Results"]
    expected = told["authentication_results"]
    normal = " ".join(expected.split()) if expected else None
    assert [" ".join(v.decode().split()) for v in inserted] == ([normal] if normal else [])
