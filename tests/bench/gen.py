#!/usr/bin/python3
"""gen.py DIRECTORY [--messages 1000] [--domains 200] [--seed 1] - corpus and zone for tests/bench/run.

Writes DIRECTORY/zone.txt (for bench_dns), DIRECTORY/manifest.tsv (for bench_load; file, client
address, client name, HELO, MAIL FROM, RCPT TO, what must come out) and one .eml per message.
Keys are kept in DIRECTORY/keys and used again.

Sizes: 70/25/5 % of the messages have 2/20/200 kB. Signatures: 80 % RSA-2048, 10 % Ed25519 and
RSA, 10 % none. SPF: 80 % pass, 10 % from a foreign address, 10 % from a domain without record;
records are 40 % ip4, 35 % nested includes, 15 % "a mx", 10 % redirect. DMARC policies are
40/30/30 none/quarantine/reject; a fifth of the authors are in a subdomain.
"""

import argparse
import base64
import os
import random
import subprocess
import textwrap

import dkim
import nacl.signing

SIGNED = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
          b"reply-to", b"list-unsubscribe"]
WORDS = """the of and to in is that for it as was with be by on not he his but at
are this have from or had an they which one you were all her she there would
their we him been has when who will no more if out so up said what its about
than into them can only other time new some could these two may first then do
any like my now over such our man me even most made after also did many off
before must well back through years much where your way down should because
long each just state those people too mr how little good world make very year
still see own work men day get here old between both life being under three
never know same last another while us might great go come since against right
came take used himself few house use place during high without again home
around small however found mrs part school thought went say general once upon
war every left got united number course water until always away public
something fact less though far put head think set called enough end""".split()


class Keys:
    """Key pairs on disk: making 200 RSA keys takes longer than all the rest."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def kept(self, name, make):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            with open(path + ".new", "wb") as f:
                f.write(make())
            os.rename(path + ".new", path)
        with open(path, "rb") as f:
            return f.read()

    def rsa(self, name):
        """Private key as PEM, public key as base64."""
        pem = self.kept(name + ".pem", lambda: openssl("genrsa", "-traditional", "2048"))
        public = self.kept(name + ".pub", lambda: base64.b64encode(
            openssl("rsa", "-pubout", "-outform", "DER", stdin=pem)))
        return pem, public.decode()

    def ed25519(self, name):
        seed = self.kept(name + ".ed25519", lambda: base64.b64encode(os.urandom(32)))
        public = nacl.signing.SigningKey(base64.b64decode(seed)).verify_key.encode()
        return seed, base64.b64encode(public).decode()


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class Zone:
    def __init__(self):
        self.lines = {}  # in order, each once

    def add(self, name, kind, data):
        self.lines["%s %s %s" % (name, kind, data)] = None

    def host(self, address, name):
        self.add(".".join(reversed(address.split("."))) + ".in-addr.arpa", "PTR", name)
        self.add(name, "A", address)


# ------------------------------------------------------------------- domains


def add_provider(zone, number):
    """A mail provider whose customers include its record."""
    name = "bench-esp%d.net" % number
    zone.add("_spf." + name, "TXT",
             "v=spf1 include:_netblocks1.%s include:_netblocks2.%s ~all" % (name, name))
    zone.add("_netblocks1." + name, "TXT", "v=spf1 ip4:198.19.%d.0/24 ip4:198.19.%d.0/24 ~all"
             % (100 + number, 110 + number))
    zone.add("_netblocks2." + name, "TXT", "v=spf1 ip4:198.19.%d.0/24 ~all" % (number + 1))
    return name


class Domain:
    def __init__(self, rng, zone, keys, number, providers):
        self.name = name = "bench%03d.%s" % (number, rng.choice(
            ["org"] * 4 + ["com"] * 4 + ["co.uk", "de"]))
        self.rsa, rsa_public = keys.rsa("d%03d" % number)
        self.ed25519, ed25519_public = keys.ed25519("d%03d" % number)
        self.policy = (["none"] * 4 + ["quarantine"] * 3 + ["reject"] * 3)[number % 10]
        zone.add("s1._domainkey." + name, "TXT", "v=DKIM1; k=rsa; p=" + rsa_public)
        zone.add("e1._domainkey." + name, "TXT", "v=DKIM1; k=ed25519; p=" + ed25519_public)
        zone.add("_dmarc." + name, "TXT",
                 "v=DMARC1; p=%s; rua=mailto:dmarc-rua@%s; fo=1" % (self.policy, name))
        self.add_spf(rng, zone, number, providers)

    def add_spf(self, rng, zone, number, providers):
        kind = rng.choice(["ip4"] * 8 + ["provider"] * 7 + ["a mx"] * 3 + ["redirect"] * 2)
        network = "v=spf1 ip4:198.18.%d.0/28 -all" % number
        addresses = ["198.18.%d.%d" % (number, k) for k in (1, 2, 3)]
        host = "mta%%d.%s" % self.name
        self.foreign_result = "fail"
        records = {"ip4": network, "a mx": "v=spf1 a mx -all",
                   "redirect": "v=spf1 redirect=_spf." + self.name}
        if kind == "provider":
            which = rng.randrange(len(providers))
            end, self.foreign_result = rng.choice([("-all", "fail"), ("~all", "softfail")])
            records[kind] = "v=spf1 include:_spf.%s %s" % (providers[which], end)
            addresses = ["198.19.%d.%d" % (which + 1, 1 + number)]
            host = "mta%%d.c%d.%s" % (number, providers[which])
        if kind == "redirect":
            zone.add("_spf." + self.name, "TXT", network)
        if kind == "a mx":
            del addresses[1:]
        for name in (self.name, "em." + self.name, "news." + self.name, "nospf." + self.name):
            if not name.startswith("nospf."):
                zone.add(name, "TXT", records[kind])
            zone.add(name, "A", "198.18.%d.200" % number)
            zone.add(name, "MX", "10 mx1." + self.name)
        zone.add("mx1." + self.name, "A", addresses[0])
        self.hosts = [(address, host % k) for k, address in enumerate(addresses)]
        for address, name in self.hosts:
            zone.host(address, name)


# ------------------------------------------------------------------ messages


def prose(rng, size):
    lines, line, total = [], "", 0
    while total < size:
        word = rng.choice(WORDS)
        if len(line) + len(word) > 70:
            lines.append(line)
            total += len(line) + 2
            line = ""
        line += (" " if line else "") + word
    return "\r\n".join(lines) + "\r\n"


def html(text):
    return "<html><head><title>News</title></head><body>\r\n" + "".join(
        "<p style=\"margin:0;font-family:Arial\">%s</p>\r\n" % line
        for line in text.split("\r\n") if line) + "</body></html>\r\n"


def make_body(rng, size):
    """Content-Type and a body of about `size` octets: text, text and HTML, or an attachment."""
    if size < 5000:
        return "text/plain; charset=utf-8", prose(rng, size)
    boundary = "----=_Part_%08x" % rng.getrandbits(32)
    if size < 50000:
        kind, plain = "alternative", prose(rng, size * 2 // 5)
        other = "text/html; charset=utf-8\r\n\r\n" + html(plain)
    else:
        kind, plain = "mixed", prose(rng, 1500)
        data = base64.b64encode(rng.randbytes(size * 3 // 4 - 2000)).decode()
        other = ("application/pdf; name=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
                 "\r\n" + "\r\n".join(textwrap.wrap(data, 76)))
    return ("multipart/%s;\r\n boundary=\"%s\"" % (kind, boundary),
            "This is a multi-part message in MIME format.\r\n\r\n--{0}\r\nContent-Type: text/plain;"
            " charset=utf-8\r\n\r\n{1}\r\n--{0}\r\nContent-Type: {2}\r\n--{0}--\r\n".format(
                boundary, plain, other))


def make_message(rng, author, helo, size):
    identity = "%016x" % rng.getrandbits(64)
    domain = author.split("@")[1]
    content_type, body = make_body(rng, size)
    date = "Thu, %d Jan 2026 %02d:%02d:%02d +0000" % (
        rng.randrange(1, 29), rng.randrange(24), rng.randrange(60), rng.randrange(60))
    header = [
        "Received: from app%d.internal (unknown [10.%d.%d.%d])\r\n\tby %s (Postfix) with ESMTPS id"
        " %s\r\n\tfor <user@example.org>; %s" % (
            rng.randrange(9), rng.randrange(256), rng.randrange(256), rng.randrange(256), helo,
            identity[:11].upper(), date),
        "From: \"%s %s\" <%s>" % (rng.choice(WORDS).title(), rng.choice(WORDS).title(), author),
        "To: user@example.org",
        "Subject: " + " ".join(rng.choice(WORDS) for _ in range(7)),
        "Date: " + date,
        "Message-ID: <%s@%s>" % (identity, domain),
        "Reply-To: reply@" + domain,
        "List-Unsubscribe: <https://%s/u/%s>,\r\n <mailto:u@%s>" % (domain, identity, domain),
        "MIME-Version: 1.0",
        "Content-Type: " + content_type,
        "X-Mailer: bench 1.0",
        "X-Campaign: " + identity]
    return ("\r\n".join(header) + "\r\n\r\n" + body).encode()


def sign(message, selector, domain, key, algorithm):
    return dkim.sign(message, selector, domain.encode(), key, canonicalize=(b"relaxed", b"relaxed"),
                     signature_algorithm=algorithm, include_headers=SIGNED) + message


def shuffled(rng, count, shares):
    """`count` choices in exact proportion."""
    choices = [what for share, what in shares for _ in range(round(count * share))]
    choices = (choices + [shares[0][1]] * count)[:count]
    rng.shuffle(choices)
    return choices


def expected(policy, signed, spf):
    passed = signed or spf == "pass"
    verdict = "accept" if passed or policy == "none" else \
        "quarantine|accept" if policy == "quarantine" else "reject"
    return "verdict=%s;spf=%s;dkim=%s;dmarc=%s" % (
        verdict, spf, "pass" if signed else "none|-", "pass" if passed else "fail")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--domains", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    count, rng, zone = arguments.messages, random.Random(arguments.seed), Zone()
    keys = Keys(os.path.join(arguments.directory, "keys"))
    providers = [add_provider(zone, k) for k in range(5)]
    domains = [Domain(rng, zone, keys, k, providers) for k in range(arguments.domains)]
    foreign = [("203.0.113.%d" % k, "host%d.bench-foreign.net" % k) for k in range(1, 30)]
    for address, name in foreign:
        zone.host(address, name)
    sizes = shuffled(rng, count, [(.70, 2000), (.25, 20000), (.05, 200000)])
    signatures = shuffled(rng, count, [(.80, "rsa"), (.10, "both"), (.10, "none")])
    senders = shuffled(rng, count, [(.80, "pass"), (.10, "fail"), (.10, "none")])
    rows = []
    for number in range(count):
        domain = domains[number % len(domains)]
        author = domain.name if rng.random() < .8 else "news." + domain.name
        sender = author if rng.random() < .6 else "em." + domain.name
        address, host = rng.choice(domain.hosts)
        spf, signature = senders[number], signatures[number]
        if spf == "none":
            sender = "nospf." + domain.name
        elif spf == "fail":
            address, host = rng.choice(foreign)
            spf = domain.foreign_result
        header = 1000 + {"none": 0, "rsa": 550, "both": 850}[signature]
        message = make_message(rng, "%s@%s" % (rng.choice(WORDS), author), host,
                               max(sizes[number] - header, 250))
        if signature != "none":
            message = sign(message, b"s1", domain.name, domain.rsa, b"rsa-sha256")
        if signature == "both":
            message = sign(message, b"e1", domain.name, domain.ed25519, b"ed25519-sha256")
        name = "m%04d.eml" % number
        with open(os.path.join(arguments.directory, name), "wb") as f:
            f.write(message)
        rows.append("\t".join([name, address, host, host, "<b-%05d@%s>" % (number, sender),
                               "<user@example.org>",
                               expected(domain.policy, signature != "none", spf)]))
    with open(os.path.join(arguments.directory, "zone.txt"), "w") as f:
        f.write("\n".join(zone.lines) + "\n")
    with open(os.path.join(arguments.directory, "manifest.tsv"), "w") as f:
        f.write("\n".join(rows) + "\n")
    print("%d messages, %d domains, %d records" % (count, len(domains), len(zone.lines)))


if __name__ == "__main__":
    main()
