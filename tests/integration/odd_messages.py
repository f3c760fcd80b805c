"""Odd messages of our own users, to be signed: everything that canonicalisation,
the choice of fields, the milter protocol or an MTA may stumble over.

Each is written as a client hands it to its server, with CRLF. All authors are in
example.com unless the message says otherwise.
"""

import base64
import dataclasses

FROM = b"From: Example User <user@example.com>\r\n"
TO = b"To: <someone@rcpt.example>\r\n"
SUBJECT = b"Subject: a test\r\n"
DATE = b"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
ID = b"Message-ID: <1@example.com>\r\n"
MIME = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
EIGHT = MIME + b"Content-Transfer-Encoding: 8bit\r\n"
HEAD = DATE + FROM + TO + SUBJECT + ID
TEXT = b"Hello,\r\n\r\nthis is a test.\r\n"

MULTIPART = (b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary="=_b"\r\n',
             b"This is MIME.\r\n\r\n--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n"
             b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n=20\r\n"
             b"--=_b\r\nContent-Type: application/octet-stream\r\n"
             b"Content-Transfer-Encoding: base64\r\n\r\n" +
             base64.encodebytes(bytes(range(256)) * 20).replace(b"\n", b"\r\n") +
             b"\r\n--=_b--\r\n")

# name: (header, body)
PLAIN = {
    "plain": (HEAD, TEXT),
    "folded": (DATE + FROM + TO + b"Subject: folded\r\n into  three\r\n\tlines\r\n" + ID +
               b"References: <0@example.com>\r\n\t<00@example.com>\r\n <000@example.com>\r\n", TEXT),
    "folded-at-once": (DATE + FROM + TO + b"Subject:\r\n folded at once\r\n" + ID, TEXT),
    "trailing-space": (DATE + FROM + TO + b"Subject: trailing space \t \r\n" + ID,
                       b"trailing  \r\nspace\t\r\n \t\r\nhere \r\n"),
    "empty-body": (HEAD, b""),
    "only-empty-lines": (HEAD, b"\r\n\r\n\r\n"),
    "trailing-empty-lines": (HEAD, TEXT + b"\r\n\r\n\r\n\r\n"),
    "only-blank-lines": (HEAD, b" \r\n\t\r\n \t \r\n"),
    "eight-bit": (HEAD + EIGHT, "Grüße, ¡hola! 世界\r\n".encode()),
    "latin-1": (HEAD, b"Gr\xfc\xdfe\r\n"),
    "eight-bit-header": (DATE + FROM + TO + "Subject: Grüße\r\n".encode() + ID, TEXT),
    "dots": (HEAD, b".\r\n..\r\n...dots\r\n.x\r\n\r\n.\r\n"),
    "long-lines": (HEAD, b"y" * 998 + b"\r\n" + (b"z" * 900 + b" \r\n") * 5),
    "long-subject": (DATE + FROM + TO + b"Subject: " + b"word " * 190 + b"\r\n" + ID, TEXT),
    "two-to": (HEAD + b"To: <other@rcpt.example>\r\n", TEXT),
    "two-subjects": (HEAD + b"Subject: another\r\n", TEXT),
    "no-date": (FROM + TO + SUBJECT + ID, TEXT),
    "no-message-id": (DATE + FROM + TO + SUBJECT, TEXT),
    "only-from": (FROM, TEXT),
    "no-recipient-fields": (DATE + FROM + SUBJECT + ID, TEXT),
    "bcc": (HEAD + b"Bcc: <secret@rcpt.example>\r\n", TEXT),
    "multipart": (HEAD + MULTIPART[0], MULTIPART[1]),
    "1000-fields": (HEAD + b"".join(b"X-N%d: %d\r\n" % (n, n) for n in range(1000)), TEXT),
    "300-to": (HEAD + b"".join(b"To: <u%d@rcpt.example>\r\n" % n for n in range(300)), TEXT),
    "5-megabytes": (HEAD, (b"x" * 76 + b"\r\n") * ((5 << 20) // 78)),
    "20-received": (b"".join(b"Received: from a%d.example by b.example; "
                             b"Sun, 22 Nov 2026 08:00:00 +0000\r\n" % n for n in range(20)) + HEAD,
                    TEXT),
    "200-recipients": (DATE + FROM + b"To: " + b",\r\n\t".join(b"<u%d@rcpt.example>" % n
                                                               for n in range(200)) + b"\r\n" +
                       SUBJECT + ID, TEXT),
    "no-space-between": (b"Date:Sun, 22 Nov 2026 08:00:00 +0000\r\nFrom:user@example.com\r\n"
                         b"To:a@rcpt.example,b@rcpt.example,\"C\"<c@rcpt.example>\r\n"
                         b"Subject:x\r\nMessage-ID:<1@example.com>\r\n", TEXT),
    "much-space": (b"Date:   Sun,  22 Nov 2026 08:00:00  +0000\r\n"
                   b"From:\t Example   User   <user@example.com> \r\n"
                   b"To:  <a@rcpt.example> ,   <b@rcpt.example>\r\nSubject:  much   space \t here\r\n"
                   + ID, TEXT),
    "comments": (DATE + b"From: user@example.com (Example (nested) User)\r\n"
                 b"To: (first) a@rcpt.example (a), b@rcpt.example (b)\r\n" + SUBJECT + ID, TEXT),
    "quoted-names": (DATE + b'From: "User, Example" <user@example.com>\r\n'
                     b'To: "A, \\"the\\" first" <a@rcpt.example>, B. Second <b@rcpt.example>\r\n'
                     + SUBJECT + ID, TEXT),
    "names-to-quote": (DATE + b"From: Sean O'Neil <user@example.com>\r\n"
                       b"To: B. Second <b@rcpt.example>,'C' <c@rcpt.example>, , d@rcpt.example,\r\n"
                       b"\te@rcpt.example <e@rcpt.example> (e.)\r\n"
                       b"Cc: G:a@rcpt.example,J. \xc3\xbc <f@rcpt.example>;\r\n" + SUBJECT + ID, TEXT),
    "group": (DATE + FROM + b"To: undisclosed-recipients:;\r\n" + SUBJECT + ID, TEXT),
    "encoded-words": (DATE + b"From: =?utf-8?q?J=C3=BCrgen?= <user@example.com>\r\n" + TO +
                      b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?b?w6Q=?=\r\n" + ID, TEXT),
    "list": (HEAD + b"List-Id: <l.example.com>\r\nList-Unsubscribe: <https://example.com/u?1>\r\n"
             b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPrecedence: bulk\r\n", TEXT),
    "every-address-field": (HEAD + b"Sender: <s@example.com>\r\nReply-To: R <r@example.com>\r\n"
                            b"Cc: <c@rcpt.example>\r\nIn-Reply-To: <0@example.com>\r\n", TEXT),
    "resent": (b"Resent-From: <user@example.com>\r\nResent-To: <x@rcpt.example>\r\n"
               b"Resent-Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nResent-Message-ID: <2@example.com>\r\n"
               + HEAD, TEXT),
    "mbox-line": (HEAD, b"From here on\r\n>From there\r\n"),
    "foreign-signature": (b"DKIM-Signature: v=1; a=rsa-sha256; c=simple; d=example.net; s=x;\r\n"
                          b"\th=from; bh=AAAA; b=BBBB\r\n"
                          b"Authentication-Results: other.example.net; dkim=none\r\n" + HEAD, TEXT),
    "empty-values": (DATE + FROM + TO + b"Subject:\r\n" + ID + b"Comments: \r\nX-Empty:\r\n", TEXT),
    "case-of-names": (b"DATE: Sun, 22 Nov 2026 08:00:00 +0000\r\nfrom: user@example.com\r\n"
                      b"tO: <someone@rcpt.example>\r\nsubJECT: x\r\nMessage-Id: <1@example.com>\r\n",
                      TEXT),
    "upper-case-author": (HEAD.replace(b"user@example.com", b"USER@Example.COM"), TEXT),
}

INTERNATIONAL = {
    "smtputf8-local": (DATE + "From: Jürgen <jürgen@example.com>\r\nTo: <用户@rcpt.example>\r\n"
                       "Subject: Grüße\r\n".encode() + ID, "Grüße, 世界\r\n".encode()),
    "smtputf8-domain": (DATE + "From: Käufer <käufer@bücher.example>\r\n".encode() + TO +
                        "Subject: Grüße\r\n\tund Küsse\r\n".encode() + ID, TEXT),
}

# By the sendmail command; the MTA completes these.
COMMAND = {
    "command": (HEAD, TEXT),
    "command-no-final-newline": (HEAD, b"Hello,\r\n\r\nno end"),
    "command-only-subject": (b"From: root@example.com\r\nSubject: from cron\r\n", TEXT),
    "command-no-header": (b"", b"just a text\r\n"),
}


@dataclasses.dataclass
class Message:
    name: str
    octets: bytes
    sender: str = "bounce@nodmarc.example"  # never aligned: DMARC is to pass by DKIM alone
    smtputf8: bool = False
    command: bool = False

    def __str__(self):
        return self.name


def messages(international, command):
    found = [Message(name, head + b"\r\n" + body) for name, (head, body) in PLAIN.items()]
    if international:
        found += [Message(name, head + b"\r\n" + body, sender="käufer@nodmarc.example", smtputf8=True)
                  for name, (head, body) in INTERNATIONAL.items()]
    if command:
        found += [Message(name, head + b"\r\n" + body, sender="root@example.com", command=True)
                  for name, (head, body) in COMMAND.items()]
    return found
