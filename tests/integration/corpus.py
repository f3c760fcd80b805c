"""The world of the integration tests: a DNS zone, and messages with what is to
become of them. Used through Postfix, through Sendmail, through the raw milter
client, by `assay check`, by the load run and by contrib/demo.

Expectations are for the default configuration (Mode enforce).
"""

import base64
import dataclasses
import subprocess

import dkim
from nacl.signing import SigningKey

from namespace import LIST, SENDER, SENDER6, STRANGER

FAILING = ("temp.example",)  # the test DNS server answers SERVFAIL for these

ZONE = """\
$TTL 300
example.com. IN TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::25 -all"
example.com. IN MX 10 mail.example.com.
mail.example.com. IN A 192.0.2.1
mail.example.com. IN AAAA 2001:db8::25
mail.example.com. IN TXT "v=spf1 a -all"
1.2.0.192.in-addr.arpa. IN PTR mail.example.com.
_dmarc.example.com. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
s1._domainkey.example.com. IN TXT {rsa}
ed._domainkey.example.com. IN TXT {ed25519}
none.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.none.example. IN TXT "v=DMARC1; p=none"
quarantine.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.quarantine.example. IN TXT "v=DMARC1; p=quarantine"
reject.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.reject.example. IN TXT "v=DMARC1; p=reject; sp=quarantine"
news.reject.example. IN A 192.0.2.80
_dmarc.testing.example. IN TXT "v=DMARC1; p=reject; t=y"
testing.example. IN A 192.0.2.81
nodmarc.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"
lists.example.net. IN TXT "v=spf1 ip4:203.0.113.5 -all"
lists.example.net. IN A 203.0.113.5
xn--bcher-kva.example. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.xn--bcher-kva.example. IN TXT "v=DMARC1; p=reject"
"""


def _txt(text):
    """A TXT value as character-strings of at most 255 octets."""
    return " ".join('"%s"' % text[n:n + 250] for n in range(0, len(text), 250))


class Keys:
    """Fresh keys for each run: no private key lies in the tree."""

    def __init__(self):
        done = subprocess.run(["openssl", "genrsa", "-traditional", "2048"],
                              capture_output=True, check=True)
        self.rsa = done.stdout
        public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"],
                                input=self.rsa, capture_output=True, check=True).stdout
        seed = SigningKey.generate()
        self.ed25519 = base64.b64encode(bytes(seed))
        self.zone = ZONE.format(
            rsa=_txt("v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()),
            ed25519=_txt("v=DKIM1; k=ed25519; p="
                         + base64.b64encode(bytes(seed.verify_key)).decode()))

    def sign(self, message, canon=(b"relaxed", b"relaxed"), ed25519=False,
             fields=(b"from", b"to", b"subject", b"date", b"message-id")):
        """message with a DKIM-Signature of example.com on top."""
        return dkim.sign(message, b"ed" if ed25519 else b"s1", b"example.com",
                         self.ed25519 if ed25519 else self.rsa, canonicalize=canon,
                         signature_algorithm=b"ed25519-sha256" if ed25519 else b"rsa-sha256",
                         include_headers=list(fields)) + message


@dataclasses.dataclass
class Case:
    name: str
    message: bytes
    action: str = "accept"  # accept, quarantine, reject
    results: dict = dataclasses.field(default_factory=dict)  # method -> result
    reply: str = ""  # a regular expression for the SMTP reply of a reject
    client: str = STRANGER
    client_name: str = "unknown"
    helo: str = "client.example.net"
    sender: str = "bounce@nodmarc.example"
    smtputf8: bool = False
    forged: int = 0  # Authentication-Results fields that must disappear
    note: str = ""  # one line for people


def mail(author, subject="a test", text=b"Hello,\r\n\r\nthis is a test.\r\n", more=b""):
    """A plain message."""
    return (b"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
            b"From: " + author + b"\r\n"
            b"To: <someone@rcpt.example>\r\n"
            b"Subject: " + subject.encode() + b"\r\n"
            b"Message-ID: <" + subject.replace(" ", ".").encode() + b"@example.com>\r\n"
            + more + b"\r\n" + text)


FORGED = b"Authentication-Results: %s; dmarc=pass header.from=bank.example\r\n"
# Ways to write our name; each must be seen through (RFC 8601 section 5).
FORGERIES = (b"mx.example.org", b"MX.Example.ORG", b"mx.example.org 1", b'"mx.example.org"',
             b"(c) mx.example.org (d)", b"\r\n\tmx.example.org", b"mx.example.org.", b" mx.example.org  ")
FOREIGN = tuple(b"Authentication-Results: other%d.example.net; spf=pass smtp.mailfrom=f%d.example\r\n"
                % (n, n) for n in range(9))


def interleaved():
    """FOREIGN[0] forged FOREIGN[1] forged ... FOREIGN[8]."""
    text = FOREIGN[0]
    for n, name in enumerate(FORGERIES):
        text += FORGED % name + FOREIGN[n + 1]
    return text


# Header text that canonicalisation "simple" must find as it was sent.
ODD_HEADER = (b"Date:   Sun, 22 Nov 2026 08:00:00 +0000\r\n"
              b"From:a@example.com\r\n"
              b"To:\t<someone@rcpt.example>\r\n"
              b"Subject:  odd   spacing \t here\r\n"
              b"   and a  fold\r\n"
              b"\tand another\r\n"
              b"Message-ID: <odd@example.com>\r\n"
              b"X-Odd:\r\n"
              b"\tfolded at once\r\n"
              b"X-Tab:\tx\t\r\n")


def passing(keys):
    sender = {"client": SENDER, "client_name": "mail.example.com", "helo": "mail.example.com",
              "sender": "user@example.com"}
    aligned = mail(b"Example User <user@example.com>", "aligned DKIM and SPF")
    yield Case("aligned-pass", keys.sign(aligned), **sender,
               results={"spf": "pass", "dkim": "pass", "dmarc": "pass"},
               note="signed by its own domain, from its own server")
    yield Case("dkim-only", keys.sign(mail(b"user@example.com", "DKIM alone")),
               results={"spf": "softfail", "dkim": "pass", "dmarc": "pass"},
               note="aligned DKIM pass, forwarded through a strange server")
    yield Case("ed25519", keys.sign(mail(b"user@example.com", "Ed25519"), ed25519=True),
               results={"dkim": "pass", "dmarc": "pass"})
    for header in (b"simple", b"relaxed"):
        for text in (b"simple", b"relaxed"):
            name = "odd-%s-%s" % (header.decode(), text.decode())
            odd = ODD_HEADER + b"\r\n" + b"  Two  spaces  \r\n.dot\r\n..dots\r\n\r\ntail\t\r\n\r\n\r\n"
            yield Case(name, keys.sign(odd, (header, text), fields=(
                b"from", b"to", b"subject", b"date", b"message-id", b"x-odd", b"x-tab")),
                results={"dkim": "pass", "dmarc": "pass"})
    yield Case("spf-only", mail(b"user@example.com", "SPF alone"), **sender,
               results={"spf": "pass", "dkim": "none", "dmarc": "pass"},
               note="no signature, from its own server")
    yield Case("spf-ipv6", mail(b"user@example.com", "IPv6"), **{**sender, "client": SENDER6},
               results={"spf": "pass", "dkim": "none", "dmarc": "pass"})
    yield Case("null-sender", keys.sign(mail(b"mailer-daemon@example.com", "a bounce")),
               **{**sender, "sender": ""}, results={"spf": "pass", "dkim": "pass", "dmarc": "pass"})
    yield Case("eight-bit", keys.sign(mail(
        b"user@example.com", "eight bits", "Grüße, ¡hola!\r\n".encode(),
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n"), (b"simple", b"simple")), **sender,
        results={"spf": "pass", "dkim": "pass", "dmarc": "pass"})
    yield Case("forged-results", keys.sign(mail(b"user@example.com", "forged results",
                                                more=interleaved())), **sender,
               forged=len(FORGERIES), results={"spf": "pass", "dkim": "pass", "dmarc": "pass"},
               note="eight forged A-R fields among nine foreign ones")
    yield Case("no-policy", mail(b"user@nodmarc.example", "no DMARC record"),
               results={"spf": "softfail", "dkim": "none", "dmarc": "none"})
    yield Case("empty-body", keys.sign(mail(b"user@example.com", "empty body", b"")), **sender,
               results={"spf": "pass", "dkim": "pass", "dmarc": "pass"})


def international():
    yield Case("smtputf8", mail("Bücher <käufer@bücher.example>".encode(), "smtputf8"),
               client=SENDER, client_name="mail.example.com", helo="mail.example.com",
               sender="käufer@bücher.example", smtputf8=True,
               results={"spf": "pass", "dkim": "none", "dmarc": "pass"},
               note="U-labels in envelope and author address")


def failing(keys):
    fail = {"dkim": "none", "dmarc": "fail"}
    yield Case("fail-none", mail(b"ceo@none.example", "fail under none"), results=fail,
               note="DMARC fail under p=none: delivered")
    yield Case("fail-quarantine", mail(b"ceo@quarantine.example", "fail under quarantine"),
               "quarantine", results=fail, note="DMARC fail under p=quarantine: held")
    yield Case("fail-reject", mail(b"ceo@reject.example", "fail under reject"), "reject",
               results=fail, reply=r"^5\.7\.1 .*reject\.example",
               note="DMARC fail under p=reject")
    yield Case("fail-subdomain", mail(b"ceo@news.reject.example", "fail under sp"), "quarantine",
               results=fail)
    yield Case("fail-testing", mail(b"ceo@testing.example", "fail under t=y"), "quarantine",
               results=fail)
    yield Case("broken-signature", keys.sign(mail(b"user@example.com", "broken")).replace(
        b"Subject: broken", b"Subject: changed"), "reject",
        results={"dkim": "fail", "dmarc": "fail"}, reply=r"^5\.7\.1 .*example\.com")
    listed = keys.sign(mail(b"user@example.com", "through a list")) + b"-- \r\na list footer\r\n"
    yield Case("mailing-list", b"List-Id: <chat.lists.example.net>\r\n"
               b"List-Post: <mailto:chat@lists.example.net>\r\n" + listed, "quarantine",
               client=LIST, client_name="lists.example.net", helo="lists.example.net",
               sender="chat-bounces@lists.example.net",
               results={"spf": "pass", "dkim": "fail", "dmarc": "fail"},
               note="a list broke the signature, p=reject: not rejected (IndirectMail)")
    yield Case("two-from", mail(b"user@example.com", "two From", more=b"From: ceo@reject.example\r\n"),
               "reject", client=SENDER, client_name="mail.example.com", helo="mail.example.com",
               sender="user@example.com", results={"spf": "pass", "dmarc": "permerror"},
               reply=r"^5\.7\.1 ", note="a spoof with two From fields")


def cases(keys):
    """Every message that both MTAs can carry."""
    return [*passing(keys), *failing(keys)]
