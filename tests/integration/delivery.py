"""What the Postfix and the Sendmail tests share: sending a case, and looking at
what became of it. An MTA under test is a postfix.Postfix or a sendmail.Sendmail.
"""

import dataclasses
import re
import smtplib

import corpus
import harness
from namespace import SERVER, SERVER6

RESULTS_NAME = b"Authentication-Results"


class Unsigned:
    """Stands in for corpus.Keys where only the names of the cases matter."""

    @staticmethod
    def sign(message, *_, **__):
        return message


CASE_NAMES = [case.name for case in corpus.cases(Unsigned)]


def case_named(keys, name):
    return next(c for c in corpus.cases(keys) if c.name == name)


@dataclasses.dataclass
class Answer:
    code: int
    text: str
    recipient: str

    def queue_id(self):
        """From "Ok: queued as X" (Postfix) or "X Message accepted" (Sendmail)."""
        found = re.search(r"queued as (\S+)|(\S+) Message accepted", self.text)
        return (found.group(1) or found.group(2)) if found else None


def recipient_for(mta, name):
    return "%s.%s@rcpt.example" % (name.replace("_", "-"), mta.name)


def session(mta, case):
    """An SMTP session from the address of the case's client."""
    address = SERVER6 if ":" in case.client else SERVER
    return mta.client(helo=case.helo, source=case.client, address=address)


def transact(smtp, case, recipient):
    """One mail transaction; stops at the first refusal."""
    options = []
    if any(octet > 127 for octet in case.message):
        options.append("BODY=8BITMIME")
    if case.smtputf8:
        options.append("SMTPUTF8")
        smtp.command_encoding = "utf-8"
    code, text = smtp.mail(case.sender, options)
    if code == 250:
        code, text = smtp.rcpt(recipient)
    if code == 250:
        code, text = smtp.data(case.message)
    return Answer(code, text.decode("utf-8", "replace"), recipient)


def submit(mta, case, recipient=None):
    recipient = recipient or recipient_for(mta, case.name)
    with session(mta, case) as smtp:
        answer = transact(smtp, case, recipient)
        try:
            smtp.quit()
        except smtplib.SMTPServerDisconnected:
            pass
    return answer


def logs(mta, assayd):
    return lambda: assayd.log() + "\n" + mta.log()


def is_results(field):
    return field.split(b":", 1)[0].strip().lower() == RESULTS_NAME.lower()


def is_forged(field):
    """By another reading than Assay's: our name anywhere, or an odd fold before it."""
    return is_results(field) and b"mx.example.org" in field.lower()


def check_results(case, message):
    """Our one A-R field says what the case expects; returns its text."""
    text = harness.own_results(message)
    found = harness.results_of(text)
    for method, result in case.results.items():
        assert result in found.get(method, []), \
            "%s: expected %s=%s in %s" % (case.name, method, result, text)
    return text


def check_field_bytes(field):
    """Folded for people and for every MTA: CRLF only, short lines, WSP after each fold."""
    assert field.endswith(b"\r\n")
    lines = field[:-2].split(b"\r\n")
    for number, line in enumerate(lines):
        assert b"\r" not in line and b"\n" not in line
        assert len(line) <= 200, line
        assert number == 0 or line[:1] in (b" ", b"\t"), line
        assert line.strip(), "a line of white space only"
    assert lines[0].startswith(RESULTS_NAME + b": mx.example.org;"), lines[0]


def check_top(message):
    """A-R first, then the MTA's own Received; returns the fields below."""
    header = harness.fields(message)
    check_field_bytes(header[0])
    assert header[1].startswith(b"Received: from "), header[:3]
    assert b"by mx.example.org" in header[1]
    return header[2:]


def check_answer(case, answer, log):
    """The SMTP reply fits the action."""
    if case.action in ("accept", "quarantine"):
        assert answer.code == 250, "%r\n%s" % (answer, log())
    elif case.action == "reject":
        assert answer.code == 550, "%r\n%s" % (answer, log())
        assert re.search(case.reply, answer.text), answer.text
    elif case.action == "tempfail":
        assert answer.code == 451, "%r\n%s" % (answer, log())
        assert re.search(r"^4\.7\.\d+ ", answer.text), answer.text
