"""`assay selftest` against assayd, which falls for nothing, and against a milter that does
nothing, which falls for nearly everything."""

import json
import socket
import struct
import subprocess
import threading

import harness


class NullMilter:
    """Goes on, whatever it is shown."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    @staticmethod
    def talk(connection):
        with connection, connection.makefile("rb") as stream:
            while head := stream.read(5):
                size, command = struct.unpack("!Ic", head)
                stream.read(size - 1)
                if command == b"O":
                    connection.sendall(struct.pack("!IcIII", 13, b"O", 6, 0, 0))
                elif command == b"Q":
                    return
                elif command not in (b"D", b"A"):
                    connection.sendall(struct.pack("!Ic", 1, b"c"))

    def stop(self):
        self.listener.close()


def selftest(*arguments):
    return subprocess.run([harness.ASSAY, "selftest", *arguments], capture_output=True, text=True,
                          timeout=120)


def test_assayd_falls_for_nothing(start_assayd):
    assayd = start_assayd(Nameservers="none")
    done = selftest(assayd.postfix_spec, "--json")
    said = json.loads(done.stdout)
    weak = [row for row in said["results"] if row["verdict"] != "ok"]
    assert done.returncode == 0 and said["weak"] == 0, (weak, done.stderr, assayd.log())
    assert said["cases"] == len(said["results"]) == 48
    assert assayd.process.poll() is None


def test_assayd_that_only_marks(start_assayd):
    """Monitor mode: accepted, but nobody who reads the results is misled."""
    assayd = start_assayd(Nameservers="none", Mode="monitor")
    done = selftest(assayd.postfix_spec)
    assert done.returncode == 0, done.stdout
    assert "accept, marked as failing" in done.stdout and "48 cases, 0 weak" in done.stdout


def test_unix_socket(start_assayd):
    assayd = start_assayd(unix=True, Nameservers="none")
    assert selftest(assayd.postfix_spec).returncode == 0


def test_a_milter_that_does_nothing():
    milter = NullMilter()
    done = selftest("inet:127.0.0.1:%d" % milter.port, "--json")
    milter.stop()
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["weak"] == 42, (said["weak"], done.stdout)
    assert {r["verdict"] for r in said["results"] if r["safe"] == "any answer"} == {"ok"}


def test_nobody_there():
    done = selftest("inet:127.0.0.1:%d" % harness.free_port())
    assert done.returncode == 69 and "no filter answers" in done.stderr


def test_usage():
    assert selftest().returncode == 64
    assert selftest("nonsense").returncode == 64
