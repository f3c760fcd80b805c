#!/usr/bin/python3
"""Signs odd messages with Assay's signer and has them verified by others and by Assay.

usage: crosscheck_sign.py [--full]

Every message is signed in all four canonicalisations, with RSA of 1024, 2048,
3072 and 4096 bits and with Ed25519. Each signature must verify with dkimpy,
Mail::DKIM, libopendkim and `assay check`; over a twin of the message, altered
in the body or in the From field, it must not. Without --full the largest message
is signed in two ways only.

A message reaches a verifier as SMTP carries it: with a CRLF at its end, also
where the signer saw none. An oracle may be unable to judge a signature; such
are skipped and counted.

Environment: ASSAY (default ./assay), SIGN_MESSAGE (tests/sign_message),
OPENDKIM_ORACLE (tests/conformance/opendkim_oracle). Exit code 0: all as
expected, 1: not, 77: an oracle is missing.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from crosscheck_dkim import DATE, FROM, HEAD, MESSAGES, METHODS, TEXT, alter

import dkim
import nacl.signing

ASSAY = os.environ.get("ASSAY", "./assay")
SIGN_MESSAGE = os.environ.get("SIGN_MESSAGE", "tests/sign_message")
OPENDKIM_ORACLE = os.environ.get("OPENDKIM_ORACLE", "tests/conformance/opendkim_oracle")
HERE = os.path.dirname(os.path.abspath(__file__))
DOMAIN = "example.com"
KEYS = {"rsa1024": 1024, "rsa2048": 2048, "rsa3072": 3072, "rsa4096": 4096, "ed25519": None}

# Beyond those of crosscheck_dkim.py. name: (header, body)
MORE = {
    "one character": (FROM, b"x\r\n"),
    "only From": (FROM, TEXT),
    "no space anywhere": (b"From:a@example.com\r\nTo:b@example.org\r\n", b"x\r\n"),
    "tab behind colon": (FROM + b"Subject:\tx\r\n", TEXT),
    "SMTPUTF8": ("From: Jürgen <jürgen@пример.example>\r\nTo: 用户@例子.example\r\n"
                 "Subject: Grüße\r\n".encode() + DATE, "Grüße, 世界\r\n".encode()),
    "UTF-8 folded": (FROM + "Subject: Grüße\r\n und Küsse\r\n".encode() + DATE, TEXT),
    "encoded words": (FROM + b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?b?w6Q=?=\r\n",
                      TEXT),
    "Latin-1 header and body": (FROM + b"Subject: \xe4\xf6\xfc\r\n", b"\xe4\xf6\xfc\r\n"),
    "two Subjects": (FROM + b"Subject: a\r\n" + DATE + b"Subject: b\r\n", TEXT),
    "forty To fields": (FROM + b"".join(b"To: u%d@example.org\r\n" % i for i in range(40)), TEXT),
    "1,000 fields": (FROM + b"".join(b"X-N%d: %d\r\n" % (i, i) for i in range(1000)) + DATE, TEXT),
    "1,000 To fields": (FROM + b"".join(b"To: u%d@example.org\r\n" % i for i in range(1000)),
                        TEXT),
    "1,000 recipients": (FROM + b"To: " + b",\r\n\t".join(b"u%d@example.org" % i
                                                          for i in range(1000)) + b"\r\n", TEXT),
    "empty From name": (b'From: "" <a@example.com>\r\n' + DATE, TEXT),
    "From folded": (b"From: A Very Long\r\n Name\r\n\t<a@example.com>\r\n" + DATE, TEXT),
    "From last": (b"To: b@example.org\r\nSubject: x\r\n" + DATE + FROM, TEXT),
    "every header of the list": (
        FROM + b"Sender: s@example.com\r\nReply-To: r@example.com\r\nTo: b@example.org\r\n"
        b"Cc: c@example.org\r\nSubject: x\r\n" + DATE + b"Message-ID: <1@example.com>\r\n"
        b"In-Reply-To: <0@example.com>\r\nReferences: <0@example.com>\r\n\t<00@example.com>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\nList-Id: <l.example.com>\r\n"
        b"List-Unsubscribe: <https://example.com/u?1>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", TEXT),
    "bounce": (b"From: MAILER-DAEMON@example.com (Mail Delivery System)\r\n"
               b"Subject: Undelivered Mail\r\nContent-Type: multipart/report;\r\n\t"
               b'report-type=delivery-status; boundary="b"\r\n',
               b"--b\r\n\r\nnot delivered\r\n--b--\r\n"),
    "mailing list": (b"Received: from x by y; z\r\nList-Id: <l.example.net>\r\nSender: l@x\r\n"
                     + HEAD, TEXT),
    "older signature": (b"DKIM-Signature: v=1; a=rsa-sha256; c=simple; d=example.net; s=x;\r\n"
                        b"\th=from; bh=AAAA; b=BBBB\r\n" + HEAD, TEXT),
    "Authentication-Results": (b"Authentication-Results: mx; spf=none\r\n" + HEAD, TEXT),
    "one empty line, no end": (HEAD, b"\r\nx"),
    "blank last line, no end": (HEAD, b"x\r\n "),
    "only a space": (HEAD, b" \r\n"),
    "only white space lines": (HEAD, b" \r\n\t\r\n \t \r\n"),
    "base64": (HEAD + b"Content-Transfer-Encoding: base64\r\n",
               b"".join(base64.b64encode(os.urandom(57)) + b"\r\n" for _ in range(300))),
    "quoted-printable": (HEAD, b"Gr=C3=BC=C3=9Fe=\r\n=20\r\n"),
    "trailing spaces in chunks": (HEAD, (b"x" * 65520 + b" " * 40 + b"\r\n") * 3),
    "998 octets in a line": (HEAD, b"y" * 998 + b"\r\n"),
    "Subject of 998 octets": (FROM + b"Subject: " + b"y" * 989 + b"\r\n", TEXT),
    "From-line in the body": (HEAD, b"From here on\r\n>From there\r\n"),
}
LARGE = "30 MB"
LARGE_WAYS = [("relaxed/relaxed", "rsa2048"), ("simple/simple", "ed25519")]

class Case:
    """One signature to verify, over the message or over its altered twin."""

    def __init__(self, directory, number, name, method, key, altered):
        self.name, self.method, self.key, self.altered = name, method, key, altered
        self.message = os.path.join(directory, "m%d" % number)
        self.arrived = os.path.join(directory, "%s%d" % ("x" if altered else "a", number))
        self.field = os.path.join(directory, "f%d-%s-%s" % (number, method.replace("/", "-"), key))

    def __str__(self):
        return "%s%s, %s, %s" % ("altered " if self.altered else "", self.name, self.method,
                                 self.key)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def make_keys(directory):
    """Key files; returns the records by name."""
    records = {}
    for selector, bits in KEYS.items():
        path = os.path.join(directory, selector)
        if bits is None:
            key = nacl.signing.SigningKey.generate()
            write(path, base64.b64encode(bytes(key)) + b"\n")
            tags, public = "k=ed25519; ", bytes(key.verify_key)
        else:
            subprocess.run(["openssl", "genrsa", "-out", path, str(bits)], check=True,
                           stderr=subprocess.DEVNULL)
            public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout", "-outform", "DER"],
                                    check=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL).stdout
            tags = "k=rsa; "
        name = "%s._domainkey.%s" % (selector, DOMAIN)
        records[name] = "v=DKIM1; %sp=%s" % (tags, base64.b64encode(public).decode())
    return records


def write_records(directory, records):
    """As a zone file, and as the lines that the oracles read."""
    with open(os.path.join(directory, "zone"), "w") as zone:
        zone.write("$ORIGIN .\n$TTL 300\n")
        zone.write(". IN SOA localhost. root.localhost. 1 3600 600 86400 300\n")
        for name, text in records.items():
            strings = [text[i:i + 250] for i in range(0, len(text), 250)]
            zone.write("%s. IN TXT %s\n" % (name, " ".join('"%s"' % s for s in strings)))
    with open(os.path.join(directory, "keys"), "w") as keys:
        for name, text in records.items():
            keys.write("%s %s\n" % (name, text))
    with open(os.path.join(directory, "assay.conf"), "w") as conf:
        conf.write("MaximumSignatures 100\nMaximumHeaderFields 3000\nMaximumHeaderBytes 1M\n")


def make_cases(directory, full):
    messages = dict(MESSAGES)
    messages.update(MORE)
    line = b"Lorem ipsum dolor sit amet, consectetur  adipisici elit, sed eiusmod \r\n"
    messages[LARGE] = (HEAD, line * (30 * 1024 * 1024 // len(line)))
    cases = []
    for number, (name, (header, body)) in enumerate(messages.items()):
        ways = [(method, key) for key in KEYS for method in METHODS]
        if name == LARGE and not full:
            ways = LARGE_WAYS
        made = [Case(directory, number, name, method, key, False) for method, key in ways]
        twins = [Case(directory, number, name, method, key, True) for method, key in ways]
        end = b"" if body.endswith(b"\r\n") or not body else b"\r\n"
        arrived = header + b"\r\n" + body + end
        write(made[0].message, header + b"\r\n" + body)
        write(made[0].arrived, arrived)
        write(twins[0].arrived, alter(b"\r\n" + arrived, number)[2:])
        cases.extend(made + twins)
    return cases, len(messages)


def sign(directory, cases):
    jobs = "".join("\t".join([os.path.join(directory, case.key), DOMAIN, case.key, case.method,
                              case.message, case.field]) + "\n"
                   for case in sorted(cases, key=lambda case: (case.key, case.message))
                   if not case.altered)
    subprocess.run([SIGN_MESSAGE, "--batch"], input=jobs.encode(), check=True)


# Each oracle returns one answer for each case: "pass", "skip <why>", or what is wrong.

def ask_program(command, cases):
    jobs = "".join("%s\t%s\n" % (case.field, case.arrived) for case in cases)
    run = subprocess.run(command, input=jobs.encode(), stdout=subprocess.PIPE)
    if run.returncode == 77:
        print("skipped: %s says that something is missing" % command[-2])
        sys.exit(77)
    answers = run.stdout.decode().splitlines()
    if run.returncode != 0 or len(answers) != len(cases):
        return answers + ["%s: exit code %d" % (command[0], run.returncode)] * (
            len(cases) - len(answers))
    return answers


def ask_libopendkim(directory, cases, records):
    return ask_program([OPENDKIM_ORACLE, os.path.join(directory, "keys")], cases)


def ask_mail_dkim(directory, cases, records):
    return ask_program(["/usr/bin/perl", os.path.join(HERE, "mail_dkim_oracle.pl"),
                        os.path.join(directory, "keys")], cases)


def ask_dkimpy(directory, cases, records):
    def lookup(name, timeout=5):
        return records[name.decode().rstrip(".")].encode()

    answers = []
    for case in cases:
        try:
            good = dkim.DKIM(read(case.field) + read(case.arrived)).verify(dnsfunc=lookup)
            answers.append("pass" if good else "does not verify")
        except dkim.DKIMException as error:
            answers.append(str(error))
    return answers


def check(directory, path):
    run = subprocess.run([ASSAY, "check", "--json", "-c", os.path.join(directory, "assay.conf"),
                          "--zone", os.path.join(directory, "zone"), "--client-ip", "192.0.2.1",
                          "--mail-from", "a@example.com", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        print("assay check %s: exit code %d: %s" % (path, run.returncode, run.stderr.decode()))
        sys.exit(1)
    return json.loads(run.stdout)["dkim"]


def ask_assay(directory, cases, records):
    """All signatures over the same message at once: one process a message."""
    groups, answers = {}, {}
    for case in cases:
        groups.setdefault(case.arrived, []).append(case)
    for arrived, group in groups.items():
        path = arrived + "-signed"
        write(path, b"".join(read(case.field) for case in group) + read(arrived))
        results = check(directory, path)
        for case, result in zip(group, results):
            same = (result["selector"], result["domain"]) == (case.key, DOMAIN)
            answers[case] = result["result"] if same else "not found"
    return [answers.get(case, "not found") for case in cases]


ORACLES = {
    "dkimpy": ask_dkimpy,
    "Mail::DKIM": ask_mail_dkim,
    "libopendkim": ask_libopendkim,
    "assay": ask_assay,
}


def report(name, cases, answers):
    """Prints the counts of one oracle; returns how many answers are wrong."""
    counts = {True: 0, False: 0}
    skipped = wrong = 0
    reasons = set()
    for case, answer in zip(cases, answers):
        if answer.startswith("skip "):
            skipped += 1
            reasons.add(answer[5:])
        elif (answer == "pass") != case.altered and "exit code" not in answer:
            counts[case.altered] += 1
        else:
            wrong += 1
            if wrong <= 20:
                print("WRONG: %s: %s: %s" % (name, case, answer))
    half = len(cases) // 2
    print("%-12s %d of %d verify, %d of %d altered ones do not; %d wrong, %d skipped%s"
          % (name, counts[False], half, counts[True], half, wrong, skipped,
             " (%s)" % ", ".join(sorted(reasons)) if reasons else ""))
    return wrong + len(cases) - len(answers)


def main():
    full = "--full" in sys.argv[1:]
    started = time.time()
    for program in (ASSAY, SIGN_MESSAGE, OPENDKIM_ORACLE):
        if not os.access(program, os.X_OK):
            print("skipped: %s is not built" % program)
            sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="assay-crosscheck-") as directory:
        records = make_keys(directory)
        write_records(directory, records)
        cases, messages = make_cases(directory, full)
        sign(directory, cases)
        print("%d signatures: %d messages, %d canonicalisations, %d keys%s; signed after %.1f s"
              % (len(cases) // 2, messages, len(METHODS), len(KEYS),
                 "" if full else " (%s in %d ways only)" % (LARGE, len(LARGE_WAYS)),
                 time.time() - started))
        with ThreadPoolExecutor(len(ORACLES)) as pool:
            answers = {name: pool.submit(ask, directory, cases, records)
                       for name, ask in ORACLES.items()}
        wrong = sum(report(name, cases, answers[name].result()) for name in ORACLES)
    print("%.0f s" % (time.time() - started))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
