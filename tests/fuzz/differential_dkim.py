#!/usr/bin/python3
"""Random messages signed by dkimpy, verified by `assay check`: two sets of header and body hashes.

    differential_dkim.py [MESSAGES [SEED]]      default: 1000 messages, seed 1

Each message gets a signature (ed25519-sha256) in each of the four canonicalisations.
All must pass; when one octet that no canonicalisation drops has been changed, none may.
Environment: ASSAY, the tool (default ./assay). Exit code 0: all as expected, 1: not,
77: a module is missing.
"""

import base64
import json
import os
import random
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
METHODS = ((b"simple", b"simple"), (b"simple", b"relaxed"), (b"relaxed", b"simple"),
           (b"relaxed", b"relaxed"))
NAMES = (b"From", b"fROM", b"To", b"Subject", b"SUBJECT", b"Date", b"X-A", b"x-a", b"Cc")
# CR and LF only together (RFC 5322 2.3); NUL is forbidden in a header. Not here: VT and FF at
# the ends of a value and blanks at the end of a body without CRLF, where dkimpy errs.
HEADER_PIECES = (b" ", b"\t", b"  \t ", b"\r\n ", b"\r\n\t", b"\r\n \t ", b"a", b"word", b":", b";",
                 b"=", b"b=", b"\xc3\xa9", b"\xff", b"\x01", b"\x7f")
BODY_PIECES = (b" ", b"\t", b" \t ", b"\r\n", b"\r\n\r\n", b"\r\n \r\n", b"a", b"some text", b".",
               b"\xc3\xa9", b"\xff", b"\x00", b"\x0b", b"\x0c", b"x" * 70)


def pieces(rng, choice, most):
    return b"".join(rng.choice(choice) for _ in range(rng.randint(0, most)))


def make_field(rng, name):
    """A field; no line of it is white space alone (RFC 5322 3.2.2: obsolete, and dkimpy errs)."""
    value = pieces(rng, HEADER_PIECES, 12)
    while any(not line.strip(b" \t") for line in (b"x" + value + b"x").split(b"\r\n")):
        value = pieces(rng, HEADER_PIECES, 12)
    if value.endswith((b"\r\n ", b"\r\n\t", b"\r\n \t ")):
        value += b"x"
    return name + b":" + value


def make_message(rng):
    names = [rng.choice(NAMES) for _ in range(rng.randint(0, 8))] + [b"From"]
    rng.shuffle(names)
    fields = [make_field(rng, name) for name in names]
    body = pieces(rng, BODY_PIECES, 30)
    if body.endswith((b" ", b"\t")):
        body += b"\r\n"
    return b"\r\n".join(fields) + b"\r\n\r\n", body


def sign(message, key, rng):
    """The message with four signatures on top, each over a choice of fields."""
    present = [name.strip().lower() for name in NAMES]
    signatures = b""
    for method in METHODS:
        names = [b"from"] + rng.sample(present, rng.randint(0, len(present)))
        signatures += dkim.sign(message, b"s", b"example.com", key, canonicalize=method,
                                include_headers=names, signature_algorithm=b"ed25519-sha256")
    return signatures + message


def alter(header, body, rng):
    """One octet more, in front of the body or of the value of every From field."""
    if rng.random() < 0.5:
        return header, b"X" + body
    lines = header.split(b"\r\n")
    for number, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        if name.strip().lower() == b"from" and not line.startswith((b" ", b"\t")):
            lines[number] = name + colon + b"X" + value
    return b"\r\n".join(lines), body


def verify(zone_file, path, message):
    with open(path, "wb") as file:
        file.write(message)
    run = subprocess.run([ASSAY, "check", "--json", "--zone", zone_file, "--client-ip",
                          "192.0.2.1", "--mail-from", "a@example.com", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        print("assay check: exit code %d: %s" % (run.returncode, run.stderr.decode()))
        sys.exit(1)
    return [one["result"] for one in json.loads(run.stdout)["dkim"]]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    pair = nacl.signing.SigningKey(rng.randbytes(32))
    key = base64.b64encode(bytes(pair))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="assay-differential-") as directory:
        zone_file, path = os.path.join(directory, "zone"), os.path.join(directory, "message")
        with open(zone_file, "w") as zone:
            zone.write(". IN SOA localhost. root.localhost. 1 3600 600 86400 300\n"
                       "s._domainkey.example.com. TXT \"v=DKIM1; k=ed25519; p=%s\"\n"
                       % base64.b64encode(bytes(pair.verify_key)).decode())
        for number in range(count):
            header, body = make_message(rng)
            signed = sign(header + body, key, rng)
            results = verify(zone_file, path, signed)
            if results != ["pass"] * 4:
                wrong += 1
                print("message %d: %s: %r" % (number, results, header + body))
            signatures = signed[:len(signed) - len(header + body)]
            results = verify(zone_file, path, signatures + b"".join(alter(header, body, rng)))
            if len(results) != 4 or "pass" in results:
                wrong += 1
                print("message %d, altered: %s: %r" % (number, results, header + body))
    print("differential_dkim: seed %d: %d signatures, %d altered ones, %d messages judged otherwise"
          % (seed, 4 * count, 4 * count, wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
