"""What assayd signs, through a real Postfix and a real Sendmail to a receiving
Postfix whose own assayd verifies; see signing.py for the chain and the oracles.
"""

import collections

import pytest

import harness
import odd_messages
import signing
from signing_chain import (chain, oracles, receiver, signing_keys,  # noqa: F401 (fixtures)
                           verifier)

ALGORITHMS = sorted(signing.ALGORITHMS.values())
# Sendmail folds address fields anew, so a simple header cannot survive there.
CANONICALIZATIONS = {"postfix": ("relaxed/relaxed", "relaxed/simple", "simple/relaxed",
                                 "simple/simple"),
                     "sendmail": ("relaxed/relaxed", "relaxed/simple")}

Judged = collections.namedtuple("Judged", "message arrived signatures answers")


def corpus_for(name):
    return odd_messages.messages(international=name == "postfix", command=True)


def judge(chain, oracles, label):
    """Sends all odd messages through the chain; name -> Judged."""
    messages = corpus_for(chain.name)
    arrived = chain.send_all(messages, label)
    found, every = {}, []
    for message in messages:
        ours = signing.signatures(arrived[message.name])
        found[message.name] = Judged(message, arrived[message.name], ours, {})
        every += [(message.name, pair) for pair in ours]
    for oracle, answers in oracles.ask([pair for _, pair in every]).items():
        for (name, _), answer in zip(every, answers):
            found[name].answers.setdefault(oracle, []).append(answer)
    return found


def check_judged(one, oracles, counts):
    """Both signatures, good for everybody."""
    algorithms = sorted(signing.tags(field)[b"a"].decode() for field, _ in one.signatures)
    assert algorithms == ALGORITHMS, one.arrived[:9000]
    for oracle, answers in one.answers.items():
        for answer in answers:
            assert answer == "pass" or answer.startswith("skip"), (oracle, one.answers,
                                                                   one.arrived[:9000])
            counts[oracle, answer] += 1
    checked = oracles.assay_check(one.arrived)
    ours = [s for s in checked["dkim"] if s["domain"] in signing.DOMAINS]
    assert sorted(s["algorithm"] for s in ours) == ALGORITHMS
    assert [s["result"] for s in ours] == ["pass", "pass"], (checked["dkim"], one.arrived[:9000])
    text = harness.own_results(one.arrived)
    assert sorted(a for r, a in signing.passes(text) if r == "pass") == ALGORITHMS, text
    assert harness.results_of(text)["dmarc"] == ["pass"], text
    counts["assay check", "pass"] += 2
    counts["receiving assayd", "pass"] += 2


def say(capsys, title, counts):
    with capsys.disabled():
        print("\n%s: %s" % (title, ", ".join("%s %s %d" % (*what, n)
                                             for what, n in sorted(counts.items()))))


def check_all(chain, oracles, capsys, canonicalization):
    counts, wrong = collections.Counter(), {}
    judged = judge(chain, oracles, canonicalization.replace("/", "-"))
    for name, one in judged.items():
        try:
            check_judged(one, oracles, counts)
            assert all(signing.tags(f)[b"c"].decode() == canonicalization
                       for f, _ in one.signatures)
        except AssertionError as error:
            wrong[name] = str(error)[:1500]
    say(capsys, "signed %s through %s, %d messages" % (canonicalization, chain.name, len(judged)),
        counts)
    assert not wrong, "%d of %d: %s" % (len(wrong), len(judged), wrong)


def test_odd_messages(chain, oracles, capsys):
    """Every message gets both signatures, and everybody verifies them."""
    for canonicalization in CANONICALIZATIONS[chain.name]:
        chain.signer.write_config(Canonicalization=canonicalization)
        chain.signer.reload()
        check_all(chain, oracles, capsys, canonicalization)


def test_the_oracles_notice_changes(chain, oracles):
    """Else the counts above would say nothing."""
    message = odd_messages.messages(False, False)[0]
    arrived = chain.send(message, "altered.%s@rcpt.example" % chain.name)
    for old, new in ((b"this is a test", b"this was a test"), (b"Subject: a", b"Subject: b"),
                     (b"To: <", b"Cc: <x@rcpt.example>\r\nTo: <")):
        altered = arrived.replace(old, new)
        assert altered != arrived
        for oracle, answers in oracles.ask(signing.signatures(altered)).items():
            assert "pass" not in answers, (oracle, old)
        assert [s["result"] for s in oracles.assay_check(altered)["dkim"]] == ["fail", "fail"]
