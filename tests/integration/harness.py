"""What every integration test stands on: ports, directories, processes, a
receiving SMTP server that keeps the bytes it got, a DNS server, and assayd.

The MTAs have files of their own: postfix.py and sendmail.py.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("ASSAY_BUILD", TOP)
ASSAYD = os.environ.get("ASSAYD", os.path.join(BUILD, "assayd"))
ASSAY = os.environ.get("ASSAY", os.path.join(BUILD, "assay"))
WRAPPER = os.environ.get("ASSAYD_WRAPPER", "").split()  # valgrind and the like
CACHE = os.environ.get("ASSAY_CACHE", "/var/cache/assay-tests")

# Everything waits longer under valgrind or a sanitizer on a busy machine.
PATIENCE = float(os.environ.get("ASSAY_PATIENCE", "1"))

SANITIZER = re.compile(r"(ERROR|WARNING): (Address|Thread|Leak|Memory)Sanitizer|runtime error:")


class Failure(AssertionError):
    """Something did not happen; carries the logs of all that took part."""


def scratch(prefix, base=None):
    """A private directory that the MTAs' unprivileged users can pass through."""
    path = tempfile.mkdtemp(prefix="assay-%s-" % prefix, dir=base)
    os.chmod(path, 0o755)
    return path


@contextlib.contextmanager
def abandoning(server):
    """When starting a server fails, what it left behind goes too."""
    try:
        yield
    except BaseException:
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(server.dir, ignore_errors=True)
        raise


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what, log=lambda: ""):
    """Polls until condition() is true; returns its value."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("%s: not within %g s\n%s" % (what, seconds * PATIENCE, log()))
        time.sleep(0.02)


def greets(host, port):
    """Whether an SMTP server answers there."""
    try:
        with socket.create_connection((host, port), timeout=1) as s:
            return s.recv(3) == b"220"
    except OSError:
        return False


def tail(path, lines=60):
    try:
        with open(path, "rb") as f:
            text = f.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return "(%s)" % error
    return "\n".join(text[-lines:])


# ------------------------------------------------------------------- the sink


class _SinkHandler(socketserver.StreamRequestHandler):
    def answer(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.answer("220 sink.example.org ESMTP")
        sender, recipients = None, []
        while True:
            line = self.rfile.readline()
            if not line:
                return
            verb = line[:4].upper()
            if verb in (b"EHLO", b"LHLO"):
                self.answer("250-sink.example.org\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0")
            elif verb == b"MAIL":
                sender, recipients = line.strip(), []
                self.answer("250 2.1.0 OK")
            elif verb == b"RCPT":
                recipient = line.split(b"<", 1)[1].split(b">")[0].decode("utf-8")
                reply = self.server.sink.answers.get(recipient, "250 2.1.5 OK")
                if reply.startswith("2"):
                    recipients.append(recipient)
                self.answer(reply)
            elif verb == b"DATA" and not recipients:
                self.answer("554 5.5.1 no valid recipients")
            elif verb == b"DATA":
                self.answer("354 go on")
                message = self.read_message()
                time.sleep(self.server.sink.delay)
                self.server.sink.store(sender, recipients, message)
                self.answer("250 2.0.0 OK")
            elif verb == b"QUIT":
                self.answer("221 2.0.0 bye")
                return
            else:
                self.answer("250 2.0.0 OK")

    def read_message(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line or line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)


class Sink:
    """An SMTP server that accepts everything and keeps the octets of each message; but `answers`
    may have another reply for a recipient, and each message takes `delay` seconds."""

    class _Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request, client_address):
            """An MTA that is stopped resets the connections that it keeps; that is no news."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(request, client_address)

    def __init__(self, address="127.0.0.1"):
        self.answers = {}
        self.delay = 0
        self._messages = {}
        self._changed = threading.Condition()
        self._server = self._Server((address, 0), _SinkHandler)
        self._server.sink = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def store(self, sender, recipients, message):
        with self._changed:
            for recipient in recipients:
                self._messages.setdefault(recipient, []).append((sender, message))
            self._changed.notify_all()

    def wait(self, recipient, seconds=20, log=lambda: ""):
        """The message that came for this recipient (each test uses its own)."""
        with self._changed:
            got = self._changed.wait_for(lambda: self._messages.get(recipient),
                                         seconds * PATIENCE)
            if not got:
                raise Failure("no message for %s reached the sink\n%s" % (recipient, log()))
            return got[0][1]

    def sender(self, recipient):
        return self._messages[recipient][0][0]

    def messages(self):
        """All that came: [(recipient, message)]."""
        with self._changed:
            return [(r, m) for r, all_of in self._messages.items() for _, m in all_of]

    def count(self, recipient):
        with self._changed:
            return len(self._messages.get(recipient, []))

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


# -------------------------------------------------------------------- the DNS


class Dns:
    """A DNS server on loopback: the records of a zone file, SERVFAIL for the
    names in `failing` (and all below them), NXDOMAIN for everything else."""

    def __init__(self, zone_text, failing=()):
        import dns.name
        import dns.zone

        self.zone = dns.zone.from_text(zone_text, origin=".", relativize=False,
                                       check_origin=False)
        self.failing = [dns.name.from_text(name) for name in failing]
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        import dns.exception
        import dns.message

        while True:
            try:
                packet, client = self._socket.recvfrom(4096)
            except OSError:
                return
            try:
                query = dns.message.from_wire(packet)
                self._socket.sendto(self._answer(query).to_wire(), client)
            except (dns.exception.DNSException, OSError):
                continue

    def _answer(self, query):
        import dns.flags
        import dns.message
        import dns.rcode

        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        self.asked.append((question.name.to_text(), question.rdtype))
        if any(question.name.is_subdomain(name) for name in self.failing):
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        rrset = self.zone.get_rrset(question.name, question.rdtype)
        if rrset is not None:
            response.answer.append(rrset)
        elif not any(name.is_subdomain(question.name) for name in self.zone.nodes):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def stop(self):
        self._socket.close()


# ----------------------------------------------------------------- the daemon


class Assayd:
    """One assayd with its configuration, socket and log in a directory of its own."""

    def __init__(self, zone_text, nameserver=None, unix=False, **options):
        # Sendmail takes no socket below a directory that everybody may write, such as /tmp.
        self.dir = scratch("assayd", "/run" if unix and os.access("/run", os.W_OK) else None)
        self.log_path = os.path.join(self.dir, "log")
        self.conf_path = os.path.join(self.dir, "assay.conf")
        self.zone_path = os.path.join(self.dir, "zone")
        with open(self.zone_path, "w") as f:
            f.write(zone_text)
        if unix:
            self.unix_path = os.path.join(self.dir, "socket")
            spec = "unix:" + self.unix_path
            self.postfix_spec, self.sendmail_spec = spec, spec
        else:
            self.port = free_port()
            spec = "inet:%d@127.0.0.1" % self.port
            self.postfix_spec = "inet:127.0.0.1:%d" % self.port
            self.sendmail_spec = spec
        self.unix = unix
        self.options = {"Socket": spec, "AuthservID": "mx.example.org",
                        "LocalZone": self.zone_path, "Mode": "enforce"}
        if unix:
            self.options["SocketMode"] = "0666"
        if nameserver is not None:
            self.options["Nameservers"] = "127.0.0.1@%d" % nameserver.port
            self.options["ResolverTimeout"] = "3"
            self.options["MessageDeadline"] = "8"
        self.options.update(options)
        self.process = None
        self.write_config()
        with abandoning(self):
            self.start()

    def write_config(self, text=None, **changes):
        self.options.update(changes)
        if text is None:
            text = "".join("%s %s\n" % item for item in self.options.items()
                           if item[1] is not None)
        with open(self.conf_path + ".new", "w") as f:
            f.write(text)
        os.rename(self.conf_path + ".new", self.conf_path)  # a reload may read it at any time

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(WRAPPER + [ASSAYD, "-c", self.conf_path],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_until(self._ready, 20, "assayd's socket", self.log)

    def _ready(self):
        if self.process.poll() is not None:
            raise Failure("assayd exited with %d at start\n%s"
                          % (self.process.returncode, self.log()))
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        if not self.unix:
            s = socket.create_connection(("127.0.0.1", self.port), timeout=30 * PATIENCE)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return s
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30 * PATIENCE)
        try:
            s.connect(self.unix_path)
        except OSError:
            s.close()
            raise
        return s

    def reload(self, marker=re.compile(r"reload", re.I)):
        """SIGHUP, and waits until the log says something about it; returns what it said."""
        before = len(self.log_text())
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: marker.search(self.log_text()[before:]), 10,
                   "a log line about the reload", self.log)
        time.sleep(0.1)
        return self.log_text()[before:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as an operator would, and insists on a clean end."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure("assayd did not stop on SIGTERM\n" + self.log()) from None
        complaint = SANITIZER.search(self.log_text())
        if complaint:
            raise Failure("a sanitizer spoke in assayd's log\n"
                          + self.log_text()[complaint.start():][:20000])
        if self.process.returncode != 0:
            raise Failure("assayd ended with %d\n%s" % (self.process.returncode, self.log()))
        shutil.rmtree(self.dir, ignore_errors=True)

    def log_text(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def log(self):
        return "--- assayd.log\n" + tail(self.log_path)


# ------------------------------------------------------------------- messages

FIELD = re.compile(rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def fields(message):
    """The header fields of a message, each with its folding and final CRLF."""
    header = message.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    return FIELD.findall(header)


def body(message):
    return message.split(b"\r\n\r\n", 1)[1]


def named(message, name):
    """Those fields of a message that have this name."""
    wanted = name.lower().encode()
    return [f for f in fields(message) if f.split(b":", 1)[0].strip().lower() == wanted]


def unfold(field):
    return re.sub(rb"\r?\n(?=[ \t])", b"", field).strip()


def own_results(message, authserv_id=b"mx.example.org"):
    """The one Authentication-Results field of ours, unfolded, as text."""
    ours = [unfold(f) for f in named(message, "Authentication-Results")
            if unfold(f).split(b":", 1)[1].strip().lower().startswith(authserv_id)]
    if len(ours) != 1:
        raise Failure("%d Authentication-Results fields of ours instead of one: %r"
                      % (len(ours), ours))
    return ours[0].split(b":", 1)[1].strip().decode("utf-8")


def results_of(field_value):
    """method -> list of results, read by an independent parser (python3-authres)."""
    import authres

    parsed = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + field_value)
    found = {}
    for result in parsed.results:
        found.setdefault(result.method, []).append(result.result)
    return found
