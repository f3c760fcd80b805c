"""Bad keys, bad tables, and a DNS that does not fit: each harms its own domain alone,
is told with path and reason, and never stops mail.
"""

import json
import os
import re
import socket
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519

import harness
import milter_client
import odd_messages
import signing

NO_ENCRYPTION = serialization.NoEncryption()


def pem(key, encryption=NO_ENCRYPTION, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


GOOD = pem(rsa.generate_private_key(65537, 2048))
RSA_768 = subprocess.run(["openssl", "genrsa", "768"], capture_output=True).stdout
SECRET = serialization.BestAvailableEncryption(b"secret")
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL

OTHER_TYPE = "another type: DKIM knows RSA and Ed25519"

# name: (content, mode, what the reason says)
BAD = {
    "empty": (b"", 0o600, "is empty"),
    "blank": (b"\n\n", 0o600, "is empty"),
    "text": (b"This is no key.\n", 0o600, "neither PEM nor base64"),
    "binary": (bytes(range(256)) * 4, 0o600, "neither PEM nor base64"),
    "truncated": (GOOD[:len(GOOD) // 2], 0o600, "truncated: its END line is missing"),
    "damaged": (GOOD[:400] + b"AAAAAAAAAAAA" + GOOD[412:], 0o600, "damaged"),
    "encrypted": (pem(rsa.generate_private_key(65537, 2048), SECRET), 0o600, "key is encrypted"),
    "encrypted-old": (pem(rsa.generate_private_key(65537, 2048), SECRET, TRADITIONAL), 0o600,
                      "key is encrypted"),
    "public": (public_pem(rsa.generate_private_key(65537, 2048)), 0o600, "a public key"),
    "certificate": (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0o600,
                    "no private key in it"),
    "ec": (pem(ec.generate_private_key(ec.SECP256R1())), 0o600, OTHER_TYPE),
    "dsa": (pem(dsa.generate_private_key(2048)), 0o600, OTHER_TYPE),
    "x25519": (pem(x25519.X25519PrivateKey.generate()), 0o600, OTHER_TYPE),
    "ed448": (pem(ed448.Ed448PrivateKey.generate()), 0o600, OTHER_TYPE),
    "short": (RSA_768, 0o600, "RSA key is too short"),
    "enormous": (GOOD + b"\n" * 70000, 0o600, "has 71[0-9]* octets"),
    "world-readable": (GOOD, 0o644, "mode 0644, others can read it; to mend it: chmod 0640 "),
    "world-writable": (GOOD, 0o602, "mode 0602, others can write it; to mend it: chmod 0600 "),
    "group-writable": (GOOD, 0o620, "mode 0620, its group can write it; to mend it: chmod 0600 "),
}
SPECIAL = ("directory", "fifo", "dangling", "loop", "socket")


def make_directory(path, domain, content, mode=0o600):
    os.makedirs(os.path.join(path, domain), exist_ok=True)
    name = os.path.join(path, domain, "s1.pem")
    with open(name, "wb") as f:
        f.write(content)
    os.chmod(name, mode)


def make_special(path):
    for kind in SPECIAL:
        directory = os.path.join(path, kind + ".example")
        os.mkdir(directory)
        name = os.path.join(directory, "s1.pem")
        if kind == "directory":
            os.mkdir(name)
        elif kind == "fifo":
            os.mkfifo(name, 0o600)  # whoever opens it to read would wait for ever
        elif kind == "dangling":
            os.symlink("/nonexistent", name)
        elif kind == "loop":
            os.symlink("s1.pem", name)
        else:
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(name)


def sign_as(daemon, author):
    """Names (s=) of the signatures that a message of this author gets; it is accepted always."""
    session = milter_client.connected(daemon, "127.0.0.1", b"localhost", b"localhost")
    octets = odd_messages.HEAD.replace(b"user@example.com", author.encode()) + b"\r\nx\r\n"
    reply = session.message(octets)
    session.close()
    assert reply.verdict() == "accept"
    return [re.search(rb"[\s;]s=([\w-]+)", value).group(1).decode()
            for _, name, value in reply.inserted if name == b"DKIM-Signature"]


def reason_for(daemon, domain):
    pattern = r'^.* from=%s signed=no signed_reason="(.*?)" verdict' % re.escape(domain)
    return harness.wait_until(lambda: re.findall(pattern, daemon.log_text(), re.M), 10,
                              "a log line for " + domain, daemon.log)[-1]


@pytest.fixture
def started():
    """A function that starts an assayd; stopped, and asked for its exit code, at the end."""
    running = []

    def start(zone="$TTL 300\n", **options):
        running.append(harness.Assayd(zone, Nameservers="none", **options))
        return running[-1]

    yield start
    for daemon in running:
        daemon.stop()


# --------------------------------------------------------------------- files


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """One assayd over all bad keys at once, one domain each, and one good one."""
    path = str(tmp_path_factory.mktemp("keys"))
    make_directory(path, "good.example", GOOD)
    for name, (content, mode, _) in BAD.items():
        make_directory(path, name + ".example", content, mode)
    make_special(path)
    daemon = harness.Assayd("$TTL 300\n", Nameservers="none", KeyDirectory=path)
    daemon.keys = path
    yield daemon
    daemon.stop()


@pytest.mark.parametrize("name", [*BAD, *SPECIAL])
def test_bad_key(bad, name):
    """The mail goes out unsigned; the log names the file and says why, at start and for
    the message; other domains sign."""
    domain = name + ".example"
    assert sign_as(bad, "user@" + domain) == []
    reason = reason_for(bad, domain)
    expected = BAD[name][2] if name in BAD else "."
    assert re.search(expected, reason), reason
    path = "%s/%s/s1.pem" % (bad.keys, domain)
    lines = [line for line in bad.log_text().splitlines() if path in line and "from=" not in line]
    if name not in SPECIAL:
        assert lines and re.search(expected, lines[0]), (lines, bad.log())
        assert "error" in lines[0], lines[0]
    assert len(lines) <= 1, "told once, not for each message: %r" % lines
    assert sign_as(bad, "user@good.example") == ["s1"]


def test_no_secret_in_the_log(bad):
    for line in GOOD.decode().splitlines()[1:-1] + BAD["damaged"][0].decode().splitlines()[1:-1]:
        assert line not in bad.log_text()


def test_the_line_that_mends(bad):
    """What the log proposes for a file that others can read works as it stands."""
    command = re.search(r"chmod [^\n\"]*world-readable\.example/s1\.pem", bad.log_text()).group(0)
    subprocess.run(command, shell=True, check=True)
    bad.reload()
    assert sign_as(bad, "user@world-readable.example") == ["s1"]


def test_unsafe_keys_warn(started, tmp_path):
    make_directory(tmp_path, "open.example", GOOD, 0o644)
    daemon = started(KeyDirectory=str(tmp_path), UnsafeKeys="warn")
    assert sign_as(daemon, "user@open.example") == ["s1"]
    assert re.search(r"warning: .*open\.example/s1\.pem.*chmod", daemon.log_text())


def test_keys_of_root_are_read_before_the_rights_are_dropped(started, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chmod(tmp_path, 0o700)
    make_directory(tmp_path, "root.example", GOOD)
    daemon = started(KeyDirectory=str(tmp_path), UserID="nobody")
    with open("/proc/%d/status" % daemon.process.pid) as f:
        assert re.search(r"^Uid:\t(?!0)\d+", f.read(), re.M)
    assert sign_as(daemon, "user@root.example") == ["s1"]


def test_repair_needs_only_a_reload(started, tmp_path):
    make_directory(tmp_path, "late.example", BAD["truncated"][0])
    daemon = started(KeyDirectory=str(tmp_path))
    assert sign_as(daemon, "user@late.example") == []
    make_directory(tmp_path, "late.example", GOOD)
    daemon.reload()
    assert sign_as(daemon, "user@late.example") == ["s1"]


def test_a_key_that_goes_bad_under_us(started, tmp_path):
    """Reload with a key that became bad: that domain goes unsigned, or on with the key in
    memory; in no case does the reload fail or another domain suffer."""
    for domain in ("a.example", "b.example"):
        make_directory(tmp_path, domain, GOOD)
    daemon = started(KeyDirectory=str(tmp_path))
    make_directory(tmp_path, "a.example", b"")
    assert "refused" not in daemon.reload()
    sign_as(daemon, "user@a.example")
    assert sign_as(daemon, "user@b.example") == ["s1"]


# -------------------------------------------------------------------- tables

# (KeyTable, SigningTable, the file that is wrong, its line)
TABLES = {
    "key row without a value": ("# c\nk1\n", "a.example k1\n", "KeyTable", 2),
    "key row with two parts": ("k1 a.example:s1\n", "a.example k1\n", "KeyTable", 1),
    "key row with bad domain": ("k1 a b:s1:/x\n", "a.example k1\n", "KeyTable", 1),
    "key row with bad selector": ("\nk1 a.example:s/1:/x\n", "a.example k1\n", "KeyTable", 2),
    "signing row without a value": ("k1 a.example:s1:{key}\n", "a.example k1\n\n#\nb.example\n",
                                    "SigningTable", 4),
}


def table_options(path):
    return {name: str(path / name) for name in ("KeyTable", "SigningTable")}


@pytest.mark.parametrize("name", TABLES)
def test_table_with_a_mistake(started, tmp_path, name):
    """At a start: exit 78. At a reload: the old tables stay in force. Told with file and line."""
    key = str(tmp_path / "s1.pem")
    signing.write_private(key, GOOD)
    rows, signers, wrong, line = TABLES[name]
    (tmp_path / "KeyTable").write_text("k1 a.example:s1:%s\n" % key)
    (tmp_path / "SigningTable").write_text("a.example k1\n")
    daemon = started(**table_options(tmp_path))
    assert sign_as(daemon, "user@a.example") == ["s1"]
    (tmp_path / "KeyTable").write_text(rows.replace("{key}", key))
    (tmp_path / "SigningTable").write_text(signers)
    said = daemon.reload()
    expected = r"%s:%d: " % (tmp_path / wrong, line)
    assert re.search(expected, said) and "refused" in said, said
    assert sign_as(daemon, "user@a.example") == ["s1"]
    done = subprocess.run([harness.ASSAYD, "-n", "-c", daemon.conf_path], capture_output=True)
    assert done.returncode == 78 and re.search(expected, done.stderr.decode()), done


def test_row_that_names_no_key(started, tmp_path):
    """OpenDKIM finds that out with the message; here it is told, and the others sign."""
    key = str(tmp_path / "s1.pem")
    signing.write_private(key, GOOD)
    (tmp_path / "KeyTable").write_text("k1 a.example:s1:%s\n" % key)
    (tmp_path / "SigningTable").write_text("a.example k1\nb.example k2\n")
    daemon = started(**table_options(tmp_path))
    assert sign_as(daemon, "user@a.example") == ["s1"]
    assert sign_as(daemon, "user@b.example") == []
    assert "k2" in daemon.log_text()


def test_table_that_is_gone(started, tmp_path):
    key = str(tmp_path / "s1.pem")
    signing.write_private(key, GOOD)
    (tmp_path / "KeyTable").write_text("k1 a.example:s1:%s\n" % key)
    (tmp_path / "SigningTable").write_text("a.example k1\n")
    daemon = started(**table_options(tmp_path))
    os.rename(tmp_path / "SigningTable", tmp_path / "elsewhere")
    said = daemon.reload()
    assert "refused" in said and "SigningTable" in said, said
    assert sign_as(daemon, "user@a.example") == ["s1"]


# ----------------------------------------------------------------------- DNS


def other_record():
    return signing.record_of(rsa.generate_private_key(65537, 2048))


def own_record():
    return signing.record_of(serialization.load_pem_private_key(GOOD, None))


NAME = "s1._domainkey.a.example"

# state: (records of the name, what `assay checkkey` says, its exit code)
DNS = {
    "right": (lambda: [own_record()], "published", 0),
    "none": (lambda: [], "absent", 1),
    "wrong": (lambda: [other_record()], "mismatch", 1),
    "two": (lambda: [own_record(), other_record()], "mismatch", 1),
    "revoked": (lambda: ["v=DKIM1; p="], "mismatch", 1),
    "garbage": (lambda: ["v=DKIM1; p=!!!"], "mismatch", 1),
    "truncated": (lambda: [own_record()[:200]], "mismatch", 1),
    "something else": (lambda: ["v=spf1 -all"], "absent|mismatch", 1),
}


@pytest.mark.parametrize("name", DNS)
def test_dns(started, tmp_path, name):
    """A single key signs whatever the DNS has, since the record may be on its way; but
    the log and `assay checkkey` say what is wrong."""
    make_directory(tmp_path, "a.example", GOOD)
    records, state, code = DNS[name]
    zone = "$TTL 300\n" + "".join(signing.zone_line(NAME, r) for r in records())
    daemon = started(zone, KeyDirectory=str(tmp_path))
    assert sign_as(daemon, "user@a.example") == ["s1"]
    done = subprocess.run([harness.ASSAY, "checkkey", "--json", "-c", daemon.conf_path, "all"],
                          capture_output=True)
    assert done.returncode == code, done
    answer = json.loads(done.stdout)
    text = json.dumps(answer)
    assert re.search(r'"(%s)"' % state, text), text
    if code:
        harness.wait_until(lambda: re.search(r"warning: .*s1.*a\.example|warning: .*a\.example.*s1",
                                             daemon.log_text()), 10, "a warning", daemon.log)
    else:
        time.sleep(0.3)
        assert "warning: " not in re.sub(r".*running as root.*", "", daemon.log_text())
