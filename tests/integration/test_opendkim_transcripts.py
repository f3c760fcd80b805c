"""OpenDKIM's own milter dialogues, spoken to assayd, configured as equally as it can
be. What differs stands below, each with its reason; nothing else may.

Everywhere alike, and so not listed: fields are compared whatever their case and folding; h=
has From once more, since From is always oversigned here; a client on loopback counts as
one of our own, so dialogues of a verifier are spoken by a stranger; fields are inserted on top, where OpenDKIM
appends or inserts.
"""

import collections
import re

import pytest

import harness
import milter_client
import opendkim_transcripts as transcripts
import signing

TOTALS = {"same": 14, "different": 9, "not applicable": 9}

NO_REJECT = ("there is no On-BadSignature: a bad signature counts as none (RFC 6376 6.1), what is "
             "rejected says the author's DMARC policy")

# case: {what: reason}; "what" is an upstream needle or the name of a field; "reply" the answer
# to the MTA; "start" that assayd serves at all.
DIFFERENCES = {
    "t-sign-rs-tables-bad": {"start": "a table with a row that cannot be read is a configuration "
                                      "error, with file and line, and not a 451 for each message"},
    "t-sign-ss-ltag": {" l=": "l= is never made: whoever passes the message on could append to it "
                              "(RFC 6376 8.2)"},
    "t-verify-double-from": {
        "dkim=permerror": "the signature itself is judged; that there are two From fields is told "
                          "as dmarc=permerror, and refused by OnInvalidFrom (RFC 9989 5.3.1)",
        "reply": "the body is wanted, since a signature is to be checked"},
    "t-verify-malformed": {
        "format": "a message without a signature has dkim=none; that its From field is bad is "
                  "told as dmarc=permerror",
        "Authentication-Results": "one is on every message that was checked"},
    "t-verify-report": {"verification failed": "the comment has other words: signature did not verify"},
    "t-verify-revoked": {"dkim=fail": "the key has t=y too: while a domain tests, its failures "
                                      "must count as no signature (RFC 6376 3.6.1), so neutral"},
    "t-verify-ss-bad": {"reply": NO_REJECT},
    "t-verify-syntax": {"reply": NO_REJECT},
    "t-verify-unsigned-silent": {"Authentication-Results": "one is on every message that was checked"},
}

LUA = "there are no scripts (SetupPolicyScript)"
ATPS = "ATPS (RFC 6541, experimental) is not supported"

# Dialogues about what Assay does not have. They are spoken all the same, and must do no harm.
NOT_APPLICABLE = {
    "t-dontsign": "there is no DontSignMailTo: mail that is not signed fails its author's DMARC",
    "t-lua-verify-tests": LUA,
    "t-sign-rs-lua": LUA,
    "t-sign-rs-mixconf": LUA,
    "t-sign-atps": ATPS,
    "t-verify-ss-atps": ATPS,
    "t-sign-report": "r=y (RFC 6651) is not asked for; there is no RequestReports",
    "t-sign-ss-replace": "there is no ReplaceRules: the bytes that the MTA has are signed",
    "t-verify-ss-rep": "there is no reputation service",
}

CASES = transcripts.load()


def added(reply, field, index):
    """The value of the field of that name that was added, unfolded; None: not there."""
    values = [value for _, name, value in reply.inserted if name.decode() == field]
    if index >= len(values):
        return None
    return re.sub(r"\s+", " ", values[index].decode()).strip()


def holds(needle, value):
    """Whether an upstream needle is to be found in a field of ours."""
    if value is None:
        return False
    tags = dict(tag.strip().split("=", 1) for tag in value.split(";") if "=" in tag)
    tag, _, wanted = needle.strip().partition("=")
    if tag == "h":
        names = tags["h"].replace(" ", "").split(":")
        return names[0] == names[1] == "from" and names[1:] == wanted.lower().split(":")
    if tag in ("v", "a", "c", "d", "s", "bh", "i", "r", "atps") and wanted:
        return tags.get(tag) == wanted
    if tag in ("l", "x") and not wanted:
        return tag in tags
    return needle in value


def wrong_of(message, reply):
    """What is not as upstream has it."""
    wrong = set()
    verdicts = [reply.verdict()] + (["skip"] if reply.skipped == "body" else [])
    finals = [r for r in message.replies if r != "skip"]
    if ("skip" in message.replies and "skip" not in verdicts) or (
            finals and verdicts[0] not in finals):
        wrong.add("reply")
    for needle, wanted, field, index in message.checks:
        value = added(reply, field, index)
        found = value is not None if needle is None else holds(needle, value)
        if found != wanted:
            wrong.add(needle or field)
    return wrong


def speak(daemon, case, message):
    client = message.client_for(transcripts.options(case))
    session = milter_client.Session(daemon.connect())
    session.connect(client, b"localhost" if client.startswith("127") else b"unknown")
    session.helo(message.helo.encode())
    reply = session.message(message.octets(), message.sender.encode())
    session.close()
    return reply


def replay(case, directory):
    """What differs, as a set of needles, names of fields, "reply" and "start"."""
    try:
        daemon = harness.Assayd(transcripts.public_keys(),
                                **transcripts.assay_options(case, directory))
    except harness.Failure as failure:
        assert re.search(r"exited with 78.*KeyTable:1: ", str(failure), re.S), failure
        return {"start"}
    wrong = set()
    try:
        for message in transcripts.messages(case):
            wrong |= wrong_of(message, speak(daemon, case, message))
        assert daemon.process.poll() is None
    finally:
        daemon.stop()
    return wrong


seen = collections.Counter()


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path, name):
    case = CASES[name]
    signing.new_key(str(tmp_path / "testkey"), 1024)
    wrong = replay(case, str(tmp_path))
    if name in NOT_APPLICABLE:
        seen["not applicable"] += 1
        return
    assert wrong == set(DIFFERENCES.get(name, {}))
    seen["different" if wrong else "same"] += 1


def test_totals(capsys):
    assert not set(DIFFERENCES) & set(NOT_APPLICABLE)
    assert (set(DIFFERENCES) | set(NOT_APPLICABLE)) <= set(CASES)
    assert len(CASES) == sum(TOTALS.values()) == 32
    if sum(seen.values()) < len(CASES):
        pytest.skip("not all cases were selected")
    with capsys.disabled():
        print("\nOpenDKIM's dialogues: %d, of these %s" % (len(CASES), dict(seen)))
        for name, items in DIFFERENCES.items():
            for what, reason in items.items():
                print("  %-26s %-24s %s" % (name, what, reason))
        for name, reason in NOT_APPLICABLE.items():
            print("  %-26s %-24s %s" % (name, "(not applicable)", reason))
    assert dict(seen) == TOTALS
