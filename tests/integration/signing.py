"""Signing keys of the tests, a chain of two MTAs, and what others say of signatures.

The chain: a client on loopback hands a message to the first MTA, whose assayd
signs; that hands it to a receiving Postfix, which takes it for mail from outside
and whose assayd verifies; that one delivers to the sink. What the sink got is shown to
the oracles: dkimpy, Mail::DKIM, libopendkim (RSA only), `assay check`.
"""

import base64
import json
import os
import re
import subprocess

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

import harness
from namespace import SENDER, SERVER

CONFORMANCE = os.path.join(harness.TOP, "tests", "conformance")
OPENDKIM_ORACLE = os.path.join(harness.BUILD, "tests", "conformance", "opendkim_oracle")

POLICY_ZONE = """\
$TTL 300
_dmarc.example.com. IN TXT "v=DMARC1; p=reject"
_dmarc.xn--bcher-kva.example. IN TXT "v=DMARC1; p=reject"
_dmarc.mx.example.org. IN TXT "v=DMARC1; p=reject"
nodmarc.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"
"""
DOMAINS = ("example.com", "xn--bcher-kva.example", "mx.example.org")
ALGORITHMS = {"rsa1": "rsa-sha256", "ed1": "ed25519-sha256"}


def write_private(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(content)


def new_key(path, bits):
    """Writes a PEM file; bits None: Ed25519. Returns the text of the DNS record."""
    key = ed25519.Ed25519PrivateKey.generate() if bits is None else \
        rsa.generate_private_key(65537, bits)
    write_private(path, key.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    return record_of(key)


def record_of(key):
    public = key.public_key()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        octets, name = public.public_bytes(serialization.Encoding.Raw,
                                           serialization.PublicFormat.Raw), "ed25519"
    else:
        octets, name = public.public_bytes(serialization.Encoding.DER,
                                           serialization.PublicFormat.SubjectPublicKeyInfo), "rsa"
    return "v=DKIM1; k=%s; p=%s" % (name, base64.b64encode(octets).decode())


def zone_line(name, text):
    strings = " ".join('"%s"' % text[n:n + 250] for n in range(0, len(text), 250))
    return "%s. IN TXT %s\n" % (name, strings)


class SigningKeys:
    """KeyDirectory with an RSA-2048 and an Ed25519 key for each domain, the same
    keys as KeyTable and SigningTable, and the zone that publishes them."""

    def __init__(self):
        self.dir = harness.scratch("keys")
        self.records = {}
        for domain in DOMAINS:
            os.mkdir(os.path.join(self.dir, domain), 0o700)
            for selector, bits in (("rsa1", 2048), ("ed1", None)):
                name = "%s._domainkey.%s" % (selector, domain)
                self.records[name] = new_key(self.path(domain, selector), bits)
        self.zone = POLICY_ZONE + "".join(zone_line(*item) for item in self.records.items())
        self.tables = harness.scratch("tables")
        self.write_tables()

    def path(self, domain, selector):
        return os.path.join(self.dir, domain, selector + ".pem")

    def write_tables(self):
        with open(self.tables + "/KeyTable", "w") as f:
            for selector in ALGORITHMS:
                f.write("key-%s %%:%s:%s/%%/%s.pem\n" % (selector, selector, self.dir, selector))
        with open(self.tables + "/SigningTable", "w") as f:
            for selector in ALGORITHMS:
                for domain in DOMAINS:
                    f.write("*@%s key-%s\n" % (domain, selector))

    def directory_options(self):
        return {"KeyDirectory": self.dir}

    def table_options(self):
        return {"KeyTable": self.tables + "/KeyTable",
                "SigningTable": "refile:" + self.tables + "/SigningTable",
                "MultipleSignatures": "yes"}


def smart_host_postfix(receiver):
    """main.cf lines with which a Postfix hands everything to `receiver`, as a stranger."""
    return ("relayhost = [%s]:%d\nsmtp_bind_address = %s\n" % (SERVER, receiver.port, SENDER) +
            "internal_mail_filter_classes = bounce\n"
            "transport_maps = inline:{{bounces.example=error:5.1.1 nobody there}}\n")


def smart_host_sendmail(receiver):
    return ("define(`SMART_HOST', `relay:[%s]')\n" % SERVER +
            "define(`RELAY_MAILER_ARGS', `TCP $h %d')\n" % receiver.port +
            "CLIENT_OPTIONS(`Family=inet, Address=%s')\n" % SENDER)


# ---------------------------------------------------------------- signatures


def tags(field):
    value = harness.unfold(field).split(b":", 1)[1]
    return dict((t.strip() for t in tag.split(b"=", 1)) for tag in value.split(b";") if b"=" in tag)


def signatures(message, domain=None):
    """The DKIM-Signature fields of our domains, as (field, message without the others)."""
    found = []
    own = [f for f in harness.named(message, "DKIM-Signature")
           if tags(f)[b"d"].decode() in (DOMAINS if domain is None else (domain,))]
    for field in own:
        rest = message
        for other in own:
            rest = rest.replace(other, b"", 1)
        found.append((field, rest))
    return found


class Oracles:
    """What is said of every signature of some messages: name -> list of answers, "pass",
    "skip <why>", or what is wrong."""

    def __init__(self, keys):
        self.dir = harness.scratch("oracles")
        self.records = keys.records
        with open(self.dir + "/keys", "w") as f:
            for item in self.records.items():
                f.write("%s %s\n" % item)
        with open(self.dir + "/zone", "w") as f:
            f.write(keys.zone)
        with open(self.dir + "/assay.conf", "w") as f:
            f.write("Nameservers none\nLocalZone %s/zone\nMaximumHeaderFields 3000\n" % self.dir)

    def ask(self, signed):
        """signed: [(field, message without the other signatures)]. oracle -> [answer]."""
        answers = {"dkimpy": [self._dkimpy(*pair) for pair in signed],
                   "Mail::DKIM": self._program(["/usr/bin/perl", CONFORMANCE +
                                                "/mail_dkim_oracle.pl"], signed)}
        if os.path.exists(OPENDKIM_ORACLE):
            answers["libopendkim"] = self._program([OPENDKIM_ORACLE], signed)
        return answers

    def _dkimpy(self, field, message):
        def lookup(name, timeout=5):
            return self.records[name.decode().rstrip(".")].encode()

        try:
            good = dkim.DKIM(field + message).verify(dnsfunc=lookup)
            return "pass" if good else "does not verify"
        except (dkim.DKIMException, KeyError) as error:
            return repr(error)

    def _program(self, command, signed):
        jobs = ""
        for number, contents in enumerate(signed):
            paths = ["%s/%s%d" % (self.dir, kind, number) for kind in "fm"]
            for path, content in zip(paths, contents):
                with open(path, "wb") as f:
                    f.write(content)
            jobs += "\t".join(paths) + "\n"
        done = subprocess.run(command + [self.dir + "/keys"], input=jobs.encode(),
                              stdout=subprocess.PIPE, timeout=120 * harness.PATIENCE)
        answers = done.stdout.decode().splitlines()
        assert done.returncode == 0 and len(answers) == len(signed), (command, done)
        return answers

    def assay_check(self, message, *arguments):
        """The whole message at once, as JSON; default: as it came from outside."""
        done = subprocess.run([harness.ASSAY, "check", "--json", "-c", self.dir + "/assay.conf",
                               *(arguments or ("--client-ip", SENDER, "--mail-from",
                                               "bounce@nodmarc.example")), "-"],
                              input=message, capture_output=True, timeout=60 * harness.PATIENCE)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


def passes(answers):
    """What an A-R value says of DKIM: [(result, algorithm)]."""
    return re.findall(r"dkim=(\w+)[^;]*?header\.a=([\w-]+)", answers)
