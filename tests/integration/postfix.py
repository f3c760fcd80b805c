"""A throw-away Postfix: Debian's package, unpacked by contrib/deps, with private
directories and ports. Nothing outside its scratch directory is written.

Its users are two that every Debian has and no Postfix uses, because the package,
and so its users, may not be installed.
"""

import grp
import os
import pwd
import shutil
import signal
import smtplib
import subprocess

from harness import CACHE, Failure, abandoning, free_port, greets, scratch, tail, wait_until

ROOT = os.path.join(CACHE, "postfix")
OWNER, DROP_GROUP = "uucp", "news"

MAIN_CF = """\
compatibility_level = 3.6
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
sendmail_path = {root}/usr/sbin/sendmail
data_directory = {dir}/data
queue_directory = {dir}/queue
mail_owner = {owner}
setgid_group = {group}
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}/log
import_environment = LD_LIBRARY_PATH={root}/usr/lib/postfix MAIL_CONFIG={dir}/conf TZ=UTC
export_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ
myhostname = mx.example.org
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_protocols = {protocols}
relayhost = [127.0.0.1]:{sink}
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
relay_domains = rcpt.example
relay_transport = smtp
smtpd_authorized_xclient_hosts = 127.0.0.0/8
message_size_limit = 60000000
header_size_limit = 400000
smtp_line_length_limit = 0
smtputf8_enable = yes
smtputf8_autodetect_classes = sendmail
milter_protocol = 6
milter_default_action = {default_action}
smtpd_milters = {milter}
non_smtpd_milters = {milter}
"""

MASTER_CF = """\
{listen}
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
local unix - n n - - local
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
postlog unix-dgram n - n - 1 postlogd
"""


def unavailable():
    """Why Postfix cannot run here, or None."""
    if os.geteuid() != 0:
        return "Postfix needs root"
    if not os.path.exists(os.path.join(ROOT, ".complete")):
        return "no Postfix below %s: run contrib/deps test" % CACHE
    return None


def settings(text, more):
    """main.cf lines, with those of `more` in the place of ours. A parameter that stands twice makes
    each process warn; and postlogd, warning itself, can fill the socket that it is to read, and then
    all of them wait for ever."""
    given = {line.split("=", 1)[0].strip() for line in more.splitlines() if "=" in line}
    return "".join(line for line in text.splitlines(True)
                   if line.split("=", 1)[0].strip() not in given) + more + "\n"


class Postfix:
    name = "postfix"

    def __init__(self, milter, sink, addresses=("127.0.0.1",), default_action="tempfail",
                 more=""):
        self.dir = scratch("postfix")
        self.sink = sink
        self.port = free_port()
        self.addresses = addresses
        self._make_queue()
        listen = "\n".join("%s:%d inet n - n - - smtpd" % ("[%s]" % a if ":" in a else a, self.port)
                           for a in addresses)
        self._write("conf/main.cf", settings(MAIN_CF.format(
            root=ROOT, dir=self.dir, owner=OWNER, group=DROP_GROUP, sink=sink.port,
            protocols="all" if any(":" in a for a in addresses) else "ipv4",
            default_action=default_action, milter=milter), more))
        self._write("conf/master.cf", MASTER_CF.format(listen=listen))
        self._write("conf/dynamicmaps.cf", "")
        self.process = None
        with abandoning(self):
            self._start()

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def _make_queue(self):
        owner, group = pwd.getpwnam(OWNER).pw_uid, grp.getgrnam(DROP_GROUP).gr_gid
        for name in ("conf", "log", "data", "queue", "queue/pid"):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        for name in ("log", "data"):
            os.chown(os.path.join(self.dir, name), owner, -1)
        for name, mode, gid in [(n, 0o700, 0) for n in
                                ("active", "bounce", "corrupt", "defer", "deferred", "flush",
                                 "hold", "incoming", "private", "saved", "trace")] + \
                               [("maildrop", 0o1730, group), ("public", 0o710, group)]:
            path = os.path.join(self.dir, "queue", name)
            os.mkdir(path)
            os.chown(path, owner, gid)
            os.chmod(path, mode)

    def _environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC",
                "LD_LIBRARY_PATH": ROOT + "/usr/lib/postfix",
                "MAIL_CONFIG": self.dir + "/conf"}

    def _start(self):
        self.process = subprocess.Popen([ROOT + "/usr/lib/postfix/sbin/master", "-d", "-c",
                                         self.dir + "/conf"],
                                        env=self._environment(), stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        for address in self.addresses:
            wait_until(lambda a=address: self._alive() and greets(a, self.port), 15,
                       "Postfix's greeting", self.log)

    def _alive(self):
        if self.process.poll() is not None:
            raise Failure("Postfix' master exited with %d\n%s"
                          % (self.process.returncode, self.log()))
        if "fatal:" in self.log_text():
            raise Failure("Postfix does not start\n" + self.log())
        return True

    def run(self, command, *args, data=b""):
        """Runs one of Postfix's commands."""
        done = subprocess.run([ROOT + "/usr/sbin/" + command, *args], input=data, timeout=60,
                              env=self._environment(), capture_output=True)
        if done.returncode != 0:
            raise Failure("%s exited with %d: %s\n%s" % (command, done.returncode,
                                                         done.stderr.decode(), self.log()))
        return done.stdout

    def client(self, client_ip=None, client_name=None, helo="client.example.net",
               address="127.0.0.1", source=None, extra=None):
        """An SMTP session; with client_ip the MTA takes it for that one's (XCLIENT)."""
        smtp = smtplib.SMTP(timeout=120, source_address=(source, 0) if source else None)
        smtp.connect(address, self.port)
        smtp.ehlo(helo)
        if client_ip is not None:
            shown = "IPV6:" + client_ip if ":" in client_ip else client_ip
            command = "ADDR=%s NAME=%s" % (shown, client_name or "[UNAVAILABLE]")
            code, text = smtp.docmd("XCLIENT", command + (" " + extra if extra else ""))
            if code != 220:
                raise Failure("XCLIENT refused: %d %r\n%s" % (code, text, self.log()))
            smtp.ehlo(helo)
        return smtp

    def sendmail(self, message, recipient, sender):
        """Submits with the sendmail command, not by SMTP."""
        self.run("sendmail", "-C", self.dir + "/conf", "-i", "-f", sender, "--", recipient,
                 data=message.replace(b"\r\n", b"\n"))

    def held(self):
        """Queue ids in the hold queue."""
        return sorted(os.listdir(self.dir + "/queue/hold"))

    def held_message(self, queue_id):
        text = self.run("postcat", "-h", "-b", self.dir + "/queue/hold/" + queue_id)
        return text.replace(b"\n", b"\r\n")

    def log_text(self):
        return tail(self.dir + "/log/mail.log", 100000)

    def log(self):
        return "--- Postfix mail.log\n" + tail(self.dir + "/log/mail.log")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)
