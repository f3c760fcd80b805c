"""The MTA's side of the milter protocol, version 2 to 6, spoken raw, so that
tests can do what no real MTA lets them: odd flags, aborts at any stage, address
families out of the ordinary, macros of their choosing, and broken packets.

A Session is one connection. `Session.message()` sends a whole message and
returns a Reply with the final answer and all modifications.
"""

import struct

# Actions that an MTA can offer (SMFIF_*).
ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
CHGFROM, ADDRCPT_PAR, SETSYMLIST = 0x40, 0x80, 0x100
ALL_ACTIONS, V1_ACTIONS = 0x1FF, 0x0F

# Protocol steps (SMFIP_*): NO*: "do not send", NR_*: "I will not answer".
NOCONNECT, NOHELO, NOMAIL, NORCPT, NOBODY, NOHDRS, NOEOH = (1 << n for n in range(7))
NR_HDR, NOUNKNOWN, NODATA, SKIP, RCPT_REJ = (1 << n for n in range(7, 12))
NR_CONN, NR_HELO, NR_MAIL, NR_RCPT, NR_DATA, NR_UNKN, NR_EOH, NR_BODY, HDR_LEADSPC = (
    1 << n for n in range(12, 21))
ALL_STEPS, V1_STEPS = 0x1FFFFF, 0x3F

# For each command: the flag with which the milter declines it, and the one with
# which it says that it will not answer.
DECLINED = {b"C": NOCONNECT, b"H": NOHELO, b"M": NOMAIL, b"R": NORCPT, b"T": NODATA,
            b"L": NOHDRS, b"N": NOEOH, b"B": NOBODY, b"U": NOUNKNOWN}
SILENT = {b"C": NR_CONN, b"H": NR_HELO, b"M": NR_MAIL, b"R": NR_RCPT, b"T": NR_DATA,
          b"L": NR_HDR, b"N": NR_EOH, b"B": NR_BODY, b"U": NR_UNKN}

STAGES = ("connect", "helo", "mail", "rcpt", "data", "eom", "eoh")
CHUNK = 65535


class ProtocolError(Exception):
    """The milter said something that the protocol does not allow there."""


class Closed(Exception):
    """The milter closed the connection."""


class Reply:
    """The final answer to a message: accept, reject, tempfail, discard,
    continue, or a reply text; with the modifications in order."""

    def __init__(self):
        self.action = None
        self.text = None  # of an SMTP reply, b"550 5.7.1 ..."
        self.quarantine = None  # the reason given
        self.inserted = []  # (index, name, value)
        self.changed = []  # (index, name, value); an empty value deletes
        self.other = []  # anything else, as (command, data)
        self.stage = None  # after which command the answer came
        self.skipped = None  # the stage whose rest the milter did not want (SMFIR_SKIP)
        self.progress = 0

    def verdict(self):
        """accept, quarantine, reject or tempfail, as the MTA would act."""
        if self.action == "replycode":
            return "tempfail" if self.text.startswith(b"4") else "reject"
        if self.action in ("accept", "continue"):
            return "quarantine" if self.quarantine is not None else "accept"
        return self.action

    def apply(self, fields, received=b"Received: by mx.example.org\r\n"):
        """The header that Postfix would deliver: `fields` with the modifications.
        Change indexes count what the milter was shown; 0 inserts above our own Received."""
        header = list(fields)
        for index, name, value in self.changed:
            same = [n for n, f in enumerate(header)
                    if f is not None and
                    f.split(b":", 1)[0].strip().lower() == name.lower()]
            where = same[index - 1]
            header[where] = None if value == b"" else name + b":" + value + b"\r\n"
            if value == b"":
                header.pop(where)
        top = []
        for index, name, value in self.inserted:
            top.insert(index, name + b":" + value.replace(b"\n", b"\r\n") + b"\r\n")
        return top + [received] + header


def split_message(message):
    """Header fields as (name, value as after the colon with LF folds), and the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
        elif b":" in line:
            name, value = line.split(b":", 1)
            fields.append((name.rstrip(b" \t"), value))
    return fields, body


class Session:
    def __init__(self, connection, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS,
                 negotiate=True):
        self.socket = connection
        self.macros = {stage: None for stage in STAGES}  # as asked for with SETSYMLIST
        self.sent_macros = {"j": b"mx.example.org"}
        self.version, self.actions, self.steps = version, actions, steps
        if negotiate:
            self.negotiate()

    # -- packets

    def send(self, command, data=b""):
        try:
            self.socket.sendall(struct.pack("!I", len(data) + 1) + command + data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from error

    def _read(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed("after %d of %d octets" % (len(data), count))
            data += part
        return data

    def receive(self):
        size = struct.unpack("!I", self._read(4))[0]
        if not 1 <= size <= 1 << 20:
            raise ProtocolError("packet of %d octets" % size)
        data = self._read(size)
        return data[:1], data[1:]

    # -- steps

    def negotiate(self):
        self.send(b"O", struct.pack("!III", self.version, self.actions, self.steps))
        command, data = self.receive()
        if command != b"O" or len(data) < 12:
            raise ProtocolError("negotiation answered with %r %r" % (command, data))
        version, actions, steps = struct.unpack("!III", data[:12])
        # Nothing offered means what version 1 could do (libmilter's SMFI_V1_ACTS and _PROT).
        offered = (self.actions or V1_ACTIONS, self.steps or V1_STEPS)
        if version > self.version or actions & ~offered[0] or steps & ~offered[1]:
            raise ProtocolError("asked for more than was offered: %d %x %x"
                                % (version, actions, steps))
        self.version, self.actions, self.steps = version, actions, steps
        rest = data[12:]
        while rest:
            stage = struct.unpack("!I", rest[:4])[0]
            names, rest = rest[4:].split(b"\0", 1)
            self.macros[STAGES[stage]] = names.decode().split()

    def macro(self, command, **values):
        """Sends macros for the next command; long names get their braces."""
        data = command
        for name, value in values.items():
            wire = name if len(name) == 1 else "{%s}" % name
            data += wire.encode() + b"\0" + value + b"\0"
        self.send(b"D", data)

    def command(self, command, data=b""):
        """One protocol step. Returns (command, data) of the answer, or None when
        the step was declined or is not answered."""
        if self.steps & DECLINED.get(command, 0):
            return None
        self.send(command, data)
        if self.steps & SILENT.get(command, 0):
            return None
        return self.receive()

    def connect(self, address="192.0.2.1", name=b"mail.example.com", port=25, family=None,
                version=b"Postfix 3.7.11"):
        """family: b"4", b"6", b"L" (unix), b"U" (unknown); chosen by address when None.
        Addresses are written as Postfix does; pass bytes for anything else. version: {v}."""
        if family is None:
            family = b"U" if address is None else b"6" if ":" in address else b"4"
        data = name + b"\0" + family
        if family != b"U":
            text = address if isinstance(address, bytes) else address.encode()
            if family == b"6" and not isinstance(address, bytes):
                text = b"IPv6:" + text
            data += struct.pack("!H", port) + text + b"\0"
        shown = address if isinstance(address, bytes) else (address or "unknown").encode()
        self.macro(b"C", j=self.sent_macros["j"], daemon_name=b"smtpd", client_addr=shown,
                   client_name=name, v=version)
        return self.command(b"C", data)

    def helo(self, name=b"mail.example.com"):
        return self.command(b"H", name + b"\0")

    def mail(self, sender, *parameters, **macros):
        # As real MTAs do. (libmilter would keep the last message's set if none or an empty one came.)
        self.macro(b"M", mail_addr=sender, **macros)
        arguments = [b"<" + sender + b">", *parameters]
        return self.command(b"M", b"".join(a + b"\0" for a in arguments))

    def rcpt(self, recipient):
        return self.command(b"R", b"<" + recipient + b">\0")

    def header(self, name, value):
        """value: all that follows the colon; without HDR_LEADSPC the MTA eats one space."""
        if not self.steps & HDR_LEADSPC and value.startswith(b" "):
            value = value[1:]
        return self.command(b"L", name + b"\0" + value + b"\0")

    def end_of_message(self, reply, octets=b""):
        """Sends end of message, with the last octets of the body if any, and reads until the final
        answer."""
        self.send(b"E", octets)
        while True:
            command, data = self.receive()
            if command == b"i":
                index = struct.unpack("!I", data[:4])[0]
                name, value = data[4:].rstrip(b"\0").split(b"\0", 1)
                reply.inserted.append((index, name, self._spaced(value)))
            elif command == b"m":
                index = struct.unpack("!I", data[:4])[0]
                name, value = data[4:-1].split(b"\0", 1)
                reply.changed.append((index, name, value))
            elif command == b"q":
                reply.quarantine = data.rstrip(b"\0")
            elif command == b"p":
                reply.progress += 1
            elif self.final(reply, command, data, "eom"):
                return reply
            else:
                reply.other.append((command, data))

    def _spaced(self, value):
        return value if self.steps & HDR_LEADSPC else b" " + value

    @staticmethod
    def final(reply, command, data, stage):
        """Notes a final answer; true when it is one."""
        actions = {b"a": "accept", b"c": "continue", b"r": "reject", b"t": "tempfail",
                   b"d": "discard", b"y": "replycode", b"4": "shutdown", b"f": "fail"}
        if command not in actions:
            return False
        reply.action, reply.stage = actions[command], stage
        if command == b"y":
            reply.text = data.rstrip(b"\0")
        return True

    def message(self, message, sender=b"user@example.com", recipients=(b"a@rcpt.example",),
                queue_id=b"4Q1xYz", macros=None):
        """One whole message; returns its Reply, early if an early answer ended it."""
        fields, body = split_message(message)
        reply = Reply()
        steps = [("mail", lambda: self.mail(sender, **(macros or {})))]
        steps += [("rcpt", lambda r=r: self.rcpt(r)) for r in recipients]
        steps += [("data", lambda: self._data(queue_id))]
        steps += [("header", lambda f=f: self.header(*f)) for f in fields]
        steps += [("eoh", lambda: self.command(b"N"))]
        steps += [("body", lambda n=n: self.command(b"B", body[n:n + CHUNK]))
                  for n in range(0, len(body), CHUNK)]
        skipped = None
        for stage, step in steps:
            if stage == skipped:
                continue
            answer = step()
            if answer is None or answer[0] == b"c":
                continue
            if answer[0] == b"s":
                skipped = reply.skipped = stage
            elif self.final(reply, *answer, stage):
                return reply
            else:
                raise ProtocolError("%r after %s" % (answer, stage))
        self.macro(b"E", i=queue_id)
        return self.end_of_message(reply)

    def _data(self, queue_id):
        self.macro(b"T", i=queue_id)
        return self.command(b"T")

    def abort(self):
        self.send(b"A")

    def quit(self, new_connection=False):
        self.send(b"K" if new_connection else b"Q")

    def close(self):
        self.socket.close()


def connected(peer, address="192.0.2.1", name=b"mail.example.com", helo=b"mail.example.com",
              **options):
    """A session with assayd `peer` that has said CONNECT and HELO."""
    session = Session(peer.connect(), **options)
    session.connect(address, name)
    session.helo(helo)
    return session
