"""assayd behind a real Postfix: what the client is told, and what arrives."""

import dataclasses
import os
import re
import subprocess
import time

import pytest

import corpus
import delivery
import harness
import postfix
from conftest import ADDRESSES
from delivery import logs, recipient_for, submit
from namespace import SENDER


@pytest.fixture(scope="module")
def mta(own_network, assayd, sink):
    reason = postfix.unavailable()
    if reason:
        pytest.skip(reason)
    server = postfix.Postfix(assayd.postfix_spec, sink, ADDRESSES)
    yield server
    server.stop()


def check_delivered(case, message):
    """Byte for byte: A-R, Received, then the message as sent, less forged fields."""
    rest = delivery.check_top(message)
    expected = [f for f in harness.fields(case.message) if not delivery.is_forged(f)]
    assert rest == expected
    assert harness.body(message) == harness.body(case.message)
    delivery.check_results(case, message)


@pytest.mark.parametrize("name", delivery.CASE_NAMES)
def test_case(mta, assayd, sink, keys, name):
    case = delivery.case_named(keys, name)
    log = logs(mta, assayd)
    answer = submit(mta, case)
    delivery.check_answer(case, answer, log)
    if case.action == "accept":
        check_delivered(case, sink.wait(answer.recipient, log=log))
    elif case.action == "quarantine":
        assert answer.queue_id() in mta.held(), log()
        header = mta.held_message(answer.queue_id()) + b"\r\n"
        delivery.check_results(case, header)
        assert sink.count(answer.recipient) == 0
        assert re.search(answer.queue_id() + ": milter-hold: .*triggers HOLD", mta.log_text())
    else:
        assert sink.count(answer.recipient) == 0
        queue_id = re.search(r"(\w+): milter-reject: END-OF-MESSAGE .*to=<%s>"
                             % re.escape(answer.recipient), mta.log_text()).group(1)
        assert queue_id in answer.text, "the queue id %s is not in %r" % (queue_id, answer)


def test_forged_fields_go_and_foreign_ones_stay_in_order(mta, assayd, sink, keys):
    case = delivery.case_named(keys, "forged-results")
    recipient = recipient_for(mta, "forged-order")
    submit(mta, case, recipient)
    message = sink.wait(recipient, log=logs(mta, assayd))
    fields = harness.named(message, "Authentication-Results")
    assert fields[1:] == list(corpus.FOREIGN)
    assert len(fields) == 1 + len(corpus.FOREIGN)


def test_client_given_by_xclient(mta, assayd, sink, keys):
    case = delivery.case_named(keys, "aligned-pass")
    recipient = recipient_for(mta, "xclient")
    with mta.client(case.client, case.client_name, case.helo) as smtp:
        answer = delivery.transact(smtp, case, recipient)
    assert answer.code == 250, answer
    check_delivered(case, sink.wait(recipient, log=logs(mta, assayd)))


def test_smtputf8(mta, assayd, sink):
    for case in corpus.international():
        answer = submit(mta, case)
        assert answer.code == 250, (answer, logs(mta, assayd)())
        check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))


def test_several_messages_in_one_session(mta, assayd, sink, keys):
    """Each is judged for itself, whatever came before; a RSET in between changes nothing."""
    names = ["spf-only", "fail-none", "mailing-list", "broken-signature", "spf-only", "two-from"]
    chosen = [dataclasses.replace(delivery.case_named(keys, n), client=SENDER) for n in names]
    answers = []
    with delivery.session(mta, chosen[0]) as smtp:
        for number, case in enumerate(chosen):
            recipient = recipient_for(mta, "several%d" % number)
            answers.append(delivery.transact(smtp, case, recipient))
            smtp.mail("user@example.com")
            smtp.rset()
    codes = [a.code for a in answers]
    assert codes == [250, 250, 250, 550, 250, 550], (codes, logs(mta, assayd)())
    expected = {0: {"spf": "pass", "dkim": "none", "dmarc": "pass"},
                1: {"dkim": "none", "dmarc": "fail"},
                4: {"spf": "pass", "dkim": "none", "dmarc": "pass"}}
    for number, results in expected.items():
        message = sink.wait(answers[number].recipient, log=logs(mta, assayd))
        delivery.check_results(dataclasses.replace(chosen[number], results=results), message)


def test_two_recipients_get_the_same_message(mta, assayd, sink, keys):
    case = delivery.case_named(keys, "aligned-pass")
    one, two = recipient_for(mta, "both-1"), recipient_for(mta, "both-2")
    with delivery.session(mta, case) as smtp:
        smtp.sendmail(case.sender, [one, two], case.message)
    assert sink.wait(one, log=logs(mta, assayd)) == sink.wait(two, log=logs(mta, assayd))


def test_loopback_client_is_originating(mta, assayd, sink, keys):
    """Neither judged nor marked; but forged results do not leave the house."""
    case = delivery.case_named(keys, "forged-results")
    recipient = recipient_for(mta, "loopback")
    with mta.client(helo="localhost") as smtp:
        answer = delivery.transact(smtp, case, recipient)
    assert answer.code == 250
    message = sink.wait(recipient, log=logs(mta, assayd))
    assert harness.named(message, "Authentication-Results") == list(corpus.FOREIGN)
    assert message.startswith(b"Received: ")


def test_mail_by_the_sendmail_command(mta, assayd, sink):
    """non_smtpd_milters: Postfix plays an SMTP session from localhost."""
    recipient = recipient_for(mta, "command")
    message = corpus.mail(b"ceo@reject.example", "from cron", more=corpus.interleaved())
    mta.sendmail(message, recipient, "root@reject.example")
    arrived = sink.wait(recipient, log=logs(mta, assayd))
    assert harness.named(arrived, "Authentication-Results") == list(corpus.FOREIGN)
    assert harness.body(arrived) == harness.body(message)


def big_message(keys, size):
    line = b"x" * 76 + b"\r\n"
    return keys.sign(corpus.mail(b"user@example.com", "thirty megabytes",
                                 line * (size // len(line))), (b"simple", b"simple"))


def peak_kilobytes(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


def test_message_of_30_megabytes(mta, assayd, sink, keys):
    case = dataclasses.replace(delivery.case_named(keys, "aligned-pass"),
                               message=big_message(keys, 30 << 20))
    recipient = recipient_for(mta, "big")
    assert submit(mta, case, recipient).code == 250
    message = sink.wait(recipient, 60, log=logs(mta, assayd))
    assert harness.body(message) == harness.body(case.message)
    delivery.check_results(case, message)
    if not harness.WRAPPER and not os.environ.get("ASSAY_SANITIZED"):
        assert peak_kilobytes(assayd.process.pid) < 128 << 10, "the body was kept in memory"


HOSTILE = {
    "empty message": b"\r\n",
    "no header": b"\r\njust a body\r\n",
    "no From": b"Subject: nobody\r\n\r\nx\r\n",
    "From without a domain": b"From: nobody\r\n\r\nx\r\n",
    "empty From": b"From:\r\n\r\nx\r\n",
    "From with blanks before the colon": b"From : a@reject.example\r\n\r\nx\r\n",
    "unbalanced": b'From: "a <x@example.com>"@@ (((\r\n\r\nx\r\n',
    "200 signatures": b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AA; b=AA\r\n"
                      * 200 + b"From: a@nodmarc.example\r\n\r\nx\r\n",
    "a field of 100,000 octets": b"X-Long: " + b"y" * 900 + b"\r\n" + (b"\t" + b"z" * 900 + b"\r\n") * 110
                                 + b"From: a@nodmarc.example\r\n\r\nx\r\n",
    "forged results out of shape": b"Authentication-Results: mx.example.org (((\r\n"
                                   b"Authentication-Results:\r\nAuthentication-Results: ;;;\r\n"
                                   b"From: a@nodmarc.example\r\n\r\nx\r\n",
    "octets of all kinds": b"From: a@nodmarc.example\r\nSubject: "
                           + bytes(n for n in range(1, 256) if n not in (10, 13)) + b"\r\n\r\nx\r\n",
    "bare carriage returns": b"From: a@nodmarc.example\r\n\r\na\rb\r\rc\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_message(mta, assayd, sink, name):
    """Any answer but a crash or a hang; whatever is accepted carries one A-R of ours."""
    recipient = recipient_for(mta, "hostile%d" % list(HOSTILE).index(name))
    case = corpus.Case(name, HOSTILE[name])
    answer = submit(mta, case, recipient)
    assert answer.code in (250, 550), (answer, logs(mta, assayd)())
    assert assayd.process.poll() is None
    if answer.code == 250:
        harness.own_results(sink.wait(recipient, log=logs(mta, assayd)))


# ------------------------------------------- with a configuration of their own


def test_temporary_error(start_assayd, start_postfix, sink):
    """Default: accepted, and said so. OnTempError tempfail: the client is to come again."""
    case = corpus.Case("temporary", corpus.mail(b"user@temp.example", "temporary"))
    tolerant = start_assayd()
    mta = start_postfix(tolerant.postfix_spec)
    answer = submit(mta, case)
    assert answer.code == 250, (answer, logs(mta, tolerant)())
    text = harness.own_results(sink.wait(answer.recipient, log=logs(mta, tolerant)))
    assert harness.results_of(text)["dmarc"] == ["temperror"]
    strict = start_assayd(OnTempError="tempfail")
    mta = start_postfix(strict.postfix_spec)
    answer = submit(mta, dataclasses.replace(case, action="tempfail"))
    delivery.check_answer(dataclasses.replace(case, action="tempfail"), answer,
                          logs(mta, strict))


def test_milter_restart_in_the_middle_of_a_session(start_assayd, start_postfix, sink, keys):
    """The message under way is deferred, not lost, and the next ones are checked again."""
    assayd = start_assayd()
    mta = start_postfix(assayd.postfix_spec)
    case = delivery.case_named(keys, "aligned-pass")
    with delivery.session(mta, case) as smtp:
        assert delivery.transact(smtp, case, recipient_for(mta, "restart0")).code == 250
        smtp.mail(case.sender)
        smtp.rcpt(recipient_for(mta, "restart1"))
        assayd.kill()
        code, text = smtp.data(case.message)
        assert 400 <= code < 500, (code, text)
        assayd.start()
    answer = submit(mta, case, recipient_for(mta, "restart2"))
    assert answer.code == 250, (answer, logs(mta, assayd)())
    check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))


def test_stop_during_a_message(start_assayd, start_postfix, sink, keys):
    assayd = start_assayd()
    mta = start_postfix(assayd.postfix_spec)
    case = delivery.case_named(keys, "aligned-pass")
    with delivery.session(mta, case) as smtp:
        smtp.mail(case.sender)
        smtp.rcpt(recipient_for(mta, "graceful"))
        assayd.process.terminate()
        time.sleep(0.5)
        code, text = smtp.data(case.message)
    # Postfix keeps what needs no answer in its buffer, so for assayd the message may not have
    # begun: then it is deferred, never lost and never passed unchecked.
    assert code == 250 or 400 <= code < 500, (code, text, logs(mta, assayd)())
    if code == 250:
        check_delivered(case, sink.wait(recipient_for(mta, "graceful"), log=logs(mta, assayd)))
    assert assayd.process.wait(20 * harness.PATIENCE) == 0


def test_reload(start_assayd, start_postfix, keys):
    """A good configuration is taken over; a bad one is refused by file and line, and
    the old one stays in force."""
    assayd = start_assayd(RejectText="first text for {domain}")
    mta = start_postfix(assayd.postfix_spec)
    case = delivery.case_named(keys, "fail-reject")
    assert "first text for reject.example" in submit(mta, case).text
    assayd.write_config(RejectText="second text for {domain}")
    assayd.reload()
    assert "second text for reject.example" in submit(mta, case).text
    assayd.write_config(OnReject="perhaps", RejectText="third text for {domain}")
    said = assayd.reload(re.compile(r"perhaps"))
    assert "assay.conf" in said and re.search(r":\d+", said), said
    assert "second text for reject.example" in submit(mta, case).text


def test_percent_signs_in_reject_text(start_assayd, start_postfix, keys):
    assayd = start_assayd(RejectText="100% of {domain} %s %n %d %% is bad")
    mta = start_postfix(assayd.postfix_spec)
    answer = submit(mta, delivery.case_named(keys, "fail-reject"))
    assert "100% of reject.example %s %n %d %% is bad" in answer.text, answer


def test_monitor_mode(start_assayd, start_postfix, sink, keys):
    """Everything is computed and written, and every message accepted."""
    assayd = start_assayd(Mode="monitor", AuthservID="mx.example.org")
    mta = start_postfix(assayd.postfix_spec)
    for name in ("fail-reject", "fail-quarantine", "two-from", "mailing-list", "forged-results"):
        case = delivery.case_named(keys, name)
        answer = submit(mta, case, recipient_for(mta, "monitor." + name))
        assert answer.code == 250, (answer, logs(mta, assayd)())
        check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))
    assert mta.held() == []


def test_unix_socket(start_assayd, start_postfix, sink, keys):
    assayd = start_assayd(unix=True)
    mta = start_postfix(assayd.postfix_spec)
    case = delivery.case_named(keys, "aligned-pass")
    answer = submit(mta, case, recipient_for(mta, "unix"))
    assert answer.code == 250, (answer, logs(mta, assayd)())
    check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))


def test_authserv_id_defaults_to_the_mta_name_or_host(start_assayd, start_postfix, sink, keys):
    """Without AuthservID there is still exactly one A-R, with some name of this host."""
    assayd = start_assayd(AuthservID=None)
    mta = start_postfix(assayd.postfix_spec)
    case = delivery.case_named(keys, "aligned-pass")
    answer = submit(mta, case, recipient_for(mta, "default-id"))
    message = sink.wait(answer.recipient, log=logs(mta, assayd))
    host = subprocess.run(["hostname"], capture_output=True, check=True).stdout.strip()
    text = harness.unfold(harness.named(message, "Authentication-Results")[0])
    assert re.search(rb": (mx\.example\.org|%s)\S*;" % re.escape(host), text), text
