"""The store over a real PostgreSQL: the unit tests of SQL and store against it, several hosts that
store and plan at once, a server that goes away and comes back, a commit whose answer is lost.
"""

import os
import random
import select
import signal
import socket
import subprocess
import threading
import time

import harness
import postgresql
import pytest

LOAD = os.path.join(harness.BUILD, "tests", "store_load")
EVENTS = 30000  # of each journal


@pytest.fixture(scope="module")
def server():
    reason = postgresql.unavailable()
    if reason:
        pytest.skip(reason)
    running = postgresql.Server("units")
    yield running
    running.remove()


@pytest.fixture
def database(server, request):
    """A fresh one: its name."""
    name = request.node.name.replace("[", "_").replace("]", "")
    server.query("postgres", 'CREATE DATABASE "%s"' % name)
    return name


def load(*arguments):
    """store_load, running."""
    if not os.path.exists(LOAD):
        pytest.skip("no %s: make check builds it" % LOAD)
    return subprocess.Popen([LOAD, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def finish(process, seconds=150):
    """What it said, once it has ended well."""
    try:
        out, err = process.communicate(timeout=seconds * harness.PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise harness.Failure("store_load did not end: %s" % err[-2000:]) from None
    if process.returncode != 0:
        raise harness.Failure("store_load: %d: %s" % (process.returncode, err[-2000:]))
    return out + err


def number(server, database, query):
    return int(server.query(database, query)[0][0])


def check_messages(server, database, journals, events):
    """Every event of every journal is there, once."""
    assert number(server, database, "SELECT count(*) FROM message") == journals * events
    assert number(server, database,
                  "SELECT count(DISTINCT queue_id) FROM message") == journals * events
    assert number(server, database, "SELECT count(*) FROM message m JOIN tuple t ON t.id = m.tuple"
                  " JOIN policy p ON p.id = t.policy") == journals * events


def check_reports(server, database):
    """Every message is in one report, and each report counts what it has."""
    assert number(server, database, "SELECT count(*) FROM message WHERE report IS NULL") == 0
    assert number(server, database, "SELECT sum(messages) FROM report_tuple") == \
        number(server, database, "SELECT count(*) FROM message")
    assert number(server, database, """
        SELECT count(*) FROM report_tuple rt FULL JOIN
        (SELECT report, tuple, count(*) AS messages FROM message GROUP BY report, tuple) m
        ON m.report = rt.report AND m.tuple = rt.tuple
        WHERE rt.messages IS DISTINCT FROM m.messages""") == 0
    assert number(server, database, """
        SELECT count(*) FROM report r FULL JOIN (SELECT report, count(*) AS tuples,
        sum(messages) AS messages FROM report_tuple GROUP BY report) rt ON rt.report = r.id
        WHERE r.messages IS DISTINCT FROM rt.messages OR r.tuples IS DISTINCT FROM rt.tuples""") == 0
    assert number(server, database, "SELECT count(*) - count(DISTINCT report_id) FROM report") == 0


@pytest.mark.parametrize("program", ["test_sql", "test_store", "test_store_reports",
                                     "test_store_failure"])
def test_units(server, program):
    path = os.path.join(harness.BUILD, "tests", program)
    if not os.path.exists(path):
        pytest.skip("no %s: make check builds it" % path)
    done = subprocess.run([path], capture_output=True, text=True, timeout=300 * harness.PATIENCE,
                          env=dict(os.environ, ASSAY_TEST_POSTGRESQL=server.uri("units"),
                                   srcdir=harness.TOP))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(PostgreSQL)" in done.stdout + done.stderr
    assert "SKIPPED" not in done.stdout + done.stderr


def test_many_hosts(server, database):
    """Two hosts store, two processes plan, all at once."""
    uri = server.uri(database)
    writers = [load("ingest", uri, journal, EVENTS, 500) for journal in (1, 2)]
    planners = [load("plan", uri, 5) for _ in range(2)]
    for process in planners + writers:
        finish(process)
    check_messages(server, database, 2, EVENTS)
    finish(load("plan", uri, 0))
    check_reports(server, database)


def test_the_server_comes_and_goes(server, database):
    """Stopped as in a crash in the middle of batches, again and again: nothing is lost or twice."""
    uri = server.uri(database)
    writers = [load("ingest", uri, journal, EVENTS, 500) for journal in (1, 2)]
    planner = load("plan", uri, 6)
    try:
        for _ in range(3):
            time.sleep(random.uniform(0.3, 0.9))
            server.stop(immediate=True)
            time.sleep(0.3)
            server.start()
    finally:
        said = [finish(process) for process in writers + [planner]]
    assert any("again" in text and " 0 batches again" not in text for text in said)
    check_messages(server, database, 2, EVENTS)
    finish(load("plan", uri, 0))
    check_reports(server, database)


def test_killed_writers(server, database):
    """kill -9 at random moments; the next process goes on where the store is."""
    uri = server.uri(database)
    for _ in range(6):
        writer = load("ingest", uri, 1, EVENTS, 300)
        time.sleep(random.uniform(0.05, 0.5))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    finish(load("ingest", uri, 1, EVENTS, 300))
    check_messages(server, database, 1, EVENTS)


class LostAnswers:
    """Stands between a client and the server. Every fifth COMMIT reaches the server; its answer
    reaches nobody: the connection is cut instead."""

    def __init__(self, server):
        self.target = os.path.join(server.dir, ".s.PGSQL.5432")
        self.dir = harness.scratch("lost-answers")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.dir, ".s.PGSQL.5432"))
        self.listener.listen(10)
        self.commits = self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        backend = socket.socket(socket.AF_UNIX)
        backend.connect(self.target)
        losing = False
        with client, backend:
            while True:
                for side in select.select([client, backend], [], [])[0]:
                    data = side.recv(65536)
                    if not data or (losing and side is backend):
                        return  # the answer is here, so the server has committed
                    if side is client and b"COMMIT\0" in data:
                        self.commits += 1
                        losing = self.commits % 5 == 0
                        self.lost += losing
                    (backend if side is client else client).sendall(data)

    def close(self):
        self.listener.close()


def test_a_commit_whose_answer_is_lost(server, database):
    relay = LostAnswers(server)
    uri = "postgresql://%s@/%s?host=%s" % (postgresql.USER, database, relay.dir)
    try:
        said = finish(load("ingest", uri, 1, 10000, 200))
    finally:
        relay.close()
    assert relay.lost >= 10
    assert "%d batches again" % relay.lost in said
    check_messages(server, database, 1, 10000)
