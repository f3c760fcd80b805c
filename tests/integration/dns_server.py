#!/usr/bin/python3
"""A DNS server on loopback for tests: real packets, over UDP and TCP.

    dns_server.py [options] ZONEFILE...

Prints "PORT n" when it is ready, and serves until it is killed or, with --tied, its
standard input ends. It answers like a resolver in front of the zones (RA and AA
set): everything that is not in the files does not exist. A zone file is an RFC 1035
master file; names are relative to the root. Names above others exist, wildcards, CNAME
and DNAME work. A negative answer carries the SOA above the name, when there is one.

Comments of the form ";! NAME BEHAVIOUR [ARGUMENT]" make a name misbehave; with "*.NAME"
also everything below NAME:

    servfail, refused, formerr, notimp   that RCODE
    drop               no answer at all
    delay MS           the answer comes later
    truncate           over UDP only an empty answer with TC
    notcp              connections are closed without an answer
    garbage            random octets behind the right message id
    cut                the right answer, cut in the middle of its records
    wrongid            a forged answer with a wrong id first, the right one 50 ms later
    wrongname          the answer to another question, and nothing else
    rdata TYPE HEX     one record of that type with these octets, whatever they are
    badsig             signatures are broken
    nosig              signatures are left out

--sign ZONE --anchor FILE signs everything below ZONE, which must have a SOA, with a key
made on the spot (ECDSA P-256, NSEC), and writes the DNSKEY to FILE. --log FILE
appends a line "udp TXT name" for each question.
"""
import argparse
import asyncio
import os
import random
import struct
import sys
import time

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.NSEC
import dns.rrset
import dns.tokenizer
import dns.zonefile

IN = dns.rdataclass.IN
SOA, CNAME, DNAME, NSEC, RRSIG, DNSKEY = (
    dns.rdatatype.SOA, dns.rdatatype.CNAME, dns.rdatatype.DNAME, dns.rdatatype.NSEC,
    dns.rdatatype.RRSIG, dns.rdatatype.DNSKEY)
RCODES = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED,
          "formerr": dns.rcode.FORMERR, "notimp": dns.rcode.NOTIMP}
CHAIN_MAX = 20


class Collector:
    """What dnspython's master file reader writes into: any names, several zones."""

    def __init__(self):
        self.manager = self
        self.records = {}

    def get_class(self):
        return IN

    def origin_information(self):
        return dns.name.root, False, dns.name.root

    def check_put_rdataset(self, check):
        pass

    def _set_origin(self, origin):
        pass

    def add(self, name, ttl, rdata):
        types = self.records.setdefault(fold(name), {})
        if rdata.rdtype not in types:
            types[rdata.rdtype] = dns.rrset.RRset(name, IN, rdata.rdtype)
        types[rdata.rdtype].add(rdata, ttl)


class Zones:
    """The records of all files, by name and type."""

    def __init__(self, text):
        collector = Collector()
        tokenizer = dns.tokenizer.Tokenizer(text)
        dns.zonefile.Reader(tokenizer, IN, collector, default_ttl=3600).read()
        self.records = collector.records
        self.signatures = {}
        for name in list(self.records):
            while name != dns.name.root:
                name = name.parent()
                self.records.setdefault(name, {})
        self.signed = None

    def apex(self, name):
        while True:
            if SOA in self.records.get(name, {}):
                return name
            if name == dns.name.root:
                return None
            name = name.parent()

    def find(self, name):
        """The records of a name, of the wildcard that covers it, or None."""
        if name in self.records:
            return self.records[name]
        encloser = name
        while encloser not in self.records and encloser != dns.name.root:
            encloser = encloser.parent()
        return self.records.get(dns.name.Name((b"*",) + encloser.labels))

    def dname(self, name):
        """The DNAME record above a name, or None."""
        while name != dns.name.root:
            name = name.parent()
            if DNAME in self.records.get(name, {}):
                return self.records[name][DNAME]
        return None

    def sign(self, apex):
        """Adds DNSKEY, NSEC and RRSIG records; returns the text of a trust anchor."""
        from cryptography.hazmat.primitives.asymmetric import ec
        private = ec.generate_private_key(ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        key = dns.rdtypes.ANY.DNSKEY.DNSKEY(IN, DNSKEY, 257, 3, 13, public)
        self.signed = apex
        self.records[apex][DNSKEY] = dns.rrset.from_rdata(apex, 3600, key)
        names = sorted(n for n in self.records if n.is_subdomain(apex))
        for name, following in zip(names, names[1:] + names[:1]):
            types = sorted({RRSIG, NSEC, *self.records[name]})
            text = "%s %s" % (following, " ".join(dns.rdatatype.to_text(t) for t in types))
            self.records[name][NSEC] = dns.rrset.from_text(name, 300, "IN", "NSEC", text)
        now = time.time()
        for name in names:
            for rdtype, rrset in self.records[name].items():
                rdata = dns.dnssec.sign(rrset, private, apex, key, inception=now - 3600,
                                        expiration=now + 86400)
                self.signatures[name, rdtype] = dns.rrset.from_rdata(name, rrset.ttl, rdata)
        return "%s 3600 IN DNSKEY %s\n" % (apex, key.to_text())

    def denial(self, name):
        """The NSEC record at or before a name of the signed zone."""
        owners = [n for n in self.records
                  if n.is_subdomain(self.signed) and NSEC in self.records[n] and n <= name]
        return self.records[max(owners)][NSEC]


def fold(name):
    return dns.name.Name(label.lower() for label in name.labels)


class Server:
    def __init__(self, zones, behaviours, log):
        self.zones = zones
        self.behaviours = behaviours
        self.log = log

    def behaviour(self, name):
        """(word, argument) for a name; ("", "") for most."""
        if name in self.behaviours:
            return self.behaviours[name]
        while name != dns.name.root:
            wild = dns.name.Name((b"*",) + name.labels)
            if wild in self.behaviours:
                return self.behaviours[wild]
            name = name.parent()
        return "", ""

    def add(self, section, rrset, dnssec, word):
        section.append(rrset)
        signature = self.zones.signatures.get((fold(rrset.name), rrset.rdtype))
        if dnssec and signature and word != "nosig":
            if word == "badsig":
                rdata = signature[0]
                broken = rdata.replace(signature=bytes(64))
                signature = dns.rrset.from_rdata(signature.name, signature.ttl, broken)
            section.append(signature)

    def fill(self, response, question, dnssec, word):
        """Answer and authority sections, RCODE."""
        name = question.name
        for _ in range(CHAIN_MAX):
            folded = fold(name)
            here = self.zones.find(folded)
            dname = self.zones.dname(folded) if here is None else None
            if dname:
                target = name.relativize(dname.name).concatenate(dname[0].target)
                response.answer.append(dname)
                response.answer.append(dns.rrset.from_text(name, dname.ttl, "IN", "CNAME",
                                                           target.to_text()))
                name = target
                continue
            if here is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
            elif question.rdtype in here:
                self.add(response.answer, renamed(here[question.rdtype], name), dnssec, word)
                return
            elif CNAME in here:
                self.add(response.answer, renamed(here[CNAME], name), dnssec, word)
                name = here[CNAME][0].target
                continue
            self.deny(response, folded, here is None, dnssec, word)
            return

    def deny(self, response, name, missing, dnssec, word):
        apex = self.zones.apex(name)
        if apex is None:
            return
        soa = self.zones.records[apex][SOA]
        self.add(response.authority, soa, dnssec, word)
        if dnssec and self.zones.signed and name.is_subdomain(self.zones.signed):
            self.add(response.authority, self.zones.denial(name), True, word)
            if missing:
                encloser = name.parent()
                while encloser not in self.zones.records:
                    encloser = encloser.parent()
                star = dns.name.Name((b"*",) + encloser.labels)
                extra = self.zones.denial(star)
                if extra not in response.authority:
                    self.add(response.authority, extra, True, word)

    def raw(self, query, argument):
        """An answer with one record of octets that no library would write."""
        rdtype, _, text = argument.partition(" ")
        rdata = bytes.fromhex(text.replace(" ", ""))
        response = dns.message.make_response(query, recursion_available=True)
        packet = bytearray(response.to_wire())
        end = 12
        while packet[end]:
            end += packet[end] + 1
        record = b"\xc0\x0c" + struct.pack("!HHIH", dns.rdatatype.from_text(rdtype), 1, 60,
                                           len(rdata)) + rdata
        return bytes(packet[:6]) + b"\0\1" + bytes(packet[8:end + 5]) + record + bytes(
            packet[end + 5:])

    async def answers(self, data, tcp):
        """Yields the packets to send for a question, waiting where it is to wait."""
        try:
            query = dns.message.from_wire(data)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return
        if self.log:
            print("tcp" if tcp else "udp", dns.rdatatype.to_text(question.rdtype),
                  question.name.to_text(omit_final_dot=True), file=self.log, flush=True)
        word, argument = self.behaviour(fold(question.name))
        if word == "drop" or (word == "notcp" and tcp):
            return
        if word == "delay":
            await asyncio.sleep(int(argument) / 1000)
        if word == "garbage":
            yield data[:2] + random.randbytes(60)
            return
        if word == "rdata" and argument.split()[0] == dns.rdatatype.to_text(question.rdtype):
            yield self.raw(query, argument)
            return

        dnssec = bool(query.ednsflags & dns.flags.DO)
        response = dns.message.make_response(query, recursion_available=True, our_payload=4096)
        response.flags |= dns.flags.AA
        if word in RCODES:
            response.set_rcode(RCODES[word])
        else:
            self.fill(response, question, dnssec, word)
        room = 65535 if tcp else max(512, query.payload if query.edns >= 0 else 512)
        try:
            packet = response.to_wire(max_size=room)
        except dns.exception.TooBig:
            packet = None
        if packet is None or (word in ("truncate", "notcp") and not tcp):
            response.flags |= dns.flags.TC
            response.answer, response.authority = [], []
            packet = response.to_wire(max_size=room)
        if word == "cut":
            packet = packet[:len(packet) * 2 // 3]
        if word == "wrongname":
            forged = dns.message.make_query("elsewhere.test", question.rdtype)
            forged.id = query.id
            packet = dns.message.make_response(forged).to_wire()
        if word == "wrongid":
            forged = dns.message.make_response(query, recursion_available=True)
            forged.id = query.id ^ 1
            forged.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", "forged"))
            yield forged.to_wire()
            await asyncio.sleep(0.05)
        yield packet

    async def serve_tcp(self, reader, writer):
        try:
            while True:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                data = await reader.readexactly(size)
                answered = False
                async for packet in self.answers(data, True):
                    writer.write(struct.pack("!H", len(packet)) + packet)
                    await writer.drain()
                    answered = True
                if not answered:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Udp(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server
        self.tasks = set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        task = asyncio.ensure_future(self.respond(data, address))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def respond(self, data, address):
        async for packet in self.server.answers(data, False):
            self.transport.sendto(packet, address)


def renamed(rrset, name):
    """A wildcard's records under the name that was asked for."""
    if fold(rrset.name) == fold(name):
        return rrset
    copy = dns.rrset.RRset(name, IN, rrset.rdtype)
    copy.update(rrset)
    return copy


def behaviours_of(text):
    found = {}
    for line in text.splitlines():
        if line.startswith(";!"):
            name, word, *rest = line[2:].split(None, 2)
            entry = (word, rest[0] if rest else "")
            found[fold(dns.name.from_text(name))] = entry
            if name.startswith("*."):
                found[fold(dns.name.from_text(name[2:]))] = entry
    return found


async def listen(server, address, port):
    """UDP and TCP on one port; a free one when port is 0."""
    loop = asyncio.get_running_loop()
    for _ in range(50):
        udp, _protocol = await loop.create_datagram_endpoint(lambda: Udp(server),
                                                             local_addr=(address, port))
        bound = udp.get_extra_info("sockname")[1]
        try:
            return udp, await asyncio.start_server(server.serve_tcp, address, bound), bound
        except OSError:
            udp.close()
            if port:
                raise
    sys.exit("dns_server.py: no port is free for both UDP and TCP")


async def run(options):
    text = ""
    for path in options.zonefile:
        with open(path, encoding="latin-1") as file:
            text += file.read() + "\n$ORIGIN .\n"
    zones = Zones(text)
    if options.sign:
        anchor = zones.sign(fold(dns.name.from_text(options.sign)))
        with open(options.anchor, "w", encoding="ascii") as file:
            file.write(anchor)
    log = open(options.log, "a", encoding="ascii") if options.log else None
    server = Server(zones, behaviours_of(text), log)
    _udp, _tcp, port = await listen(server, options.address, options.port)
    print("PORT", port, flush=True)
    if options.tied:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(description="DNS server for tests")
    parser.add_argument("zonefile", nargs="+")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--sign", metavar="ZONE")
    parser.add_argument("--anchor", metavar="FILE")
    parser.add_argument("--tied", action="store_true", help="stop when standard input ends")
    try:
        asyncio.run(run(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
