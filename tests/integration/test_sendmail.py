"""assayd behind a real Sendmail: what the client is told, and what arrives.

Sendmail rewrites the fields that hold addresses (spaces, folding), so those are
compared unfolded and without white space; everything else byte for byte.
"""

import dataclasses
import re

import pytest

import corpus
import delivery
import harness
import sendmail
from conftest import ADDRESSES
from delivery import logs, recipient_for, submit
from namespace import SENDER

ADDRESS_FIELDS = (b"from", b"to")


@pytest.fixture(scope="module")
def mta(own_network, assayd, sink):
    reason = sendmail.unavailable()
    if reason:
        pytest.skip(reason)
    server = sendmail.Sendmail(assayd.sendmail_spec, sink, ADDRESSES)
    yield server
    server.stop()


def comparable(field):
    name = field.split(b":", 1)[0].lower()
    return re.sub(rb"\s", b"", field) if name in ADDRESS_FIELDS else field


def check_delivered(case, message):
    """A-R, Received, then the message as sent, less forged fields."""
    rest = delivery.check_top(message)
    expected = [f for f in harness.fields(case.message) if not delivery.is_forged(f)]
    assert sorted(map(comparable, rest)) == sorted(map(comparable, expected))
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
        return
    assert sink.count(answer.recipient) == 0
    if case.action == "quarantine":
        assert answer.queue_id() in mta.held(), log()
        assert re.search(r"dmarc", mta.quarantine_reason(answer.queue_id()), re.I)
        top = mta.held_header(answer.queue_id())[0]
        assert top.startswith("Authentication-Results: mx.example.org;"), top


def test_forged_fields_go_and_foreign_ones_stay_in_order(mta, assayd, sink, keys):
    case = delivery.case_named(keys, "forged-results")
    recipient = recipient_for(mta, "forged-order")
    submit(mta, case, recipient)
    message = sink.wait(recipient, log=logs(mta, assayd))
    fields = harness.named(message, "Authentication-Results")
    assert fields[1:] == list(corpus.FOREIGN)
    assert len(fields) == 1 + len(corpus.FOREIGN)


def test_several_messages_in_one_session(mta, assayd, sink, keys):
    names = ["spf-only", "fail-none", "mailing-list", "broken-signature", "spf-only", "two-from"]
    chosen = [dataclasses.replace(delivery.case_named(keys, n), client=SENDER) for n in names]
    answers = []
    with delivery.session(mta, chosen[0]) as smtp:
        for number, case in enumerate(chosen):
            recipient = recipient_for(mta, "several%d" % number)
            answers.append(delivery.transact(smtp, case, recipient))
            smtp.mail("user@example.com")
            smtp.rset()
    assert [a.code for a in answers] == [250, 250, 250, 550, 250, 550], logs(mta, assayd)()
    for number, results in {0: {"dmarc": "pass"}, 1: {"dmarc": "fail"}, 4: {"dmarc": "pass"}}.items():
        message = sink.wait(answers[number].recipient, log=logs(mta, assayd))
        delivery.check_results(dataclasses.replace(chosen[number], results=results), message)


def test_loopback_client_is_originating(mta, assayd, sink, keys):
    case = delivery.case_named(keys, "forged-results")
    recipient = recipient_for(mta, "loopback")
    with mta.client(helo="localhost") as smtp:
        assert delivery.transact(smtp, case, recipient).code == 250
    message = sink.wait(recipient, log=logs(mta, assayd))
    assert harness.named(message, "Authentication-Results") == list(corpus.FOREIGN)
    assert message.startswith(b"Received: ")


def test_mail_by_the_sendmail_command(mta, assayd, sink):
    """Sendmail plays an SMTP session from the local user."""
    recipient = recipient_for(mta, "command")
    message = corpus.mail(b"ceo@reject.example", "from cron", more=corpus.interleaved())
    mta.sendmail(message, recipient, "root@reject.example")
    arrived = sink.wait(recipient, log=logs(mta, assayd))
    assert harness.named(arrived, "Authentication-Results") == list(corpus.FOREIGN)
    assert harness.body(arrived) == harness.body(message)


def test_message_of_30_megabytes(mta, assayd, sink, keys):
    line = b"x" * 76 + b"\r\n"
    message = keys.sign(corpus.mail(b"user@example.com", "thirty megabytes",
                                    line * ((30 << 20) // len(line))), (b"simple", b"simple"))
    case = dataclasses.replace(delivery.case_named(keys, "aligned-pass"), message=message)
    recipient = recipient_for(mta, "big")
    assert submit(mta, case, recipient).code == 250
    arrived = sink.wait(recipient, 60, log=logs(mta, assayd))
    assert harness.body(arrived) == harness.body(case.message)
    delivery.check_results(case, arrived)


# ------------------------------------------- with a configuration of their own


def test_temporary_error(start_assayd, start_sendmail, sink):
    case = corpus.Case("temporary", corpus.mail(b"user@temp.example", "temporary"), "tempfail")
    strict = start_assayd(OnTempError="tempfail")
    mta = start_sendmail(strict.sendmail_spec)
    delivery.check_answer(case, submit(mta, case), logs(mta, strict))


def test_milter_restart_in_the_middle_of_a_session(start_assayd, start_sendmail, sink, keys):
    assayd = start_assayd()
    mta = start_sendmail(assayd.sendmail_spec)
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


def test_percent_signs_in_reject_text(start_assayd, start_sendmail, keys):
    """Sendmail takes the text for a format: %s of ours must come out as %s."""
    assayd = start_assayd(RejectText="100% of {domain} %s %n %d %% is bad")
    mta = start_sendmail(assayd.sendmail_spec)
    answer = submit(mta, delivery.case_named(keys, "fail-reject"))
    assert "100% of reject.example %s %n %d %% is bad" in answer.text, answer


def test_unix_socket(start_assayd, start_sendmail, sink, keys):
    assayd = start_assayd(unix=True)
    mta = start_sendmail(assayd.sendmail_spec)
    case = delivery.case_named(keys, "aligned-pass")
    answer = submit(mta, case, recipient_for(mta, "unix"))
    assert answer.code == 250, (answer, logs(mta, assayd)())
    check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))


def test_monitor_mode(start_assayd, start_sendmail, sink, keys):
    assayd = start_assayd(Mode="monitor")
    mta = start_sendmail(assayd.sendmail_spec)
    for name in ("fail-reject", "fail-quarantine", "two-from"):
        case = delivery.case_named(keys, name)
        answer = submit(mta, case, recipient_for(mta, "monitor." + name))
        assert answer.code == 250, (answer, logs(mta, assayd)())
        check_delivered(case, sink.wait(answer.recipient, log=logs(mta, assayd)))
    assert mta.held() == []
