"""A private network (and mount) namespace for the test process and all it starts:
the host's ports stay free, and mail can come from addresses that are not loopback.
"""

import ctypes
import os
import subprocess
import tempfile

# Who is who in the tests' world; all of them live on lo inside the namespace.
SENDER = "192.0.2.1"  # may send for example.com and its like
SENDER6 = "2001:db8::25"
STRANGER = "198.51.100.7"  # may send for nobody, has no name
LIST = "203.0.113.5"  # a mailing list server
SERVER, SERVER6 = "203.0.113.250", "2001:db8::250"  # our MX

HOSTS = """\
127.0.0.1 localhost
192.0.2.1 mail.example.com
2001:db8::25 mail.example.com
203.0.113.5 lists.example.net
203.0.113.250 mx.example.org mx
2001:db8::250 mx.example.org mx
"""

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def enter():
    """Moves this process there. Returns None, or why it cannot be done."""
    if os.geteuid() != 0:
        return "a private network namespace needs root"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        return "unshare: " + os.strerror(ctypes.get_errno())
    commands = [["ip", "link", "set", "lo", "up"]]
    commands += [["ip", "addr", "add", a, "dev", "lo"]
                 for a in (SENDER + "/32", STRANGER + "/32", LIST + "/32", SERVER + "/32")]
    commands += [["ip", "addr", "add", a + "/128", "dev", "lo", "nodad"]
                 for a in (SENDER6, SERVER6)]
    for command in commands:
        done = _run(command)
        if done.returncode != 0:
            return "%s: %s" % (" ".join(command), done.stdout.decode().strip())
    # In a chroot that is no mount point this fails, and what we mounted would be seen outside.
    # Then there are no host names; that costs realism, but no test.
    if _run(["mount", "--make-rprivate", "/"]).returncode == 0:
        _cover("/etc/hosts", HOSTS)
        _cover("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    return None


def _run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _cover(target, text):
    """Lets this process and its children see `text` in place of a file."""
    handle, path = tempfile.mkstemp(prefix="assay-etc-")
    os.write(handle, text.encode())
    os.fchmod(handle, 0o644)
    os.close(handle)
    _run(["mount", "--bind", path, target])
    os.unlink(path)
