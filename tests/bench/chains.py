#!/usr/bin/python3
"""chains.py DIRECTORY [MESSAGES] - how many DNS answers each message of the corpus must wait for.

Read off the zone, without any of the milters: `longest` when every lookup is started as soon as its
name is known (the deepest branch of the SPF tree; a key and the author's policies are one deep), `serial` when each
waits for the one before: SPF's in their order up to the match, one key per signature, and
the author's policy, with a second lookup when it stands at the organizational domain.
"""

import collections
import ipaddress
import os
import re
import statistics
import sys


class Zone:
    def __init__(self, path):
        self.records = collections.defaultdict(list)
        with open(path) as f:
            for line in f:
                name, kind, data = line.rstrip("\n").split(" ", 2)
                self.records[name, kind].append(data)

    def get(self, name, kind):
        return self.records.get((name, kind), [])

    def spf(self, domain, client):
        """(whether it passes, lookups one after the other, depth) of one record."""
        record = next((t for t in self.get(domain, "TXT") if t.startswith("v=spf1")), "")
        serial, depth, redirect = 1, 1, None
        for term in record.split()[1:]:
            passes = term[0] not in "-~?"
            kind, _, value = term.lstrip("+-~?").partition(":")
            if kind == "all":
                return passes, serial, depth
            if kind.startswith("redirect="):
                redirect = kind[len("redirect="):]
                continue
            matches, more, below = self.mechanism(kind, value or domain, client)
            serial, depth = serial + more, max(depth, 1 + below)
            if matches:
                return passes, serial, depth
        if not redirect:
            return False, serial, depth
        passes, more, below = self.spf(redirect, client)
        return passes, serial + more, max(depth, 1 + below)

    def mechanism(self, kind, value, client):
        if kind == "ip4":
            return ipaddress.ip_address(client) in ipaddress.ip_network(value), 0, 0
        if kind == "include":
            return self.spf(value, client)
        if kind == "a":
            return client in self.get(value, "A"), 1, 1
        if kind == "mx":
            hosts = [data.split()[1] for data in self.get(value, "MX")]
            return any(client in self.get(h, "A") for h in hosts), 1 + len(hosts), 2
        sys.exit("chains.py does not know the mechanism " + kind)


def waits(directory, row, zone):
    """(longest, serial), in answers."""
    name, client, _, helo, sender = row.split("\t")[:5]
    with open(os.path.join(directory, name), "rb") as f:
        header = f.read().split(b"\r\n\r\n", 1)[0].decode()
    author = re.search(r"^From:.*@([^>]+)>", header, re.M).group(1)
    domain = sender.strip("<>").partition("@")[2] or helo
    _, serial, depth = zone.spf(domain, client)
    keys = len(re.findall(r"^DKIM-Signature:", header, re.M))
    return max(depth, 1), serial + keys + (1 if zone.get("_dmarc." + author, "TXT") else 2)


def medians(directory, messages=None):
    """Medians over the first messages of the manifest: (longest, serial), in answers."""
    zone = Zone(os.path.join(directory, "zone.txt"))
    with open(os.path.join(directory, "manifest.tsv")) as f:
        rows = f.read().splitlines()[:messages]
    counts = [waits(directory, row, zone) for row in rows]
    return tuple(statistics.median(c) for c in zip(*counts)), counts


if __name__ == "__main__":
    (longest, serial), counts = medians(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else None)
    print("%d messages: median of the longest chain %g answers, of the serial sum %g" % (
        len(counts), longest, serial))
    for what, column in ("longest", 0), ("serial", 1):
        print(what, sorted(collections.Counter(c[column] for c in counts).items()))
