"""A PostgreSQL server of the tests' own: its cluster in a directory of its own, reached by a Unix
socket there, run by an unprivileged user, since it refuses to be run by root.
"""

import contextlib
import glob
import os
import pwd
import shutil
import subprocess

import harness

def _user():
    """Whoever it is, the server must not be root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


USER = _user()


def _programs():
    """Those that contrib/deps unpacked, else installed ones; the newest."""
    for top in (os.path.join(harness.CACHE, "postgresql"), ""):
        found = glob.glob(top + "/usr/lib/postgresql/*/bin/initdb")
        if found:
            return os.path.dirname(max(found, key=lambda p: int(p.split("/")[-3])))
    return None


def unavailable():
    """None, or why there cannot be a server."""
    if _programs() is None:
        return "PostgreSQL is not installed"
    if os.geteuid() != 0:
        return "a PostgreSQL server of its own needs root, to become another user"
    if USER is None:
        return "there is no user postgres or nobody"
    return None


class Server:
    """Running once made; remove() at the end. Speed instead of durability: no fsync."""

    def __init__(self, *databases):
        self.dir = harness.scratch("postgresql")
        self.data = os.path.join(self.dir, "data")
        os.chmod(self.dir, 0o755)
        owner = pwd.getpwnam(USER)
        os.chown(self.dir, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write("listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n"
                    "shared_buffers = 16MB\nmax_connections = 20\n" % self.dir)
        self.start()
        for name in databases or ("reports",):
            self.query("postgres", 'CREATE DATABASE "%s"' % name)

    def _run(self, program, *arguments):
        done = subprocess.run([os.path.join(_programs(), program), *arguments], user=USER,
                              group=pwd.getpwnam(USER).pw_gid, extra_groups=[], cwd=self.dir,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120 * harness.PATIENCE)
        if done.returncode != 0:
            raise harness.Failure("%s: %s\n%s" % (program, done.stdout,
                                                  harness.tail(os.path.join(self.dir, "log"))))

    def start(self):
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-l", os.path.join(self.dir, "log"))

    def stop(self, immediate=False):
        """immediate: as after a crash."""
        self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m",
                  "immediate" if immediate else "fast")

    def uri(self, database):
        return "postgresql://%s@/%s?host=%s" % (USER, database, self.dir)

    def query(self, database, text):
        """The rows as lists of text; a NULL is empty."""
        done = subprocess.run([os.path.join(_programs(), "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                               "-d", self.uri(database), "-c", text],
                              capture_output=True, text=True, timeout=60 * harness.PATIENCE)
        if done.returncode != 0:
            raise harness.Failure("psql: " + done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def remove(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop(immediate=True)
        shutil.rmtree(self.dir, ignore_errors=True)
