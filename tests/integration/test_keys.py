"""Signing keys from the command line: assay genkey, checkkey and keys against a
DNS server of our own; and a rotation as an operator goes through it.
"""

import base64
import contextlib
import json
import os
import re
import stat
import subprocess
import time

import dns.rrset
import dns.zone
import pytest

import harness
import milter_client

OTHER_KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def assay(*arguments, code=0):
    """Runs a command; its output, after a look at the exit code."""
    done = subprocess.run([harness.ASSAY, *arguments], capture_output=True, text=True, timeout=60,
                          cwd="/")
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    assert not harness.SANITIZER.search(done.stderr), done.stderr
    return done


def zone_of(text):
    return dns.zone.from_text("$TTL 300\n" + text, origin=".", relativize=False,
                              check_origin=False)


class Dns(harness.Dns):
    """What is not there may be asked for again after a second (RFC 2308)."""

    def _answer(self, query):
        response = super()._answer(query)
        if not response.answer:
            response.authority.append(dns.rrset.from_text(
                ".", 1, "IN", "SOA", "ns.example. hostmaster.example. 1 1 1 1 1"))
        return response


class World:
    """A KeyDirectory, a configuration for it, and a DNS server."""

    def __init__(self, path):
        self.keys = os.path.join(path, "keys")
        self.conf = os.path.join(path, "assay.conf")
        self.dns = Dns("$TTL 300\nexample.com. IN A 192.0.2.1\n", ["temp.example"])
        self.records = ""
        os.mkdir(self.keys)
        with open(self.conf, "w") as f:
            f.write("KeyDirectory %s\nNameservers 127.0.0.1@%d\n" % (self.keys, self.dns.port))

    def genkey(self, domain, selector, *more):
        return json.loads(assay("genkey", "-c", self.conf, "--json", "--domain", domain,
                                "--selector", selector, *more).stdout)

    def publish(self, text):
        """Adds to what the DNS server knows."""
        self.records += text
        self.dns.zone = zone_of(self.records)

    def check(self, *arguments, code=0):
        return {"%s %s" % (k["domain"], k["selector"]): k
                for k in json.loads(assay("checkkey", "-c", self.conf, "--json", *arguments,
                                          code=code).stdout)["keys"]}

    def states(self):
        return [(k["selector"], k["state"], k["signs"])
                for k in json.loads(assay("keys", "-c", self.conf, "--json").stdout)["keys"]]


@pytest.fixture
def world(tmp_path):
    os.chmod(tmp_path, 0o755)
    made = World(str(tmp_path))
    yield made
    made.dns.stop()


# -------------------------------------------------------------------- genkey


KINDS = {
    "rsa": ((), "rsa-sha256", 2048),
    "rsa1024": (("--bits", "1024"), "rsa-sha256", 1024),
    "rsa4096": (("--algorithm", "rsa", "--bits", "4096"), "rsa-sha256", 4096),
    "ed25519": (("--algorithm", "ed25519"), "ed25519-sha256", 256),
}


@pytest.mark.parametrize("kind", KINDS)
def test_genkey(world, kind):
    options, algorithm, bits = KINDS[kind]
    made = world.genkey("Example.COM", "s1", *options)
    path = os.path.join(world.keys, "example.com", "s1.pem")
    assert (made["file"], made["algorithm"], made["bits"]) == (path, algorithm, bits)
    assert (made["domain"], made["selector"]) == ("example.com", "s1")
    status = os.stat(path)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())

    # The key is what others take for one, and the record its public half.
    public = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
                            capture_output=True, check=True).stdout
    octets = public[-32:] if kind == "ed25519" else public
    assert made["record"] == "v=DKIM1; k=%s; p=%s" % (
        "ed25519" if kind == "ed25519" else "rsa", base64.b64encode(octets).decode())

    # The zone file form is that record in strings of at most 255 octets.
    rrset = zone_of(made["zone"]).get_rrset("s1._domainkey.example.com.", "TXT")
    assert max(len(s) for s in rrset[0].strings) <= 255
    assert b"".join(rrset[0].strings).decode() == made["record"]
    assert made["name"] == "s1._domainkey.example.com"

    # For people: the same, and what to do next.
    os.unlink(path)
    text = assay("genkey", "-c", world.conf, "--domain", "example.com", "--selector", "s1",
                 *options).stdout
    assert path in text and "\ns1._domainkey.example.com\n" in text
    single = re.search(r"^v=DKIM1; .*$", text, re.M).group(0)
    strings = re.findall(r'"([^"]*)"', text)
    assert "".join(strings) == single
    assert "assay checkkey --domain example.com --selector s1" in text
    world.publish(re.search(r"^s1\._domainkey\.example\.com\. IN TXT.*?(?=\n\n)", text,
                            re.M | re.S).group(0) + "\n")
    assert world.check("all")["example.com s1"]["state"] == "published"


def test_genkey_never_overwrites(world):
    path = world.genkey("example.com", "s1", "--algorithm", "ed25519")["file"]
    before = open(path).read()
    for options in ((), ("--algorithm", "ed25519"), ("--json",)):
        done = assay("genkey", "-c", world.conf, "--domain", "example.com", "--selector", "s1",
                     *options, code=73)
        assert done.stdout == "" and "never overwritten" in done.stderr
    os.unlink(path)
    os.symlink(os.path.join(world.keys, "elsewhere"), path)  # nor through a link
    assay("genkey", "-c", world.conf, "--domain", "example.com", "--selector", "s1", code=73)
    assert not os.path.exists(os.path.join(world.keys, "elsewhere"))
    assert before.startswith("-----BEGIN PRIVATE KEY-----")


def test_genkey_directory(world, tmp_path):
    other = str(tmp_path / "my keys")
    os.mkdir(other)
    made = json.loads(assay("genkey", "--directory", other, "--domain", "b\u00fccher.example",
                            "--selector", "s1", "--algorithm", "ed25519", "--json").stdout)
    assert made["file"] == other + "/xn--bcher-kva.example/s1.pem"
    assert os.path.exists(made["file"])
    assay("genkey", "--directory", str(tmp_path / "none"), "--domain", "example.com",
          "--selector", "s1", code=73)
    assert not os.path.exists(tmp_path / "none")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_genkey_gives_the_key_to_the_owner_of_the_directory(world):
    os.chown(world.keys, 990, 991)
    path = world.genkey("example.com", "s1")["file"]
    for name in (path, os.path.dirname(path)):
        assert (os.stat(name).st_uid, os.stat(name).st_gid) == (990, 991)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_genkey_usage():
    for wrong in ((), ("--domain", "a.example"), ("--domain", "a..b", "--selector", "s"),
                  ("--domain", "a.example", "--selector", "../s"),
                  ("--domain", "a.example", "--selector", "s", "--bits", "512"),
                  ("--domain", "a.example", "--selector", "s", "--bits", "9000"),
                  ("--domain", "a.example", "--selector", "s", "--algorithm", "dsa"),
                  ("--domain", "a.example", "--selector", "s", "--algorithm", "ed25519",
                   "--bits", "2048")):
        assert assay("genkey", *wrong, code=64).stdout == ""


# ------------------------------------------------------------ checkkey, keys


def test_checkkey(world):
    zones = {n: world.genkey(d, s, "--algorithm", "ed25519")["zone"] for n, d, s in (
        ("good", "example.com", "good"), ("absent", "example.com", "absent"),
        ("other", "example.com", "other"), ("two", "example.com", "two"),
        ("empty", "example.com", "empty"), ("temp", "temp.example", "s1"))}
    world.publish("example.com. IN A 192.0.2.1\n" + zones["good"] + zones["two"]
                  + 'two._domainkey.example.com. IN TXT "%s"\n' % OTHER_KEY
                  + 'other._domainkey.example.com. IN TXT "%s"\n' % OTHER_KEY
                  + 'empty._domainkey.example.com. IN TXT "v=DKIM1; p="\n')
    found = world.check("all", code=1)
    assert {k: (v["state"], v["reason"]) for k, v in found.items()} == {
        "example.com good": ("published", ""),
        "example.com absent": ("absent", "no such name in the DNS"),
        "example.com other": ("mismatch", "the record has another key, or none, or does not "
                                          "allow its use"),
        "example.com empty": ("mismatch", "the record has another key, or none, or does not "
                                          "allow its use"),
        "example.com two": ("mismatch", "there are several records: a verifier may take any"),
        "temp.example s1": ("unknown", "the DNS did not answer"),
    }
    assert list(world.check("--domain", "example.com", "--selector", "good")) == [
        "example.com good"]
    world.check("--domain", "example.com", "--selector", "other", code=1)
    world.check("--domain", "temp.example", code=75)
    assay("checkkey", "-c", world.conf, "--domain", "example.org", code=66)
    assay("checkkey", "-c", world.conf, code=64)
    assay("checkkey", "-c", world.conf, "some", code=64)

    # In words, with the record that is missing; and only what was asked for is looked up.
    world.dns.asked.clear()
    done = assay("checkkey", "-c", world.conf, "--domain", "example.com", "--selector", "absent",
                 code=1)
    assert zones["absent"] in done.stdout and done.stderr == ""
    assert {name for name, _ in world.dns.asked} == {"absent._domainkey.example.com."}
    done = assay("checkkey", "-c", world.conf, "--domain", "example.com", "--selector", "good")
    assert done.stdout == "good._domainkey.example.com: good (ed25519-sha256, 256 bits)\n"


def test_checkkey_with_a_zone_file(world, tmp_path):
    made = world.genkey("example.com", "s1")
    zone = tmp_path / "zone"
    zone.write_text("$TTL 300\n" + made["zone"])
    world.check("all", code=1)
    assert world.check("all", "--zone", str(zone))["example.com s1"]["state"] == "published"
    world.publish(made["zone"])
    other = harness.Dns("$TTL 300\nexample.com. IN A 192.0.2.1\n")
    assert world.check("all")["example.com s1"]["state"] == "published"
    world.check("all", "--nameserver", "127.0.0.1@%d" % other.port, code=1)
    other.stop()


def test_bad_keys_are_named(world):
    path = world.genkey("example.com", "s1")["file"]
    os.chmod(path, 0o644)
    found = world.check("all", code=1)["example.com s1"]
    assert found["problem"] == ("%s: mode 0644, others can read it; to mend it: chmod 0640 %s"
                                % (path, path))
    subprocess.run(found["problem"].split("mend it: ")[1], shell=True, check=True)
    assert world.check("all", code=1)["example.com s1"]["problem"] == ""
    encrypted = os.path.join(os.path.dirname(path), "enc.pem")
    subprocess.run(["openssl", "pkey", "-in", path, "-aes256", "-passout", "pass:x", "-out",
                    encrypted], check=True)
    os.chmod(encrypted, 0o600)
    assert "encrypted" in world.check("all", code=1)["example.com enc"]["problem"]
    assert "cannot be used" in assay("keys", "-c", world.conf).stdout


def test_tables(world, tmp_path):
    path = world.genkey("example.com", "s1")["file"]
    (tmp_path / "KeyTable").write_text("k example.net:t1:%s\n" % path)
    (tmp_path / "SigningTable").write_text("*@example.net k\n")
    conf = tmp_path / "tables.conf"
    conf.write_text("KeyTable %s/KeyTable\nSigningTable refile:%s/SigningTable\n"
                    "Nameservers none\n" % (tmp_path, tmp_path))
    keys = json.loads(assay("keys", "-c", str(conf), "--json").stdout)["keys"]
    assert [(k["domain"], k["selector"], k["signs"]) for k in keys] == [
        ("example.net", "t1", True)]
    (tmp_path / "SigningTable").write_text("# c\n*@example.net\n")
    done = assay("keys", "-c", str(conf), code=78)
    assert "%s/SigningTable:2: " % tmp_path in done.stderr
    conf.write_text("Nameservers none\n")
    assert "no keys are configured" in assay("keys", "-c", str(conf), code=78).stderr


# ------------------------------------------------------------------ rotation


def test_a_rotation(world):
    """Make a key, sign; make the next one: it waits until the DNS has it."""
    old = world.genkey("example.com", "s2025")
    os.utime(old["file"], (1700000000, 1700000000))
    world.publish(old["zone"])
    assert world.states() == [("s2025", "published", True)]
    new = world.genkey("example.com", "s2026")
    assert world.states() == [("s2025", "published", True), ("s2026", "absent", False)]
    world.publish(new["zone"])
    assert world.states() == [("s2025", "published", False), ("s2026", "published", True)]
    os.unlink(old["file"])
    assert world.states() == [("s2026", "published", True)]


def selectors(daemon):
    """The selectors with which a message from loopback is signed."""
    with contextlib.closing(milter_client.connected(daemon, address="127.0.0.1",
                                                    name=b"localhost")) as session:
        reply = session.message(b"From: a@example.com\r\nTo: b@rcpt.example\r\n"
                                b"Subject: x\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
                                b"\r\nbody\r\n", b"a@example.com")
    values = [value for _, name, value in reply.inserted if name == b"DKIM-Signature"]
    return sorted(re.search(rb"\bs=([^;\s]+)", value).group(1).decode() for value in values)


def test_the_daemon_rotates(world):
    old = world.genkey("example.com", "s2025")
    os.utime(old["file"], (1700000000, 1700000000))
    world.publish(old["zone"])
    daemon = harness.Assayd("", world.dns, LocalZone=None, KeyDirectory=world.keys)
    try:
        assert selectors(daemon) == ["s2025"]
        edwards = world.genkey("example.com", "ed1", "--algorithm", "ed25519")
        new = world.genkey("example.com", "s2026")
        daemon.reload(re.compile("reloaded"))
        assert selectors(daemon) == ["ed1", "s2025"]
        harness.wait_until(lambda: "s2026._domainkey.example.com: no such name in the DNS"
                           in daemon.log_text(), 10, "word of the missing record", daemon.log)
        assert selectors(daemon) == ["ed1", "s2025"]
        world.publish(new["zone"] + edwards["zone"])
        time.sleep(3.5)  # two caches with a second each, whole seconds counted
        daemon.reload(re.compile("reloaded"))
        harness.wait_until(lambda: selectors(daemon) == ["ed1", "s2026"], 10,
                           "the new key to sign", daemon.log)
        assert "s2026._domainkey.example.com: published now" in daemon.log_text()
        # A reload with a table that is no good leaves everything as it is.
        daemon.write_config(KeyDirectory="/nonexistent/keys")
        daemon.reload(re.compile("reload refused"))
        assert selectors(daemon) == ["ed1", "s2026"]
    finally:
        daemon.stop()
