"""The milter dialogues of OpenDKIM's own test suite, as data: each turned into
messages to send, what OpenDKIM is expected to do with them, and an assay.conf that says
the same as the opendkim.conf of the case. See test_opendkim_transcripts.py.

The dialogues were extracted from Lua by a program, so a few things are read with
care: a session's fields are those of all its messages one behind the other; a
check's condition is that under which the script raises its error, but for
Authentication-Results with "~= nil", where it is that of success.
"""

import json
import os
import re

import harness
import signing

DATA = os.path.join(harness.TOP, "tests", "conformance", "data", "milter-opendkim")
STRANGER = "192.0.2.1"  # mail from loopback is never verified
ACTIONS = {"SMFIR_ACCEPT": "accept", "SMFIR_REPLYCODE": "reject", "SMFIR_TEMPFAIL": "tempfail",
           "SMFIR_SKIP": "skip"}


def load():
    with open(DATA + "/transcripts.json") as f:
        return {case["id"]: case for case in json.load(f)["cases"]}


def options(case):
    """opendkim.conf as {name: value}."""
    found = {}
    for line in case["upstream_conf"].splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, value = line.partition("\t")
            found[name] = value.strip()
    return found


def public_keys():
    """OpenDKIM's TestPublicKeys as a zone."""
    zone = "$TTL 300\n"
    with open(DATA + "/pubkeys") as f:
        for line in f:
            name, text = line.rstrip("\n").split(None, 1)
            zone += signing.zone_line(name, text)
    return zone


def tables(case, key):
    """KeyTable and SigningTable as text; the test key's place is `key`."""
    conf = options(case)
    rows, signers = case.get("upstream_keys"), case.get("upstream_sign")
    if conf.get("SigningTable") == "file:t-sign-rs-tables.sign":  # of another case
        signers = load()["t-sign-rs-tables"]["upstream_sign"]
    if conf.get("KeyTable", "").startswith("csl:"):
        rows = conf["KeyTable"][4:].replace("=", " ", 1) + "\n"
        signers = conf["SigningTable"][4:].replace("=", " ", 1) + "\n"
    elif "Domain" in conf:
        rows = "key %s:%s:./testkey.private\n" % (conf["Domain"].replace("*", "%"), conf["Selector"])
        signers = "%s key\n" % ("*" if conf["Domain"] == "*" else "*@" + conf["Domain"])
    if not rows or not signers:
        return None
    return rows.replace("./testkey.private", key), signers


def assay_options(case, directory):
    """The same in the words of assay.conf. What has no word here is left out: the test lists
    it as a difference, or the case as not applicable."""
    conf = options(case)
    made = {"Mode": "monitor",  # OpenDKIM knows no DMARC
            "AuthservID": "unknown-host",
            "Canonicalization": conf.get("Canonicalization", "simple/simple"),
            "SignHeaders": "Date, Subject", "OversignHeaders": "From", "Nameservers": "none"}
    texts = tables(case, directory + "/testkey")
    if texts and conf.get("Mode") != "v":
        for name, text in zip(("KeyTable", "SigningTable"), texts):
            with open(os.path.join(directory, name), "w") as f:
                f.write(text)
        # Of a table without "refile:" a domain may stand alone; with it, patterns may.
        kind = "refile:" if "*" in texts[1] else "file:"
        made["KeyTable"] = directory + "/KeyTable"
        made["SigningTable"] = kind + directory + "/SigningTable"
    if "SignatureTTL" in conf:
        made["SignatureTTL"] = str(max(int(conf["SignatureTTL"]), 86400))
    if "MultipleSignatures" in conf:
        made["MultipleSignatures"] = "yes"
    if "MacroList" in conf:
        made["SigningDaemonNames"] = "smtpd"  # the one macro that we look at
    return made


class Message:
    """One message of a dialogue."""

    def __init__(self, session, fields, body, replies, checks):
        self.fields = [(name, value if isinstance(value, str) else "x" * 200000)
                       for name, value in fields]
        self.body, self.replies, self.checks = body, replies, checks
        self.sender = session["mailfrom"][0]
        self.helo = session.get("helo", "localhost")
        self.client = session["client_ip"]

    def client_for(self, conf):
        """A stranger where the dialogue is a verifier's, or where it is the macros, not the
        address (InternalHosts "-"), that make the client one of our own."""
        strange = conf.get("Mode") == "v" or self.client == "unspec" or "MacroList" in conf
        return STRANGER if strange else self.client

    def octets(self):
        head = "".join("%s: %s\r\n" % (name, re.sub(r"\r?\n", "\r\n", value))
                       for name, value in self.fields)
        return (head + "\r\n" + self.body).encode()


def text_of(argument):
    return argument["lua"] if isinstance(argument, dict) else argument


def split_checks(checks):
    """A list of (needle, wanted, field, index) for each message; needle None: the
    field itself."""
    found, field = [], (None, 0)
    for check in checks:
        arguments = [text_of(a) for a in check["args"]]
        if check["op"] == "eom_check":
            if arguments[0] == "MT_HDRINSERT":
                found.append([])
                # Without "not" the script complains when a field was added.
                found[-1].append((None, bool(check.get("lua_negated")), arguments[1], 0))
        elif check["op"] == "getheader":
            field = (arguments[0], int(arguments[1]) if arguments[1].isdigit() else 0)
        elif check["op"] == "string.find":
            unwanted = check.get("lua_condition") == "~= nil" and field[0] == "DKIM-Signature"
            found[-1].append((arguments[1], not unwanted, *field))
    return found


def messages(case):
    """All messages of a case."""
    found = []
    for session in case["sessions"]:
        replies = [ACTIONS[reply] for _, reply in session["expect_replies"]]
        checks = split_checks(session["checks"])
        count = max(len(session["body"]), 1)
        fields = len(session["headers"]) // count
        for n in range(count):
            own = replies if count == 1 else replies[n:n + 1]
            found.append(Message(session, session["headers"][n * fields:(n + 1) * fields],
                                 session["body"][n] if session["body"] else "", own,
                                 checks[n] if n < len(checks) else []))
    return found
