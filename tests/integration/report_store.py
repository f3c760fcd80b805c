"""Stores of results that no mail server has seen, for `assay report`: written with SQL, by the
schema that Assay made. For the tests of what comes behind the store, and for tests/bench/report_send.py.
"""

import json
import os
import sqlite3
import subprocess

DAY = 86400


def make(assay, conf, path):
    """Lets Assay make an empty store there; conf names it as ReportStore."""
    open(path, "wb").close()
    for arguments in (["nobody@example.invalid"], ["--lift", "nobody@example.invalid"]):
        subprocess.run([assay, "report", "suppress", "-c", conf, *arguments], check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
    assert os.path.getsize(path) > 0


class Store:
    """Rows go in; nothing is read but by the tests themselves."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=30)
        self.number = self.one("SELECT count(*) FROM tuple") + self.one("SELECT count(*) FROM policy")

    def one(self, query, *values):
        return self.db.execute(query, values).fetchone()[0]

    def all(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def policy(self, domain, rua, p="none", **columns):
        self.number += 1
        row = {"hash": "p%d" % self.number, "seen": 1 << 40, "domain": domain, "p": p, "adkim": "r",
               "aspf": "r", "testing": 0, "psd": 0, "fo": "0",
               "rua": rua if isinstance(rua, str) else " ".join(rua), "error": "", **columns}
        return self._insert("policy", row)

    def tuple(self, policy, domain, source="192.0.2.1", passed=True, **columns):
        self.number += 1
        result = "pass" if passed else "fail"
        row = {"hash": "t%d" % self.number, "seen": 1 << 40, "policy": policy, "source_ip": source,
               "disposition": "none", "dkim": result, "spf": result, "header_from": domain,
               "envelope_from": domain, "spf_domain": domain, "spf_result": result,
               "spf_reason": "", "reasons": "[]",
               "signatures": json.dumps([{"domain": domain, "selector": "s1", "result": result,
                                          "reason": ""}]), **columns}
        return self._insert("tuple", row)

    def messages(self, tuple_key, times):
        self.db.executemany("INSERT INTO message (tuple, received, queue_id) VALUES (?, ?, '')",
                            ((tuple_key, time) for time in times))

    def _insert(self, table, row):
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        return self.db.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, names, marks),
                               tuple(row.values())).lastrowid

    def domain(self, name, rua, day, count=3, passed=True, **columns):
        """A policy domain with `count` messages of one source on a day (seconds, 00:00 UTC)."""
        key = self.tuple(self.policy(name, rua), name, passed=passed, **columns)
        self.messages(key, [day + 60 * n for n in range(count)])
        self.db.commit()

    def dump(self):
        """All that is in it, to see whether something changed."""
        return list(self.db.iterdump())

    def close(self):
        self.db.commit()
        self.db.close()
