"""`assay import` keeps what a set-up does: for each of the six configurations of
tests/data/import, OpenDKIM and OpenDMARC themselves and assayd with the imported
configuration get the same messages, over the milter protocol, and what becomes of
them is compared: accepted or not, signed by which domain and selector in which
canonical form, checked or not, with which DMARC result. What differs on purpose is in
DIFFERENCES, with its reason. All signatures must verify.

The daemons are Debian's packages, unpacked below $ASSAY_CACHE by contrib/deps and
never installed. OpenDMARC asks the name server of resolv.conf on port 53, so all of this
needs the private network. policyd-spf is imported as well, but it is no milter: what it did
is not compared.
"""

import os
import re
import shutil
import socket
import subprocess
import sys

import dkim
import pytest

import harness
import milter_client

DATA = os.path.join(harness.TOP, "tests", "data", "import")
NAMES = ("debian", "docker-mailserver", "mail-in-a-box", "chatmail", "iredmail", "sendmail")
PROGRAMS = ("opendkim", "opendmarc", "openarc", "policyd-spf")

INSIDE, SENDER, STRANGER = "127.0.0.1", "192.0.2.1", "198.51.100.7"

# What the tests change in the files of the original daemons, and why: where they run.
DROPPED = (
    "Socket", "UserID", "PidFile", "Background", "AutoRestart", "AutoRestartRate",
    "AutoRestartCount", "BaseDirectory", "Syslog",
    "TrustAnchorFile",  # the test zone is not signed
    "HistoryFile", "FailureReports",  # would write outside and run sendmail
    "ScreenPolicyScript", "FinalPolicyScript",  # there are no such scripts here
)

ZONE = """\
$TTL 300
good.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.good.example. IN TXT "v=DMARC1; p=reject"
s1._domainkey.good.example. IN TXT {key}
reject.example. IN TXT "v=spf1 ip4:203.0.113.9 -all"
_dmarc.reject.example. IN TXT "v=DMARC1; p=reject"
quarantine.example. IN TXT "v=spf1 ip4:203.0.113.9 -all"
_dmarc.quarantine.example. IN TXT "v=DMARC1; p=quarantine"
none.example. IN TXT "v=spf1 ip4:203.0.113.9 -all"
_dmarc.none.example. IN TXT "v=DMARC1; p=none"
broken.example. IN TXT "v=spf1 ip4:203.0.113.9 -all"
_dmarc.broken.example. IN TXT "v=DMARC1; p=reject"
plain.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"
example.com. IN TXT "v=spf1 ip4:192.0.2.250 -all"
_dmarc.example.com. IN TXT "v=DMARC1; p=reject"
;! *.temp.example servfail
"""
SELECTORS = ("2020", "mail", "opendkim", "dkim", "sm2024")


# ------------------------------------------------------------------ messages


class Case:
    def __init__(self, name, author, client=STRANGER, sender=b"bounce@plain.example", more=b"",
                 signed=None, altered=False, login=False, daemon=b"smtpd"):
        self.name, self.client, self.sender = name, client, sender
        self.signed, self.altered, self.daemon = signed, altered, daemon
        self.macros = {"auth_type": b"PLAIN", "auth_authen": b"user"} if login else {}
        lines = [b"Date: Sun, 22 Nov 2026 08:00:00 +0000"]
        if author is not None:
            lines.append(b"From: " + author)
        lines += [b"To: <someone@rcpt.example>", b"Subject: " + name.encode(),
                  b"Message-ID: <" + name.encode() + b"@import.example>"]
        self.text = b"\r\n".join(lines) + b"\r\n" + more + b"\r\nHello,\r\n\r\na test.\r\n"

    def message(self, key):
        text = self.text
        if self.signed:
            text = dkim.sign(text, b"s1", self.signed, key, include_headers=[
                b"from", b"to", b"subject", b"date", b"message-id"]) + text
        return text.replace(b"a test", b"b test") if self.altered else text


CASES = (
    Case("signed", b"a@good.example", signed=b"good.example"),
    Case("spf-alone", b"a@good.example", SENDER, b"a@good.example"),
    Case("altered", b"a@good.example", signed=b"good.example", altered=True),
    Case("fails-reject", b"a@reject.example"),
    Case("fails-quarantine", b"a@quarantine.example"),
    Case("fails-none", b"a@none.example"),
    Case("no-dmarc", b"a@plain.example", SENDER, b"a@plain.example"),
    Case("no-dmarc-fails", b"a@plain.example"),
    Case("list", b"a@reject.example", more=b"List-Id: <list.lists.example.net>\r\n"),
    Case("exception", b"a@broken.example"),
    Case("temporary", b"a@x.temp.example", sender=b"a@x.temp.example"),
    Case("temporary-key", b"a@x.temp.example", signed=b"x.temp.example"),
    Case("two-authors", b"a@reject.example, b@none.example"),
    Case("no-author", None),
    Case("login", b"user@example.com", login=True, sender=b"user@example.com"),
    Case("login-subdomain", b"user@sub.example.com", login=True, sender=b"user@example.com"),
    Case("login-other-domain", b"user@foreign.example", login=True, sender=b"user@example.com"),
    Case("login-second-domain", b"user@example.net", login=True, sender=b"user@example.net"),
    Case("local", b"root@example.com", INSIDE, b"root@example.com"),
    Case("internal", b"user@example.com", "10.20.1.1", b"user@example.com"),
    Case("internal-excepted", b"user@example.com", "10.20.30.1", b"user@example.com"),
    Case("internal-172", b"user@example.com", "172.16.5.5", b"user@example.com"),
    Case("internal-192", b"user@example.com", "192.0.2.200", b"user@example.com"),
    Case("msa", b"user@example.com", STRANGER, b"user@example.com", daemon=b"MSA"),
    Case("spoofed", b"ceo@example.com", STRANGER, b"ceo@example.com"),
)

# ------------------------------------------------------- the original daemons


class Daemon:
    """A milter on a unix socket of its own."""

    def __init__(self, command, path):
        self.path, self.log_path = path, path + ".log"
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        try:
            harness.wait_until(self._ready, 20, command[0], self.log)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _ready(self):
        if self.process.poll() is not None:
            raise harness.Failure("%s exited with %d\n%s" % (
                self.path, self.process.returncode, self.log()))
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30 * harness.PATIENCE)
        try:
            s.connect(self.path)
        except OSError:
            s.close()
            raise
        return s

    def log(self):
        return harness.tail(self.log_path)

    def stop(self):
        """Without ceremony: the originals take five seconds to end on SIGTERM."""
        self.process.kill()
        self.process.wait()


def program_path(name):
    return os.path.join(harness.CACHE, name, "usr", "sbin", name)


def unavailable():
    for name in ("opendkim", "opendmarc"):
        path = program_path(name)
        if not os.path.exists(path):
            return "no %s: run contrib/deps test" % path
        done = subprocess.run([path, "-V"], capture_output=True)
        if done.returncode != 0:
            return "%s does not run: %s" % (path, done.stderr.decode().strip())
    return None


def original_conf(site, program, more=""):
    """The program's file without what belongs to the place where it runs."""
    kept = []
    with open(os.path.join(site, program + ".conf")) as f:
        for line in f:
            words = line.split()
            if not words or words[0] not in DROPPED:
                kept.append(line)
    path = os.path.join(site, program + ".original")
    with open(path, "w") as f:
        f.write("".join(kept) + more)
    return path


# ----------------------------------------------------------------- the set-up


class Site:
    """A configuration in a directory of its own, with the daemons of both kinds."""

    def __init__(self, name, key, record):
        self.name, self.record = name, record
        self.dir = harness.scratch("import-" + name, "/run" if os.access("/run", os.W_OK) else None)
        self.running = []
        self.key = key
        self.programs = [program for program in PROGRAMS
                         if os.path.exists(os.path.join(DATA, name, program + ".conf"))]
        for entry in os.listdir(os.path.join(DATA, name)):
            self._copy(entry)
        for path in self._key_paths():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
                f.write(key)
        for shared in ("root.key", "public_suffix_list.dat"):
            shutil.copy(os.path.join(DATA, shared), self.dir)

    def _copy(self, entry):
        with open(os.path.join(DATA, self.name, entry)) as f:
            text = f.read().replace("@DIR@", self.dir)
        with open(os.path.join(self.dir, entry), "w") as f:
            f.write(text)

    def _key_paths(self):
        found = set()
        for entry in os.listdir(self.dir):
            with open(os.path.join(self.dir, entry)) as f:
                found.update(re.findall(re.escape(self.dir) + r"/keys/[^\s:]+", f.read()))
        return found

    def file(self, name):
        return os.path.join(self.dir, name)

    def imported(self, *more):
        command = [harness.ASSAY, "import", *more]
        for program in self.programs:
            command += ["--" + program, self.file(program + ".conf")]
        return subprocess.run(command, capture_output=True, timeout=60)

    def start(self, command, name):
        daemon = Daemon(command, self.file(name))
        self.running.append(daemon)
        return daemon

    def start_originals(self):
        chain = [self.start([program_path("opendkim"), "-f", "-x",
                             original_conf(self.dir, "opendkim", "Nameservers 127.0.0.1\n"),
                             "-p", "local:" + self.file("od")], "od")]
        if "opendmarc" in self.programs:
            chain.append(self.start([program_path("opendmarc"), "-f", "-c",
                                     original_conf(self.dir, "opendmarc"),
                                     "-p", "local:" + self.file("om")], "om"))
        return chain

    def start_assayd(self):
        conf = self.file("assay.conf")
        with open(conf) as f:
            lines = [line for line in f
                     if not line.startswith(("UserID ", "TrustAnchorFile ", "Syslog"))]
        with open(conf + ".here", "w") as f:
            f.writelines(lines)
        return self.start(harness.WRAPPER + [harness.ASSAYD, "-c", conf + ".here", "-p",
                                             "local:" + self.file("as")], "as")

    def stop(self):
        for daemon in self.running:
            daemon.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def world(own_network):
    """The key that all signatures are made with, and the name server on port 53."""
    key = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True,
                         check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=key, capture_output=True,
                            check=True).stdout.decode()
    value = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
    text = " ".join('"%s"' % value[n:n + 250] for n in range(0, len(value), 250))
    zone = ZONE.format(key=text)
    for selector in SELECTORS:
        for domain in ("example.com", "example.net", "box.example.com"):
            zone += "%s._domainkey.%s. IN TXT %s\n" % (selector, domain, text)
    directory = harness.scratch("import-dns")
    path = os.path.join(directory, "zone")
    with open(path, "w") as f:
        f.write(zone)
    server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__),
                                                            "dns_server.py"),
                               "--tied", "--port", "53", path],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline().startswith(b"PORT"), "no name server on port 53"
    yield key, value
    server.kill()
    server.wait()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module", params=NAMES)
def site(request, world):
    place = Site(request.param, *world)
    yield place
    place.stop()


# ------------------------------------------------------------ what is compared


class Outcome:
    """What became of a message."""

    def __init__(self):
        self.verdict = "accept"
        self.signed = set()  # (d=, s=, c=)
        self.dmarc = None  # the result in Authentication-Results; None: not checked

    def note(self, reply):
        order = ("accept", "quarantine", "tempfail", "reject")
        self.verdict = max(self.verdict, reply.verdict(), key=order.index)
        for _, name, value in reply.inserted:
            plain = re.sub(rb"\s+", b" ", value).decode()
            if name.lower() == b"dkim-signature":
                tags = dict(part.strip().split("=", 1) for part in plain.split(";") if "=" in part)
                self.signed.add((tags["d"], tags["s"], tags["c"]))
            found = re.search(r"\bdmarc=(\w+)", plain)
            if name.lower() == b"authentication-results" and found:
                self.dmarc = found.group(1)

    def compared(self):
        return {"verdict": self.verdict, "signed": sorted(self.signed), "dmarc": self.dmarc}


class Session(milter_client.Session):
    """One that comes in through the MTA's daemon of a given name."""

    daemon_name = b"smtpd"

    def macro(self, command, **values):
        if "daemon_name" in values:
            values["daemon_name"] = self.daemon_name
        super().macro(command, **values)


def talk(daemon, case, message):
    session = Session(daemon.connect())
    try:
        session.sent_macros["j"] = b"mx.example.org"
        name = b"localhost" if case.client == INSIDE else b"host.client.example"
        session.daemon_name = case.daemon
        answer = session.connect(case.client, name) or (b"c", b"")
        if answer[0] != b"c":  # an MTA would not ask about this client any more
            reply = milter_client.Reply()
            session.final(reply, *answer, "connect")
            return reply
        session.helo(b"host.client.example")
        return session.message(message, case.sender, macros=case.macros)
    finally:
        session.close()


def through(chain, case, site):
    """A message through one milter after the other, as the mail server does it."""
    outcome, message = Outcome(), case.message(site.key)
    for daemon in chain:
        reply = talk(daemon, case, message)
        outcome.note(reply)
        if reply.verdict() not in ("accept", "quarantine"):
            break
        head = reply.apply(harness.fields(message), received=b"")
        message = b"".join(head) + b"\r\n" + harness.body(message)
    if outcome.signed:
        record = site.record.encode()
        assert dkim.verify(message, dnsfunc=lambda name, timeout=5: record), message
    return outcome.compared()


# ---------------------------------------------------- what differs on purpose

ANY_LOGIN = ("login", "login-subdomain", "login-other-domain", "login-second-domain")
FOREIGN_LOGIN = ANY_LOGIN[1:]
TEMPORARY = ("temporary", "temporary-key")

# (configurations, messages, what is compared, the originals' value, assayd's, reason)
DIFFERENCES = (
    (("debian",), ("spf-alone",), "dmarc", "fail", "pass",
     "OpenDMARC does not evaluate SPF in this set-up: it reads the field of policyd-spf, which "
     "does not run here."),
    (("debian", "mail-in-a-box"), TEMPORARY, "dmarc", "none", "temperror",
     "OpenDMARC takes a name server's failure for the absence of a record."),
    (("docker-mailserver", "iredmail", "sendmail"), TEMPORARY, "dmarc", "none", None,
     "The same, and the next row: what is put off has no field."),
    (("docker-mailserver", "iredmail", "sendmail"), TEMPORARY, "verdict", "accept", "tempfail",
     "opendmarc.conf(5) promises a temporary failure for RejectFailures; OpenDMARC accepts."),
    (("debian", "docker-mailserver", "mail-in-a-box"), ("two-authors", "no-author"), "dmarc",
     None, "permerror", "Assay says in the field that DMARC cannot be evaluated, and why."),
    (("sendmail",), ("no-author",), "verdict", "accept", "reject",
     "RejectMultiValueFrom became OnInvalidFrom reject, which includes messages without author."),
    (("debian", "mail-in-a-box"), ("login", "login-subdomain"), "dmarc", "fail", None,
     "IgnoreAuthenticatedClients is off there: OpenDMARC fails the mail of its own users."),
    (("debian", "mail-in-a-box"), ("login-other-domain", "login-second-domain"), "dmarc", "none",
     None, "The same."),
    (("docker-mailserver",), ("internal-172",), "verdict", "reject", "accept",
     "OpenDKIM signs for InternalHosts what OpenDMARC then rejects; for Assay such mail is "
     "originating."),
    (("iredmail",), ("internal",), "verdict", "reject", "accept", "The same."),
    (("sendmail",), ("msa",), "verdict", "reject", "accept", "The same, by the daemon's name."),
    (("sendmail",), ("local",), "signed", [],
     [("example.com", "sm2024", "simple/simple")],
     "InternalHosts without 127.0.0.1 takes loopback away from OpenDKIM; for Assay it is always "
     "internal."),
    (("iredmail",), ("exception",), "dmarc", None, "fail",
     "IgnoreMailFrom became PolicyTable accept: evaluated, written down, accepted."),
    (("chatmail",), ("spf-alone", "no-dmarc"), "verdict", "reject", "accept",
     "A row of PolicyTable asks for a proof of the author, and SPF will do for it."),
    (("chatmail",), ("temporary",), "verdict", "reject", "accept",
     "The name server failed: OnTempError decides."),
    (("chatmail",), FOREIGN_LOGIN, "verdict", "reject", "accept",
     "Mail of authenticated clients is never checked, also when there is no key to sign it."),
    (("chatmail",), ("no-author",), "verdict", "accept", "reject",
     "OpenDKIM accepts what has no From field before it looks for signatures."),
)


def expected_of(site, case, theirs):
    """What assayd should do, given what the originals did."""
    expected = dict(theirs)
    for row in DIFFERENCES:
        names, cases, what, original, ours, _ = row
        if site.name in names and case.name in cases:
            assert theirs[what] == original, (site.name, case.name, row, theirs)
            expected[what] = ours
    if "opendmarc" not in site.programs:
        del expected["dmarc"]  # nobody evaluated it
    return expected


# -------------------------------------------------------------------- tests


def test_import_is_accepted_by_assayd(site):
    done = site.imported()
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    with open(site.file("assay.conf"), "wb") as f:
        f.write(done.stdout)
    checked = subprocess.run([harness.ASSAYD, "-n", "-c", site.file("assay.conf")],
                             capture_output=True, timeout=60)
    assert checked.returncode == 0, checked.stderr.decode()


def test_same_behaviour(site):
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    os.mkdir(site.file("tables"))
    with open(site.file("assay.conf"), "wb") as f:
        f.write(site.imported("--tables", site.file("tables")).stdout)
    originals, ours = site.start_originals(), [site.start_assayd()]
    wrong = []
    for case in CASES:
        theirs, found = through(originals, case, site), through(ours, case, site)
        expected = expected_of(site, case, theirs)
        if any(found[what] != value for what, value in expected.items()):
            wrong.append("%s: OpenDKIM and OpenDMARC %r, assayd %r" % (case.name, theirs, found))
    assert not wrong, "\n".join(wrong)
    print("%s: %d messages, %d values differ on purpose" % (
        site.name, len(CASES), sum(len(row[1]) for row in DIFFERENCES if site.name in row[0])))
