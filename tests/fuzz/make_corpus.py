#!/usr/bin/python3
"""Makes tests/fuzz/corpus/: what the fuzz targets begin with, and `make check` replays.

    make_corpus.py [DIRECTORY]

The inputs come from the conformance data, the scenarios and a few lines below; the
formats stand at the top of each fuzz_*.c. Files named seed-* are made anew; all
others (inputs that once found something) are left alone.
"""
import base64
import gzip
import io
import json
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
FILES_MAX = 150  # of one target
OCTETS_MAX = 12000  # of one file

written = {}


def octets(text):
    """A JSON string of the suites is a latin-1 view of octets where it can be."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def add(target, content):
    if isinstance(content, str):
        content = octets(content)
    seeds = written.setdefault(target, {})
    if len(content) <= OCTETS_MAX and len(seeds) < FILES_MAX and content not in seeds:
        seeds[content] = f"seed-{len(seeds):03}"


def load(path):
    return json.loads((TESTS / "conformance/data" / path).read_text())


def texts(record):
    """The TXT data of one name of a zone, in any of the suites' forms."""
    if isinstance(record, str):
        return [record]
    values = record.get("TXT", []) if isinstance(record, dict) else []
    return ["".join(v) if isinstance(v, list) else v for v in values]


def fields(message):
    """(name, value as received) of each header field, and the body."""
    header, _, body = message.partition("\r\n\r\n")
    found = re.findall(r"^([^\s:]+)[ \t]*:(.*(?:\r\n[ \t].*)*)", header, re.M)
    return [(name, value.rstrip("\r")) for name, value in found], body


# ---- header fields ----

def header_fields():
    for case in load("from-header/others.json")["cases"]:
        block = re.sub(r"(?m)^From:|^(?!From:).*\r\n", "", case.get("header_block", ""))
        add("author", case.get("value", block))
    for path in ("ar-authres/cases.json", "ar-gomsgauth/cases.json"):
        for case in load(path)["cases"]:
            add("authres", re.sub(r"^[^:;]*:\s*", "", case.get("header", case.get("value", ""))))
    for value in (
            "a@example.com\nb@example.com", "Group: a@b.example, c@b.example;", "nobody:;",
            '"a\\"b" (c (d)) <"x y"@b.example>', "<@relay.example:a@b.example>",
            "=?utf-8?q?a?= <a@b.example>", "a@[192.0.2.1]", "J. Q. Public <a . b@b . example>",
            "\u00e9 <\u00e9@b\u00fccher.example>".encode(), "a@b.example <a@b.example>", ""):
        add("author", value)
    for value in (
            " mx.example.org; spf=pass smtp.mailfrom=a@example.com; dmarc=fail (p=reject)",
            '(c) "MX.example.org" (d) 1 ; none', "mx.example.org 2; spf=pass", "mx.example.org",
            'My Gateway; dkim=pass reason="ok \\" ok" header.b="ab/cd=="',
            "mx.example\\.org; spf=pass", "mx.(x)example.org; spf=pass", "a.below.example; none",
            "mx.example.org.other.example; spf=pass smtp.mailfrom=\u00e9@b\u00fc.example".encode()):
        add("authres", value)
    for value in (
            " from mail.example (mail.example [192.0.2.1])\r\n\tby mx.example.org with ESMTP id 1",
            " from [192.0.2.9] ([2001:db8::1]) by x", " from a (HELO b) ([IPv6:2001:db8::2]) by x",
            " from a (unknown [unknown]) by x", " by x", " FROM a ( [::ffff:192.0.2.1] )", ""):
        add("received", value)


# ---- DKIM ----

KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def dkim_cases():
    """(message, zone) of all suites with messages; the large family not in full."""
    for case in load("dkim-rfc/cases.json")["cases"]:
        yield case["message"], case.get("zone", {})
    for path in ("dkim-mailauth/cases.json", "dkim-dkimpy/cases.json"):
        suite = load(path)
        for case in suite["cases"]:
            yield case["message"], case.get("zone", suite.get("zone", {}))
    suite = load("dkim-opendkim/verify.json")
    for case in suite["cases"][::2]:
        yield case["message"], case.get("zone", suite.get("zone", {}))


def key_of(message, zone):
    for name, value in fields(message)[0]:
        tags = {}
        if name.lower() == "dkim-signature":
            tags = {t.partition("=")[0].strip(): re.sub(r"\s", "", t.partition("=")[2])
                    for t in value.split(";")}
        for text in texts(zone.get(f"{tags.get('s')}._domainkey.{tags.get('d')}", {})):
            return text
    return KEY


def dkim():
    syntax = load("dkim-syntax/cases.json")
    for case in syntax["signature"]:
        add("dkim_signature", case["header"].partition(":")[2])
    for case in syntax["key_record"]:
        add("dkim_key", case["record"])
    for case in syntax["tag_list"] + syntax["strip_b"]:
        add("base", case["input"])
    for case in load("dkim-canon/open.json")["cases"]:
        body = case["input"] if case.get("part") == "body" else ""
        canon = "rs"[case.get("algo") == "simple"]
        add("dkim_sign", f"r{canon}\nFrom: a@example.com\r\n\r\n{body}")
        for length in (255, len(body) // 2):
            add("dkim_body", bytes([4 + (canon == "r"), length]) + octets(body))
    for message, zone in dkim_cases():
        for name, value in fields(message)[0]:
            if name.lower() == "dkim-signature":
                add("dkim_signature", value)
        for record in zone.values():
            for text in texts(record):
                add("dkim_key", text)
        add("dkim_message", key_of(message, zone).replace("\n", " ") + "\n" + message)
    for subject in ("a\vb", "a\f", "a\rb", "a\nb", " \r\n b"):  # white space to libopendkim
        add("dkim_sign", f"rr\nFrom: a@example.com\r\nSubject: {subject}\r\n\r\nx\r\n")
    for body in (b"", b"\r\n", b"a\rb\n", b" \t \r\n\t", b"x \r", b"a" + b"\r\n" * 9,
                 b"\r\n\r\n \r\na \t b"):
        add("dkim_body", b"\x02\xff" + body)
        add("dkim_body", b"\x03\xff" + body)
    for options in ("rr", "ss", "rs@example.com", "sr\"a b\"@sub.example.com", "rr@other.example"):
        add("dkim_sign", options + "\nSubject: x\r\n \ty \r\nfrom : A <a@example.com>\r\n"
            "Received: z\r\nSubject:\r\nX-\x80: q\r\n\r\nline \t one\r\n\r\n\r\n")
    for key in (KEY, KEY + "; t=y:s; s=email:*; h=sha1:sha256", "k=rsa; p=MIGf", "v=DKIM1; p="):
        add("dkim_key", key)


def signing_keys():
    add("signing_key", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    seed = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    body = base64.b64encode(der).decode()
    for label in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY", "EC PRIVATE KEY"):
        add("signing_key", f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    add("signing_key", body)
    for path in sorted((TESTS / "keys").glob("*.pem")):
        pem = path.read_text()
        add("signing_key", pem)
        add("signing_key", "".join(line for line in pem.splitlines() if "-----" not in line))


# ---- DNS ----

def wire_name(name):
    return b"".join(bytes([len(label)]) + label for label in octets(name).split(b".")) + b"\0"


def wire_text(text):
    data = octets(text)
    return b"".join(bytes([len(data[i:i + 250])]) + data[i:i + 250]
                    for i in range(0, max(len(data), 1), 250))


def packet(kind, *records):
    content = bytes([kind])
    for record in records:
        long = len(record) >= 255
        content += bytes([255 if long else len(record)]) + record
    add("dns_packet", content)


def dns():
    packet(0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    packet(0, b"\xc0\x00\x02")
    packet(1, bytes(16), bytes(range(16)))
    packet(2, b"\x00\x0a" + wire_name("mail.example.com"), b"\xff\xff\x00")
    packet(2, b"\x00\x0a\xc0\x0c")
    packet(3, wire_name("mail.example.com"), b"\x06a.evil\x00", b"\x04mai")
    packet(3, wire_name(".".join(["a" * 63] * 3 + ["b" * 61])))
    packet(4, wire_text("v=spf1 -all"), wire_text(KEY), b"\x03ab", b"")
    packet(4, wire_text("v=spf1 " + "ip4:192.0.2.1 " * 40 + "-all"))
    packet(4, wire_text("v=spf1 a"), wire_text("v=spf1 mx"))
    for text in ("example.com", "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.1", "IPv6:::1",
                 "YWJjZA==", "YWJj\r\n ZGVm", "12345", "b\u00fccher.example".encode(),
                 b"\xed\xa0\x80\xf4\x90\x80\x80", "a@example.com.", "_dmarc.x--y.example",
                 ".".join("a" * 127)):
        add("base", text)
    for record in (load("dmarc-mail-auth/record-parse.json")["cases"]
                   + load("dmarc-checkdmarc/cases.json")["record_parse"]
                   + load("dmarc-opendmarc/cases.json")["record_parse"]):
        add("dmarc_record", record["record"])
    for case in load("dmarc-mail-auth/external-report-dest.json")["cases"]:
        add("dmarc_record", "v=DMARC1; p=none; rua=" + case["uri"])


def zones():
    soa = "example. 100 IN SOA ns.example. hostmaster.example. 1 2 3 4 300\n"
    for text in (
            soa + "example. TXT apex\nwww.example. A 192.0.2.1\n*.example. MX 10 mail.example.\n",
            soa + "a.example. CNAME b.example.\nb.example. CNAME a.example.\n",
            "$ORIGIN example.\n$TTL 60\n@ IN TXT ( \"one\" ; comment\n \"two\" )\n"
            "x CNAME y.other.\n",
            ". 600 IN SOA ns. hostmaster. 1 2 3 4 300\n1.2.0.192.in-addr.arpa. PTR mail.example.\n",
            "a\\046b.example. TXT x\nc\\.d.example. TXT y\n", "x.example. DNAME y.example.\n",
            "a. AAAA 2001:db8::1\na. TYPE65280 \\# 2 0001\na. CH TXT x\n", "$INCLUDE /x\n",
            "a. A x\n",
            "a.b.c.example. NS ns\n*.c.example. TXT wild\nd.*.example. A 192.0.2.1\n", ""):
        add("zone", text)


# ---- SPF ----

def zone_lines(records):
    """Lines of zone_lines.h for a zone of the SPF suites."""
    lines = []
    for name, entries in records.items():
        for entry in entries if isinstance(entries, list) else []:
            kind, value = entry["type"], entry.get("value", "")
            if entry.get("error"):
                lines.append(f"{name} FAIL")
            elif kind == "MX":
                lines.append(f"{name} MX {entry.get('pref', 10)} {entry['exchange']}")
            elif kind == "TXT":
                lines.append(f"{name} TXT {''.join(entry['strings'])}")
            elif kind in ("A", "AAAA", "PTR", "CNAME"):
                lines.append(f"{name} {kind} {value}")
    return lines


def relevant(lines, case):
    """Of a suite's zone what this case may come across: names reachable by text."""
    wanted, known = [], [case["mailfrom"], case["helo"]]
    left = [line for line in lines if "\n" not in line]
    while True:
        hits = [line for line in left
                if any(line.split(" ")[0].lower() in text.lower() for text in known)]
        if not hits or len(wanted) > 40:
            return wanted[:40]
        left = [line for line in left if line not in hits]
        wanted += hits
        known += hits


def spf():
    for path, step in (("spf-rfc7208/cases.json", 2), ("spf-pyspf-extra/cases.json", 1)):
        suite = load(path)
        for case in suite["cases"][::step]:
            lines = zone_lines(suite["zones"][case["zone"]]["records"])
            head = [case["mailfrom"], case["helo"], "", "", "", "", "", case["ip"]]
            add("spf", "\n".join(head + relevant(lines, case)) + "\n")
    for record in (
            "v=spf1 a mx ptr exists:%{i}._.%{d2} include:b.example redirect=e.example",
            "v=spf1 -all exp=e.example", "v=spf1 include:b.example ~all",
            "v=spf1 redirect=b.example", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ?all",
            "v=spf1 " + "a:t.example " * 11, "v=spf1 ptr:example.com exists:%{p}.%{h}.%{v} -all"):
        add("spf", f"a+b@example.com\nmail.example\n{record}\n"
            "v=spf1 mx a:%{l1r+-}.e.example -all\n"
            "%{s} is not %{c} at %{t} %{r}%%%_%-\nmail.example.com\nmail.example.com\n192.0.2.7\n"
            "mail.example.com A 192.0.2.7\n")


# ---- whole messages ----

SETTINGS = {
    ("OnReject", "tag"): "T", ("OnReject", "quarantine"): "Q", ("OnReject", "accept"): "A",
    ("OnQuarantine", "tag"): "t", ("OnQuarantine", "quarantine"): "q",
    ("OnTempError", "tempfail"): "f", ("IndirectMail", "reject"): "r", ("Mode", "monitor"): "m",
    ("CheckHelo", "yes"): "h", ("SPFExplanation", "yes"): "e", ("FailureReports", "yes"): "F",
    ("FailureReportRedaction", "no"): "n",
}


def evaluation(letters, client, name, helo, mail_from, zone, message):
    add("evaluation", "\n".join([letters, client, name, helo, mail_from] + zone + ["", message]))


def scenario(block):
    head, _, rest = block.partition("message:\n")
    message = rest.partition("\n.\n")[0] + "\n" if rest else ""
    values, letters, zone = {}, "", []
    for key, value in re.findall(r"^([a-z-]+): *(.*)$", head, re.M):
        if key == "zone":
            zone.append(value)
        elif key == "set":
            letters += SETTINGS.get(tuple(value.split(" ", 1)), "")
        else:
            values[key] = value
    letters += "u" * ("authenticated" in values) + "l" * ("local" in values)
    evaluation(letters, values.get("client", ""), values.get("name", ""), values.get("helo", ""),
               values.get("mail-from", ""), zone, message)


def messages():
    for path in sorted((TESTS / "scenarios").glob("*.scenario")):
        for block in re.split(r"^=\n", path.read_text(encoding="latin-1"), flags=re.M):
            scenario(block)
    suite = load("dmarc-rfc9989-text/cases.json")["cases"]
    for case in suite:
        zone = [f"{name} TXT {text}" for name, record in case["zone"].items()
                for text in texts(record)]
        senders = [s["domain"] for s in case["spf"]] or ["nobody.example"]
        zone.append(f"{senders[0]} TXT v=spf1 ip4:198.51.101.1 -all")
        evaluation("x", "198.51.101.1", "", "mail.example", "a@" + senders[0], zone,
                   "".join(f"From: {a}\n" for a in case["header_from"]) + "\nx\n")
    for number, (message, zone) in enumerate(dkim_cases()):
        lines = [f"{name} TXT {text}" for name, record in zone.items() for text in texts(record)]
        letters = ("", "h", "mex", "rTf", "S", "u", "us")[number % 7]
        if number % 3 == 0:
            evaluation(letters, "203.0.113.9", "", "mail.example", "a@example.com",
                       [line for line in lines if "\n" not in line], message)
    evaluation("M", "203.0.113.9", "", "x", "", [], "From: a@example.com\n\n" + "x" * 200 + "\n")
    evaluation("DHSx", "192.0.2.1", "", "x", "a@b.example", ["b.example TXT v=spf1 mx -all"],
               "Received: from a (b [198.51.100.9]) by c\n"
               "Authentication-Results: mx.example.org; spf=pass\nX-Assay-Verdict: x\n"
               "From: a@friend.example\n\nx\n")


# ---- configuration ----

def configuration():
    options = (TESTS.parent / "config/options.def").read_text()
    defaults = re.findall(r'^OPTION\((\w+), \w+, \w+, [^"]*?"([^"]*)",\n', options, re.M)
    add("config", "".join(f"{name} {value}\n" for name, value in defaults if value))
    for text in (
            "# comment\nMode monitor\nAuthservID mx.example.org # more\n",
            "OnReject tag\nonquarantine ACCEPT\nOnTempError tempfail\nTagHeader X-Y\n",
            'InternalHosts 192.0.2.0/24, !192.0.2.1, "2001:db8::/32"\nInternalHosts .example.com\n',
            "Socket inet:8891@127.0.0.1\nMaximumConnections 10\n", "Socket unix:/run/x/y.sock\n",
            "Nameservers 127.0.0.1@5353, 2001:db8::53\nResolverTimeout 1s\nMessageDeadline 500ms\n",
            "MessageMemory 1M\nMaximumHeaderBytes 64K\nResolverCacheSize 1G\n",
            "Nameservers recursive\n", b"Socket unix:/run/\xff\xc3/x\n",
            'RejectText "no {domain} {reason} {policy} {queue-id}"\n',
            "PolicyTable table\nInclude *\n",
            "SocketMode 0666\nUserID a:b\nPidFile x\nSyslog yes\nLogFormat json\nLogLevel debug\n",
            "Mode\n", "Modus x\n", "KeyFile x\n", 'A "b\n', "Mode enforce\nMode enforce\n",
            "\ufeffMode monitor\n".encode(),
            "InternalHosts \"a,b\\\"\"\n",
            "ResolverTimeout 5\nClockSkew 1h\nMinimumKeyBits 2048\n"):
        add("config", text)


def encoded_number(value):
    out = b""
    while value >= 0x80:
        out += bytes([0x80 | value & 0x7F])
        value >>= 7
    return out + bytes([value])


def encoded_text(value):
    return encoded_number(len(value)) + value


def report_row(policy_flags, source, reasons, signatures, spf):
    """As policy/report_row_codec.c writes it."""
    rua = [b"mailto:a@example.com", b"mailto:b@example.net"]
    policy = encoded_text(b"example.com") + bytes(policy_flags)
    policy += encoded_text(b"1:d") + encoded_text(b"malformed tag")
    policy += encoded_number(len(rua)) + b"".join(encoded_text(uri) for uri in rua)
    row = bytes([{0: 0, 4: 4, 16: 6}[len(source)]]) + source + b"\x02\x00\x01"
    row += encoded_number(len(reasons))
    row += b"".join(bytes([kind]) + encoded_text(words) for kind, words in reasons)
    row += encoded_text(b"mail.example.com") + encoded_text(b"bounce.example.com")
    row += encoded_number(len(signatures))
    for domain, selector, result, words in signatures:
        row += encoded_text(domain) + encoded_text(selector) + bytes([result]) + encoded_text(words)
    row += encoded_text(spf[0]) + bytes([spf[1]]) + encoded_text(spf[2])
    return b"\x01" + policy + row + encoded_number(1700000000) + encoded_text(b"4BTq1")


def report_rows():
    signature = (b"example.com", b"s1", 2, b"body hash did not verify")
    for source in (b"", b"\xc0\x00\x02\x01", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"):
        for signatures in ([], [signature], [signature] * 100):
            for reasons in ([], [(4, b"the record says t=y"), (1, b"OnQuarantine")]):
                add("report_row", report_row([4, 2, 0, 1, 0, 1, 0], source, reasons, signatures,
                                             (b"bounce.example.com", 3, b"~all matches")))
    add("report_row", report_row([2, 0, 0, 0, 0, 0, 1], b"", [], [], (b"", 0, b"")))


def reports():
    add("report_xml", report_row([4, 2, 0, 1, 0, 1, 0], b"\xc0\x00\x02\x01", [(4, b"t=y")],
                                 [(b"example.com", b"s1", 2, b"body hash <did> not & verify")],
                                 (b"bounce.example.com", 3, b"~all matches")))
    add("report_xml", "1example.com\nbounce.example.com\nspf.example\n~all\nd.example\ns1\n"
        "reason\nerror\n1:d\nexample.com\nExample Org\na@mx.example\nhttps://x\nid1\ncomment")
    add("report_xml", "\xff]]></domain>\n<!--\n&lt;&nosuch;\n\0\x01\x1b\r\t\n\xc3\xbc\xe2\x82\n"
        "\xed\xa0\x80\n\xef\xbf\xbe\xef\xbf\xbf\n<![CDATA[\n\"'>\n\xc0\xaf\n\xf4\x90\x80\x80\n")
    add("report_mail", "Example Org\nhttps://mx.example\nmx.example\nexample.com\n0a1b\n"
        "a@example.com\nb@example.org\n\n\x1f\x8b attachment")
    add("report_mail", "B\xc3\xbccher \xe6\x97\xa5\xe6\x9c\xac\n\xff\n\0\n!\"\n@\n\"a b\"@c.example\n")
    add("report_mail", "x\r\x85Bcc: y@z.example\r\x85\r\x85--=_assay_1--\n=?UTF-8?Q?x?=\n" * 4)


def failure_event(signature, redacted, header):
    """As policy/failure_event_codec.c writes it."""
    event = b"\x02" + encoded_number(1700000000) + encoded_text(b"4BTq1") + b"\x05"
    event += encoded_text(b"mx.example.org") + encoded_text(b"example.com")
    event += b"\x01" + encoded_text(b"mailto:f@example.com") + b"\x04\xc0\x00\x02\x01"
    event += encoded_text(b"0123456789abcdef@example.net") + encoded_text(b"example.com")
    event += b"\x02\x01\x01"
    for words in (signature, [b""] * 3):
        event += b"".join(encoded_text(word) for word in words) + b"\x02\x01"
    event += encoded_text(b"example.net") + b"\x02" + encoded_text(b"v=spf1 -all")
    return event + bytes([2, redacted]) + encoded_text(header) + encoded_text(b"")


def failure_events():
    signature = [b"example.com", b"s1", b"@example.com"]
    add("failure_event", failure_event(signature, 1, b"From: 0123456789abcdef@example.com\r\n"))
    add("failure_event", failure_event([b""] * 3, 0, b""))
    for value in ("\0 from x (x [192.0.2.1]) (Authenticated sender: a) by mx for <a@b>; date",
                  '\1 "A, B" <a@example.com> (c),\r\n\tg: "q\\"r"@example.net;',
                  '\2 mx; spf=pass (a@b) smtp.mailfrom=a=b@c; auth=pass smtp.auth=a reason="x"',
                  "\3 v=1; i=a@b; z=Subject:x; d=b; bad; b=", "\4 https://x http:y ((\\("):
        add("failure_event", value)


def zipped(*files):
    """A zip file that is the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def answers_to_reports():
    """URIs of rua=, and bounces."""
    for uri in ("mailto:a@example.com", "mailto:a%2Bb@example.com?subject=x",
                "mailto:%40@a.example", "mailto:a@one.example%2Cb@two.example",
                "mailto:a%0d%0a@b\u00fc.example"):
        add("report_dsn", uri + "\n")
    returned = "Message-ID: <" + "aB3" * 10 + "xy@mx.example>\n\n"
    for kind, text in (("message/rfc822", returned), ("text/rfc822-headers", returned),
                       ("text/rfc822-headers", "Subject: x\n\n")):
        for action in ("failed", "delayed"):
            add("report_dsn", "Content-Type: multipart/report; report-type=delivery-status;"
                " boundary=b\n\n--b\n\nsorry\n--b\nContent-Type: message/delivery-status\n\n"
                "Reporting-MTA: dns; mx.example\n\nOriginal-Recipient: rfc822;a@example.com\n"
                "Final-Recipient: rfc822; b@example.com\nAction: " + action + "\nStatus: 5.1.1\n"
                "Diagnostic-Code: smtp; 550 no\n\n--b\nContent-Type: " + kind + "\n\n" + text +
                "--b--\n")


def reports_of_others():
    samples = TESTS / "conformance/data/report-samples"
    small = b"<feedback><record><row><count>1</count></row></record></feedback>"
    for file in sorted(samples.glob("mail-auth-*/*.[xe]ml")):
        content = file.read_bytes()
        add("feedback", content)
        if file.suffix == ".eml":
            add("mime", content)
        else:
            add("archive", gzip.compress(content, mtime=0))
            add("archive", zipped((file.name, content)))
    example = TESTS / "conformance/data/report-xsd/rfc9990-example.xml"
    if example.exists():
        add("feedback", example.read_bytes())
    for content in (gzip.compress(small, mtime=0), zipped(("a/", b""), ("b.xml", small)),
                    zipped(("a.gz", gzip.compress(small, mtime=0)))):
        add("feedback", content)
        add("archive", content)
        mail = (b"From x Mon\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                b"Content-Type: application/gzip; name*0=a; name*1*=%2Egz\n"
                b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(content) +
                b"--b\nContent-Type: message/rfc822\n\n"
                b"Content-Type: text/xml\nContent-Transfer-Encoding: quoted-printable\n\n"
                b"<feedback>=\n<version>=31</version></feedback>\n--b--\n\n")
        add("feedback", mail + mail)
        add("mime", mail)
    for extra in (b"<!DOCTYPE f [<!ENTITY a 'b'>]><feedback>&a;</feedback>",
                  b"\xff\xfe" + "<feedback><version>1</version></feedback>".encode("utf-16-le"),
                  b"<?xml version='1.0' encoding='iso-8859-1'?><feedback><version>\xe9&#x9b;"
                  b"<![CDATA[ ]]></version></feedback>",
                  b"<a:feedback xmlns:a='urn:ietf:params:xml:ns:dmarc-2.0'><a:record/></a:feedback>"):
        add("feedback", extra)
    add("mime", "Subject: =?utf-8?B?w6k=?= =?iso-8859-1*en?Q?=E9_?=\nContent-Type: a/b; x*=u''%41"
        "\nContent-Disposition: attachment (c); filename=\"a\\\"b\"\n\nQUJD\n")


def tables():
    add("tables", "kf example.com\n# keys\na example.com:s1:/keys/a\nb %:s2:/keys/%/b\n"
        "a x.example:s:/k\n")
    add("tables", "kl example.com\na=example.com:s1:/keys/a,"
        "b=example.net:s2:MC4CAQAwBQYDK2VwBCIEIA==")
    add("tables", "kf x\na b\n")
    add("tables", "sf user@a.example.com\nuser@a.example.com a\na.example.com b:@%\n"
        ".example.com c\n"
        "user@.com d\n* e:user@example.com\na.example.com f\n")
    add("tables", "sw user@a.example.com\n*@a.example.com a\n*@*.example.com b\n"
        "user@a.example.com c\n* %\n")
    add("tables", "sl user@example.com\nuser@example.com=a,example.com=b:x@y,*=c")
    add("tables", "sf a@b\u00fc.example\nb\u00fc.example a\n".encode())
    for question in ("www.strict.example", "a.b.example", "nothing"):
        add("tables", f"p {question}\n.strict.example reject\nwww.strict.example asis\n"
            "strict.example accept\n.example quarantine\nbad\n")
    for question in ("192.0.2.1", "2001:db8::1", "mx.example.com", "example.com."):
        add("tables", f"h {question}\n192.0.2.0/24\n!192.0.2.1\n2001:db8::/32\n[2001:db8::1]\n"
            ".example.com\n!mx.example.com\n::ffff:192.0.2.0/120\n")


def main():
    for make in (header_fields, dkim, signing_keys, dns, zones, spf, messages, configuration,
                 tables, report_rows, reports, failure_events, reports_of_others,
                 answers_to_reports):
        make()
    for target, seeds in sorted(written.items()):
        directory = OUT / target
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("seed-*"):
            old.unlink()
        for content, name in seeds.items():
            (directory / name).write_bytes(content)
        print(f"{target:16} {len(seeds):4} files {sum(map(len, seeds)):7} octets")


main()
