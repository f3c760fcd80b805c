#!/usr/bin/python3
"""Writes signed.scenario: messages signed by dkimpy, and what became of them on the way.

Run it again only to change the cases; the tests read the file that it wrote.
"""
import base64
import pathlib
import subprocess

import time

import dkim

time.time = lambda: 1700000000.0  # t= of the signatures

HERE = pathlib.Path(__file__).parent
KEY = (HERE.parent / "keys/rsa2048.pem").read_bytes()
PUBLIC = base64.b64encode(subprocess.run(
    ["openssl", "rsa", "-pubout", "-outform", "DER"], input=KEY, capture_output=True,
    check=True).stdout).decode()

MESSAGE = (b"From: Alice <alice@example.com>\r\nTo: bob@example.org\r\nSubject: Minutes\r\n"
           b"Date: Mon, 13 Nov 2023 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n"
           b"Hello Bob,\r\n\r\nthe minutes are below.\r\n")
HEADERS = [b"from", b"to", b"subject", b"date", b"message-id"]


def sign(message, domain, **more):
    return dkim.sign(message, b"s1", domain, KEY, canonicalize=(b"relaxed", b"relaxed"),
                     include_headers=HEADERS, **more)


def scenario(title, message, expectations, domains=("example.com",), policy="p=reject", zone=(),
             settings=()):
    lines = [f"title: {title}", "client: 192.0.2.1", "helo: mail.example.net",
             "mail-from: bounce@example.net", f"zone: _dmarc.example.com TXT v=DMARC1; {policy}"]
    lines += [f"zone: s1._domainkey.{d} TXT v=DKIM1; p={PUBLIC}" for d in domains]
    lines += [f"zone: {z}" for z in zone] + [f"set: {s}" for s in settings]
    lines += ["message:", message.replace(b"\r\n", b"\n").decode().rstrip("\n"), "."]
    lines += expectations + ["="]
    return "\n".join(lines) + "\n\n"


def main():
    good = sign(MESSAGE, b"example.com") + MESSAGE
    footer = good + b"-- \r\nthe list\r\n"
    listed = b"List-Id: <list.example.org>\r\n" + footer
    retitled = good.replace(b"Subject: Minutes", b"Subject: Transfer")
    foreign = sign(MESSAGE, b"example.net")
    broken = sign(MESSAGE.replace(b"Minutes", b"Other"), b"example.com")
    partial = sign(MESSAGE, b"example.com", length=True) + MESSAGE + b"and something else\r\n"
    below = sign(MESSAGE, b"news.example.com") + MESSAGE
    buried = good.replace(b"\r\n\r\n", b"\r\n" + b"X: x\r\n" * 50 +
                          b"From: ceo@bank.example\r\n\r\n", 1)
    both = ("example.com", "example.net")
    out = "# Written by make_signed.py; do not edit.\n\n"
    out += scenario("aligned signature passes", good,
                    ["dkim: pass", "dmarc: pass", "action: accept", "override: none"])
    out += scenario("list mail with a footer is quarantined", listed,
                    ["dkim: fail", "dmarc: fail", "action: quarantine", "override: mailing_list"])
    out += scenario("forwarder's footer without list fields is quarantined", footer,
                    ["dkim: fail", "dmarc: fail", "action: quarantine", "override: other",
                     "reason: only the body hash of example.com fails"])
    out += scenario("changed subject is no forwarder", retitled,
                    ["dkim: fail", "dmarc: fail", "action: reject"])
    out += scenario("unaligned signature does not help", foreign + MESSAGE,
                    ["dkim: pass", "dmarc: fail", "action: reject"], both)
    out += scenario("aligned fail, then unaligned pass", broken + foreign + MESSAGE,
                    ["dkim: fail, pass", "dmarc: fail", "action: reject"], both)
    out += scenario("unaligned pass, then aligned fail", foreign + broken + MESSAGE,
                    ["dkim: pass, fail", "dmarc: fail", "action: reject"], both)
    out += scenario("text behind l= is not signed", partial,
                    ["dkim: policy", "dmarc: fail", "action: reject"])
    out += scenario("signature over a header beyond the limit does not pass", buried,
                    ["dkim: neutral", "dmarc: permerror", "action: accept"],
                    settings=("MaximumHeaderFields 50", "OnInvalidFrom accept"))
    out += scenario("subdomain is aligned when relaxed", below,
                    ["dkim: pass", "dmarc: pass", "action: accept"], ("news.example.com",))
    out += scenario("subdomain is not aligned when strict", below,
                    ["dkim: pass", "dmarc: fail", "action: reject"], ("news.example.com",),
                    policy="p=reject; adkim=s")
    out += scenario("key that cannot be had is no reason to reject", good,
                    ["dkim: temperror", "dmarc: temperror", "action: tempfail"], (),
                    zone=("s1._domainkey.example.com FAIL SERVFAIL",))
    out += scenario("t=y steps reject down to quarantine", retitled,
                    ["dmarc: fail", "action: quarantine", "override: policy_test_mode"],
                    policy="p=reject; t=y")
    (HERE / "signed.scenario").write_text(out)


main()
