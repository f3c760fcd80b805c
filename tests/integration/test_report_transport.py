"""How reports leave us: SMTP with and without TLS, and the sendmail commands of Postfix and
Sendmail. What arrives must be what was sent, to the octet as far as DKIM sees it.
"""

import glob
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading

import dkim
import pytest

import harness
import postfix
import sendmail
from harness import BUILD, Failure

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SENDER = "dmarc@mx.example"


def helper(name):
    """A program of the tests, built when `make check` has not run."""
    path = os.path.join(BUILD, "tests", name)
    if not os.path.exists(path):
        subprocess.run(["make", "-C", BUILD, "tests/" + name], check=True,
                       stdout=subprocess.DEVNULL)
    return path


def send(where, mail, *recipients, sender=SENDER, timeout_ms=20000):
    """[(status, answer)] for each recipient, all over one transport."""
    run = subprocess.run([helper("transport_send"), where, str(timeout_ms), sender, *recipients],
                         input=mail, capture_output=True, timeout=60 * harness.PATIENCE)
    said = run.stdout.decode() + run.stderr.decode()
    if run.returncode != 0 or harness.SANITIZER.search(said):
        raise Failure(said)
    return [tuple(line.split(" ", 1)) for line in run.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    """Signed mails of tests/report_corpus, by name, and the keys' records."""
    directory = tmp_path_factory.mktemp("mails")
    keys = directory / "keys" / "mx.example"
    keys.mkdir(parents=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                    "-out", keys / "r1.pem"], check=True, stderr=subprocess.DEVNULL)
    os.chmod(keys / "r1.pem", 0o600)
    public = subprocess.run(["openssl", "pkey", "-in", keys / "r1.pem", "-pubout"], check=True,
                            capture_output=True).stdout
    record = b"v=DKIM1; p=" + b"".join(public.splitlines()[1:-1])
    subprocess.run([helper("report_corpus"), directory, directory / "keys"], check=True,
                   stdout=subprocess.DEVNULL)
    paths = sorted(glob.glob(str(directory / "*.eml")), key=os.path.getsize)
    chosen = [paths[0], paths[len(paths) // 2], paths[-1]]  # the largest: over a megabyte
    return [open(path, "rb").read() for path in chosen], record


def check_sender(sink, recipient, expected):
    assert b"<%s>" % expected.encode() in sink.sender(recipient)  # "MAIL FROM:<...> SIZE=..."


def check_arrived(sink, recipient, record, log):
    """The mail that came, with its signature intact."""
    mail = sink.wait(recipient, log=log)
    check_sender(sink, recipient, SENDER)
    if not dkim.DKIM(mail).verify(dnsfunc=lambda name, timeout=5: record):
        raise Failure("the signature is broken\n" + log())
    return mail


def check_all(sink, where, mails, label, log):
    texts, record = mails
    for number, mail in enumerate(texts):
        recipients = ["%s-%d-%d@rcpt.example" % (label, number, n) for n in range(2)]
        answers = send(where, mail, *recipients)
        assert [status for status, _ in answers] == ["sent", "sent"], (answers, log())
        for recipient in recipients:
            got = check_arrived(sink, recipient, record, log)
            assert got.endswith(mail[mail.index(b"\r\n\r\n"):]), "the body has changed"


# ---- real mail servers ----

def test_postfix_smtp(start_postfix, sink, mails):
    mta = start_postfix("")
    check_all(sink, "smtp://127.0.0.1:%d" % mta.port, mails, "p-smtp", mta.log)


def test_postfix_refusals(start_postfix, sink, mails):
    mta = start_postfix("", more="smtpd_recipient_restrictions = check_recipient_access "
                                 "inline:{{refused@rcpt.example=550 5.7.1 go away}, "
                                 "{later@rcpt.example=450 4.7.1 try later}}, permit_mynetworks\n"
                                 "message_size_limit = 500000")
    where = "smtp://127.0.0.1:%d" % mta.port
    answers = send(where, mails[0][0], "refused@rcpt.example", "later@rcpt.example",
                   "p-between@rcpt.example")
    assert [status for status, _ in answers] == ["refused", "temporary", "sent"], answers
    assert answers[0][1].startswith("550 5.7.1 ") and "go away" in answers[0][1]
    status, answer = send(where, mails[0][-1], "p-large@rcpt.example")[0]
    assert status == "refused" and answer.startswith("552 5.3.4 "), answer


def test_postfix_null_sender(start_postfix, sink, mails):
    mta = start_postfix("")
    where = "smtp://127.0.0.1:%d" % mta.port
    assert send(where, mails[0][0], "p-null@rcpt.example", sender="")[0][0] == "sent"
    sink.wait("p-null@rcpt.example", log=mta.log)
    check_sender(sink, "p-null@rcpt.example", "")


def script(directory, text):
    path = os.path.join(directory, "command")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return "sendmail:" + path


def test_postfix_sendmail(start_postfix, sink, mails):
    mta = start_postfix("")
    where = script(mta.dir, "export LD_LIBRARY_PATH=%s/usr/lib/postfix MAIL_CONFIG=%s/conf\n"
                            'exec %s/usr/sbin/sendmail -C %s/conf "$@"\n'
                   % (postfix.ROOT, mta.dir, postfix.ROOT, mta.dir))
    check_all(sink, where, mails, "p-command", mta.log)
    assert send(where, mails[0][0], "p-command-null@rcpt.example", sender="")[0][0] == "sent"
    sink.wait("p-command-null@rcpt.example", log=mta.log)
    check_sender(sink, "p-command-null@rcpt.example", "")


def test_sendmail_smtp(start_sendmail, sink, mails):
    mta = start_sendmail("unix:/nonexistent", failure="")
    check_all(sink, "smtp://127.0.0.1:%d" % mta.port, mails, "s-smtp", mta.log)


def test_sendmail_sendmail(start_sendmail, sink, mails):
    mta = start_sendmail("unix:/nonexistent", failure="")
    where = script(mta.dir, 'exec %s -Ac -C %s/submit.cf "$@"\n' % (sendmail.BINARY, mta.dir))
    check_all(sink, where, mails, "s-command", mta.log)


# ---- TLS ----

class TlsServer:
    """Takes mails over TLS, from the start or by STARTTLS; notes whether it was used."""

    class Handler(socketserver.StreamRequestHandler):
        def reply(self, text):
            self.wfile.write(text + b"\r\n")

        def secure(self):
            self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), \
                self.connection.makefile("wb", 0)
            self.tls = True

        def handle(self):
            self.tls = False
            try:
                self.talk()
            except (ssl.SSLError, ConnectionError) as error:
                self.server.errors.append(str(error))

        def talk(self):
            if not self.server.starttls:
                self.secure()
            self.reply(b"220 localhost ESMTP")
            while line := self.rfile.readline():
                verb = line.split()[0].upper()
                if verb == b"EHLO":
                    more = [b"STARTTLS"] if self.server.starttls and not self.tls else []
                    for word in [b"localhost"] + more:
                        self.reply(b"250-" + word)
                    self.reply(b"250 8BITMIME")
                elif verb == b"STARTTLS":
                    self.reply(b"220 2.0.0 go ahead")
                    self.secure()
                elif verb == b"DATA":
                    self.reply(b"354 go ahead")
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    self.server.mails.append(self.tls)
                    self.reply(b"250 2.0.0 taken")
                elif verb == b"QUIT":
                    self.reply(b"221 2.0.0 bye")
                    return
                else:
                    self.reply(b"250 2.0.0 ok")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        address_family = socket.AF_INET

    def __init__(self, starttls, certificate):
        self.server = self.Server(("127.0.0.1", 0), self.Handler)
        self.server.starttls = starttls
        self.server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.context.load_cert_chain(certificate)
        self.mails = self.server.mails = []
        self.errors = self.server.errors = []
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of "localhost" and of nobody's authority; key and certificate in one file."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", directory / "key", "-out", directory / "certificate"], check=True,
                   stderr=subprocess.DEVNULL)
    both = directory / "both"
    both.write_bytes((directory / "key").read_bytes() + (directory / "certificate").read_bytes())
    return both


@pytest.fixture
def tls_server(own_network, certificate):
    running = []

    def start(starttls):
        server = TlsServer(starttls, certificate)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


def test_starttls_as_it_comes(tls_server, mails):
    server = tls_server(True)
    answers = send("smtp://127.0.0.1:%d" % server.port, mails[0][0], "a@rcpt.example",
                   "b@rcpt.example")
    assert answers == [("sent", "250 2.0.0 taken")] * 2
    assert server.mails == [True, True]


def test_smtps_verifies(tls_server, mails):
    server = tls_server(False)
    status, answer = send("smtps://localhost:%d" % server.port, mails[0][0], "a@rcpt.example")[0]
    assert status == "broken" and "certificate" in answer, answer
    assert server.mails == []


@pytest.fixture
def trusted(own_network, certificate, tmp_path):
    """The certificate's maker among those that this machine trusts; in our namespace alone."""
    if not os.path.exists(BUNDLE):
        pytest.skip("no %s: ca-certificates is not installed" % BUNDLE)
    if not re.search(r" / / .* - ", open("/proc/self/mountinfo").read()):
        pytest.skip("in a chroot that is no mount point nothing can be laid over %s" % BUNDLE)
    bundle = tmp_path / "bundle"
    shutil.copy(BUNDLE, bundle)
    with open(bundle, "ab") as f:
        f.write(certificate.with_name("certificate").read_bytes())
    bundle.chmod(0o644)
    done = subprocess.run(["mount", "--bind", bundle, BUNDLE], stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE)
    if done.returncode != 0:
        pytest.skip("mount: " + done.stdout.decode())
    yield
    subprocess.run(["umount", BUNDLE], check=True)


def test_smtps_of_a_trusted_server(trusted, tls_server, mails):
    server = tls_server(False)
    answers = send("smtps://localhost:%d" % server.port, mails[0][0], "a@rcpt.example",
                   "b@rcpt.example")
    assert [status for status, _ in answers] == ["sent", "sent"], answers
    assert server.mails == [True, True]
    status, answer = send("smtps://127.0.0.1:%d" % server.port, mails[0][0], "a@rcpt.example")[0]
    assert status == "broken", "the certificate is of another name: " + answer
