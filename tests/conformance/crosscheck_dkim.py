#!/usr/bin/python3
"""Signs odd messages with dkimpy and with Mail::DKIM and has `assay check` verify them.

Every message is signed in all four canonicalisations, with rsa-sha256 by both
and with ed25519-sha256 by dkimpy, and must pass; a twin of it, altered in the
body or in a signed field, must not. Environment: ASSAY, the tool (default
./assay). Exit code 0: all as expected, 1: not, 77: a module is missing.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

try:
    import dkim
    import nacl.signing
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(77)

ASSAY = os.environ.get("ASSAY", "./assay")
DOMAIN = "example.com"
METHODS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]

FROM = b"From: A <a@example.com>\r\n"
DATE = b"Date: Sun, 22 Nov 2026 07:00:00 +0000\r\n"
HEAD = FROM + b"To: b@example.org\r\nSubject: test\r\n" + DATE
TEXT = b"Hello,\r\nthis is a message.\r\n"

# name: (header, body)
MESSAGES = {
    "plain": (HEAD, TEXT),
    "empty body": (HEAD, b""),
    "only one line end": (HEAD, b"\r\n"),
    "only line ends": (HEAD, b"\r\n" * 5),
    "trailing blank lines": (HEAD, TEXT + b"\r\n\r\n\r\n"),
    "leading blank lines": (HEAD, b"\r\n\r\n" + TEXT),
    "blank lines with white space": (HEAD, TEXT + b" \r\n\t\r\n \t \r\n"),
    "white space at line ends": (HEAD, b"one \r\ntwo\t\r\nthree \t \r\n"),
    "white space inside lines": (HEAD, b"a  b\t\tc \t d\r\n  e\r\n\tf\r\n"),
    "no final line end": (HEAD, b"Hello,\r\nno end"),
    "long line": (HEAD, b"x" * 5000 + b"\r\n"),
    "long line of blanks": (HEAD, b"x" + b" " * 5000 + b"y\r\n"),
    "8-bit body": (HEAD, bytes(range(128, 256)) + b"\r\nGr\xc3\xbc\xc3\x9fe\r\n"),
    "control octets in body": (HEAD, b"\x01\x02\x07\x0b\x0c\x1b\x7f\r\n"),
    "dots": (HEAD, b".\r\n..\r\n...\r\n"),
    "boundaries": (HEAD + b'Content-Type: multipart/mixed; boundary="=_b"\r\n',
                   b"--=_b\r\nContent-Type: text/plain\r\n\r\nx\r\n--=_b--\r\n"),
    "big body": (HEAD, b"0123456789 line of a larger body\r\n" * 4000),
    "folded with space": (FROM + b"To: b@example.org,\r\n c@example.org\r\n" + DATE, TEXT),
    "folded with tabs": (FROM + b"Subject: a\r\n\t\tb\r\n\tc\r\n" + DATE, TEXT),
    "folded at once": (FROM + b"Subject:\r\n all on the second line\r\n" + DATE, TEXT),
    "fold behind blanks": (FROM + b"Subject: a \t \r\n \t b\r\n" + DATE, TEXT),
    "blank at field end": (FROM + b"Subject: a \t \r\n" + DATE, TEXT),
    "no space behind colon": (FROM + b"Subject:a\r\n" + DATE, TEXT),
    "many spaces behind colon": (FROM + b"Subject: \t  a\r\n" + DATE, TEXT),
    "empty field": (FROM + b"Subject:\r\n" + DATE, TEXT),
    "field of a space": (FROM + b"Subject: \r\n" + DATE, TEXT),
    "names in odd case": (b"fRoM: a@example.com\r\nSUBJECT: x\r\ndate: y\r\n", TEXT),
    "duplicate fields": (FROM + b"Subject: one\r\nTo: b@example.org\r\nSubject: two\r\n"
                         + b"To: c@example.org\r\n" + DATE, TEXT),
    "8-bit header": (FROM + b"Subject: Gr\xc3\xbc\xc3\x9fe \xff\r\n" + DATE, TEXT),
    "long field": (FROM + b"Subject: " + b"word " * 1000 + b"end\r\n" + DATE, TEXT),
    "many folds": (FROM + b"Subject: a" + b"\r\n b" * 300 + b"\r\n" + DATE, TEXT),
    "colons and semicolons": (FROM + b"Subject: a:b;c=d; b=x; bh=y\r\n" + DATE, TEXT),
    "many fields": (FROM + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(300)) + DATE, TEXT),
    "trace fields on top": (b"Return-Path: <a@example.com>\r\nReceived: from x\r\n\tby y; z\r\n"
                            + HEAD, TEXT),
}

# Mail::DKIM does not supply the final CRLF that RFC 6376 3.4.3 adds to a simple body.
NOT_BY_MAIL_DKIM = {("no final line end", "simple/simple"), ("no final line end", "relaxed/simple")}


def make_keys(directory):
    """Returns the RSA key file, the Ed25519 seed (base64) and the zone file."""
    rsa_file = os.path.join(directory, "rsa.pem")
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", rsa_file, "2048"],
                   check=True, stderr=subprocess.DEVNULL)
    der = subprocess.run(["openssl", "rsa", "-in", rsa_file, "-pubout", "-outform", "DER"],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    ed = nacl.signing.SigningKey.generate()
    records = {
        "rsa": "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode(),
        "ed": "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(ed.verify_key)).decode(),
    }
    zone_file = os.path.join(directory, "zone")
    with open(zone_file, "w") as zone:
        zone.write("$ORIGIN .\n$TTL 300\n")
        zone.write(". IN SOA localhost. root.localhost. 1 3600 600 86400 300\n")
        for selector, text in records.items():
            strings = [text[i:i + 250] for i in range(0, len(text), 250)]
            zone.write("%s._domainkey.%s. IN TXT %s\n"
                       % (selector, DOMAIN, " ".join('"%s"' % s for s in strings)))
    return rsa_file, base64.b64encode(bytes(ed)), zone_file


def sign_with_dkimpy(message, method, selector, key, algorithm):
    canonicalization = tuple(part.encode() for part in method.split("/"))
    signature = dkim.sign(message, selector.encode(), DOMAIN.encode(), key,
                          canonicalize=canonicalization, signature_algorithm=algorithm)
    return signature + message


def alter(signed, index):
    """Changes the body (even index) or the From field (odd)."""
    header, _, body = signed.partition(b"\r\n\r\n")
    if index % 2:
        at = header.lower().rindex(b"\r\nfrom:") + len(b"\r\nfrom:")
        return header[:at] + b" X" + header[at:] + b"\r\n\r\n" + body
    return header + b"\r\n\r\n" + b"X" + body


def verify(zone_file, path):
    """The dkim results of `assay check`, as a list."""
    run = subprocess.run([ASSAY, "check", "--json", "--zone", zone_file, "--client-ip",
                          "192.0.2.1", "--mail-from", "a@example.com", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        print("assay check %s: exit code %d: %s" % (path, run.returncode, run.stderr.decode()))
        sys.exit(1)
    return json.loads(run.stdout)["dkim"]


def sign_all(directory, rsa_file, ed_key):
    """Yields (description, path) of every signed message."""
    with open(rsa_file, "rb") as file:
        rsa_key = file.read()
    jobs, waiting = [], []
    for number, (name, (header, body)) in enumerate(MESSAGES.items()):
        message = header + b"\r\n" + body
        plain = os.path.join(directory, "plain-%d" % number)
        with open(plain, "wb") as file:
            file.write(message)
        for method in METHODS:
            for selector, key, algorithm in (("rsa", rsa_key, b"rsa-sha256"),
                                             ("ed", ed_key, b"ed25519-sha256")):
                path = "%s-%s-%s" % (plain, selector, method.replace("/", "-"))
                with open(path, "wb") as file:
                    file.write(sign_with_dkimpy(message, method, selector, key, algorithm))
                yield "dkimpy %s %s, %s" % (algorithm.decode(), method, name), path
            if (name, method) in NOT_BY_MAIL_DKIM:
                continue
            path = "%s-perl-%s" % (plain, method.replace("/", "-"))
            jobs.append("%s\t%s\t%s\n" % (method, plain, path))
            waiting.append(("Mail::DKIM rsa-sha256 %s, %s" % (method, name), path))
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crosscheck_dkim.pl")
    run = subprocess.run(["/usr/bin/perl", script, rsa_file, "rsa", DOMAIN],
                         input="".join(jobs).encode())
    if run.returncode == 77:
        print("skipped: Mail::DKIM is not installed")
        sys.exit(77)
    run.check_returncode()
    yield from waiting


def main():
    counts = {}
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="assay-crosscheck-") as directory:
        rsa_file, ed_key, zone_file = make_keys(directory)
        for index, (description, path) in enumerate(sign_all(directory, rsa_file, ed_key)):
            signer = " ".join(description.split()[:2])
            passed, refused = counts.get(signer, (0, 0))
            results = verify(zone_file, path)
            if [one["result"] for one in results] == ["pass"]:
                passed += 1
            else:
                wrong += 1
                print("WRONG: %s: %s" % (description, results))
            with open(path, "rb") as file:
                altered = alter(file.read(), index)
            with open(path, "wb") as file:
                file.write(altered)
            results = verify(zone_file, path)
            if len(results) == 1 and results[0]["result"] != "pass":
                refused += 1
            else:
                wrong += 1
                print("WRONG: altered, %s: %s" % (description, results))
            counts[signer] = (passed, refused)
    for signer, (passed, refused) in sorted(counts.items()):
        expected = len(MESSAGES) * len(METHODS)
        if signer.startswith("Mail::DKIM"):
            expected -= len(NOT_BY_MAIL_DKIM)
        print("%-26s %d of %d pass, %d of %d altered ones do not"
              % (signer, passed, expected, refused, expected))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
