"""The chain of two MTAs as fixtures; see signing.py for what it is. Test files import
the fixtures by name.
"""

import shutil

import pytest

import harness
import postfix
import sendmail
import signing
from conftest import ADDRESSES
from delivery import logs
from namespace import LIST, SERVER


@pytest.fixture(scope="module")
def signing_keys():
    keys = signing.SigningKeys()
    yield keys
    shutil.rmtree(keys.dir)
    shutil.rmtree(keys.tables)


@pytest.fixture(scope="module")
def oracles(signing_keys):
    made = signing.Oracles(signing_keys)
    yield made
    shutil.rmtree(made.dir)


@pytest.fixture(scope="module")
def verifier(own_network, signing_keys):
    daemon = harness.Assayd(signing_keys.zone, Nameservers="none", Mode="monitor")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def receiver(own_network, verifier, sink):
    """The receiving Postfix."""
    if postfix.unavailable():
        pytest.skip(postfix.unavailable())
    # Of another name than the first MTA, or Sendmail suspects a loop.
    mta = postfix.Postfix(verifier.postfix_spec, sink, ADDRESSES,
                          more="myhostname = receiver.example.net")
    yield mta
    mta.stop()


def signer_options(keys, mta_name):
    """Postfix gets the directory, Sendmail the tables: both ways to name keys."""
    ours = keys.directory_options() if mta_name == "postfix" else keys.table_options()
    return {**ours, "Nameservers": "none", "InternalHosts": LIST}


class Chain:
    """An MTA that signs, in front of the receiver."""

    def __init__(self, name, keys, receiver, sink, **options):
        self.name, self.receiver, self.sink = name, receiver, sink
        self.signer = harness.Assayd(keys.zone, **{**signer_options(keys, name), **options})
        try:
            self.mta = self._start_mta(name)
        except BaseException:
            self.signer.kill()
            raise

    def _start_mta(self, name):
        if name == "postfix":
            return postfix.Postfix(self.signer.postfix_spec, self.receiver, ADDRESSES,
                                   more=signing.smart_host_postfix(self.receiver))
        return sendmail.Sendmail(self.signer.sendmail_spec, self.receiver, ADDRESSES,
                                 more=signing.smart_host_sendmail(self.receiver))

    def log(self):
        return logs(self.mta, self.signer)() + "\n--- receiver\n" + self.receiver.log()

    def stop(self):
        self.mta.stop()
        self.signer.stop()

    def session(self, source=None):
        return self.mta.client(helo="localhost", source=source,
                               address=SERVER if source else "127.0.0.1")

    def submit(self, smtp, message, recipient):
        options = ["BODY=8BITMIME"] if any(o > 127 for o in message.octets) else []
        if message.smtputf8:
            options.append("SMTPUTF8")
        smtp.command_encoding = "utf-8" if message.smtputf8 else "ascii"
        for code, text in (smtp.mail(message.sender, options), smtp.rcpt(recipient),
                           smtp.data(message.octets)):
            assert code == 250, (message.name, code, text, self.log())

    def send(self, message, recipient, source=None):
        """One message; returns what arrived."""
        if message.command:
            self.mta.sendmail(message.octets, recipient, message.sender)
        else:
            with self.session(source) as smtp:
                self.submit(smtp, message, recipient)
        return self.sink.wait(recipient, 30, log=self.log)

    def send_all(self, messages, label):
        """Many; recipient by name, so that none is waited for in vain."""
        recipients = {m.name: "%s.%s.%s@rcpt.example" % (label, m.name, self.name)
                      for m in messages}
        with self.session() as smtp:
            for message in messages:
                if message.command:
                    self.mta.sendmail(message.octets, recipients[message.name], message.sender)
                else:
                    self.submit(smtp, message, recipients[message.name])
        return {name: self.sink.wait(r, 30, log=self.log) for name, r in recipients.items()}


UNAVAILABLE = {"postfix": postfix.unavailable, "sendmail": sendmail.unavailable}


@pytest.fixture(scope="module", params=sorted(UNAVAILABLE))
def chain(request, signing_keys, receiver, sink):
    reason = UNAVAILABLE[request.param]()
    if reason:
        pytest.skip(reason)
    made = Chain(request.param, signing_keys, receiver, sink)
    yield made
    made.stop()
