"""A throw-away Sendmail: Debian's package, unpacked by contrib/deps, with private
directories and ports. It cannot be told another client address (no XCLIENT), so
its clients connect from addresses that the private network namespace has on lo.

It logs through syslog(3) only; what it said on the wire is kept by -X instead. Its
load limits are lifted: on a machine that runs tests it would refuse connections.
"""

import glob
import os
import re
import shutil
import signal
import smtplib
import subprocess

from harness import CACHE, Failure, abandoning, free_port, greets, scratch, tail, wait_until

ROOT = os.path.join(CACHE, "sendmail")
BINARY = ROOT + "/usr/libexec/sendmail/sendmail"
USER = "uucp"  # every Debian has it; the package's own may not exist

COMMON_MC = """\
divert(-1)
define(`_CF_DIR_', `{root}/usr/share/sendmail/cf/')
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')
divert(0)
OSTYPE(`linux')
define(`confDOMAIN_NAME', `mx.example.org')
define(`confSERVICE_SWITCH_FILE', `{root}/etc/mail/service.switch-nodns')
define(`confHOSTS_FILE', `/etc/hosts')
define(`confTO_IDENT', `0')
define(`confCT_FILE', `/dev/null')
define(`confQUEUE_LA', `1000')
define(`confREFUSE_LA', `1000')
define(`confTEMP_FILE_MODE', `0600')
define(`confEIGHT_BIT_HANDLING', `pass8')
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
"""

# The server.
MTA_MC = COMMON_MC + """\
define(`confPID_FILE', `{dir}/pid')
define(`QUEUE_DIR', `{dir}/queue')
define(`STATUS_FILE', `{dir}/statistics')
define(`HELP_FILE', `{root}/etc/mail/helpfile')
define(`ALIAS_FILE', `')
define(`confCW_FILE', `/dev/null')
define(`confDELIVERY_MODE', `interactive')
define(`confMAX_HEADERS_LENGTH', `400000')
define(`SMART_HOST', `relay:[127.0.0.1]')
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')
define(`RELAY_MAILER_MAX', `100000000')
FEATURE(`accept_unqualified_senders')
FEATURE(`promiscuous_relay')
FEATURE(`no_default_msa')
{listen}
{more}
INPUT_MAIL_FILTER(`assay', `S={milter}, {failure}T=C:30s;S:30s;R:30s;E:60s')
MAILER(`smtp')
"""

# The sendmail command: as on every Sendmail host it hands its mail to the server by SMTP.
MSP_MC = COMMON_MC + """\
define(`confPID_FILE', `{dir}/msp.pid')
define(`MSP_QUEUE_DIR', `{dir}/clientqueue')
define(`STATUS_FILE', `{dir}/sendmail.st')
define(`confRUN_AS_USER', `{user}')
define(`confTRUSTED_USERS', `root')
define(`RELAY_MAILER_ARGS', `TCP $h {port}')
FEATURE(`msp', `[127.0.0.1]')
"""


def unavailable():
    """Why Sendmail cannot run here, or None."""
    if os.geteuid() != 0:
        return "Sendmail needs root"
    if not os.path.exists(os.path.join(ROOT, ".complete")):
        return "no Sendmail below %s: run contrib/deps test" % CACHE
    return None


class Sendmail:
    name = "sendmail"

    def __init__(self, milter, sink, addresses=("127.0.0.1",), failure="F=T, ",
                 more=""):
        self.dir = scratch("sendmail")
        self.port = free_port()
        for name in ("queue", "clientqueue"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        shutil.chown(self.dir + "/clientqueue", USER, USER)
        os.chmod(self.dir + "/clientqueue", 0o770)
        listen = "\n".join("DAEMON_OPTIONS(`Name=MTA%d, Family=%s, Addr=%s, Port=%d')"
                           % (n, "inet6" if ":" in a else "inet", a, self.port)
                           for n, a in enumerate(addresses))
        values = {"root": ROOT, "dir": self.dir, "sink": sink.port, "milter": milter,
                  "listen": listen, "failure": failure, "port": self.port, "user": USER,
                  "more": more}
        self._configure("sendmail.cf", MTA_MC.format(**values))
        self._configure("submit.cf", MSP_MC.format(**values))
        self.traffic = self.dir + "/traffic.log"
        self.process = None
        with abandoning(self):
            self._start(addresses)

    def _start(self, addresses):
        with open(self.dir + "/stderr", "wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "-bD", "-C", self.dir + "/sendmail.cf", "-X", self.traffic],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        for address in addresses:
            wait_until(lambda a=address: self._alive() and greets(a, self.port), 15,
                       "Sendmail's greeting", self.log)

    def _configure(self, name, text):
        done = subprocess.run(["m4"], input=text.encode(), capture_output=True, check=True)
        with open(os.path.join(self.dir, name), "wb") as f:
            f.write(done.stdout)

    def _alive(self):
        if self.process.poll() is not None:
            raise Failure("Sendmail exited with %d\n%s" % (self.process.returncode, self.log()))
        return True

    def client(self, helo="client.example.net", address="127.0.0.1", source=None):
        """An SMTP session from the address `source`."""
        smtp = smtplib.SMTP(timeout=120, source_address=(source, 0) if source else None)
        smtp.connect(address, self.port)
        smtp.ehlo(helo)
        return smtp

    def sendmail(self, message, recipient, sender):
        """Submits with the sendmail command, not by SMTP."""
        done = subprocess.run([BINARY, "-Ac", "-C", self.dir + "/submit.cf", "-i", "-f", sender, "--",
                               recipient], input=message.replace(b"\r\n", b"\n"), timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0 or done.stdout:
            raise Failure("sendmail exited with %d: %s\n%s" % (done.returncode,
                                                              done.stdout.decode(), self.log()))

    def held(self):
        """Queue ids of quarantined messages."""
        return sorted(os.path.basename(p)[2:] for p in glob.glob(self.dir + "/queue/hf*"))

    def quarantine_reason(self, queue_id):
        with open(self.dir + "/queue/hf" + queue_id, errors="replace") as f:
            found = re.search(r"^q(.*)$", f.read(), re.M)
        return found.group(1) if found else None

    def held_header(self, queue_id):
        """The header as kept in the queue file, one field per item, Return-Path left out."""
        with open(self.dir + "/queue/hf" + queue_id, errors="replace") as f:
            found = re.findall(r"^H\?[^?]*\?(.*(?:\n[ \t].*)*)", f.read(), re.M)
        return [field for field in found if not field.startswith("Return-Path:")]

    def log(self):
        return "--- Sendmail's traffic\n%s\n--- Sendmail's stderr\n%s" % (
            tail(self.traffic), tail(self.dir + "/stderr"))

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)
