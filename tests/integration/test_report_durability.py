"""What becomes of results, and of mail, when the daemon, the disk or the database fails.

Each message has a queue id of its own, and the store keeps it; so what the MTA was answered can be
compared with what is in the store, message by message: answered ones exactly once, those without an
answer at most once. Prints a table: fault, what the MTA saw, what became of the results.
"""

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

import fault_table
import harness
import milter_client

KILLS = int(os.environ.get("ASSAY_KILLS", "50"))
CONNECTIONS = 12
POLICIES = ("none", "quarantine", "reject")
ZONE = "$TTL 300\n" + "".join(
    "%s.example. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "_dmarc.%s.example. IN TXT \"v=DMARC1; p=%s; rua=mailto:dmarc@%s.example\"\n" % (p, p, p, p)
    for p in POLICIES)
CLIENTS = ("192.0.2.1", "198.51.100.7")  # who may send for these domains, and who may not
FINAL = ("accept", "quarantine", "reject")
TABLE = []


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield
    fault_table.publish(request, "Reports",
                        ("fault", "what the MTA saw", "what became of the results"), TABLE)


# ------------------------------------------------------------------- the daemon


class Site:
    """assayd with a journal and a store in a directory of its own."""

    def __init__(self, store=None, start=True, **options):
        self.dir = harness.scratch("durable")
        self.journal = os.path.join(self.dir, "journal")
        self.path = os.path.join(self.dir, "store", "reports.db")
        self.mounts = []
        self.options = {"ReportStore": store or self.path, "ReportJournal": self.journal,
                        "Nameservers": "none", "AuthservID": "mx.example.org", **options}
        self.assayd = None
        if start:
            self.start()

    def mount(self, path, options):
        """A small file system of its own, in our mount namespace only."""
        os.makedirs(path, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("no tmpfs can be mounted here: " + done.stderr.strip())
        self.mounts.append(path)

    def remount(self, path, options):
        subprocess.run(["mount", "-o", "remount," + options, path], check=True)

    def start(self):
        if self.assayd is None:
            self.assayd = harness.Assayd(ZONE, **self.options)
        else:
            self.assayd.start()

    def stop(self):
        """Gracefully; what it said about reports at its end."""
        self.assayd.process.terminate()
        assert self.assayd.process.wait(30 * harness.PATIENCE) == 0, self.log()
        assert not harness.SANITIZER.search(self.assayd.log_text()), self.log()
        return self.counters()

    def counters(self):
        lines = re.findall(r"reports: messages recorded (\d+), carried into the store (\d+), "
                           r"lost (\d+)", self.assayd.log_text())
        return tuple(int(number) for number in lines[-1])

    def log(self):
        """Without the lines of messages."""
        return "\n".join(line for line in self.assayd.log_text().splitlines()
                         if " verdict=" not in line)

    def said(self, pattern):
        return re.findall(pattern, self.assayd.log_text())

    def wait_said(self, pattern, seconds=20):
        return harness.wait_until(lambda: self.said(pattern), seconds, pattern, self.log)

    def remove(self):
        if self.assayd and self.assayd.process.poll() is None:
            self.assayd.kill()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)
        if self.assayd:
            shutil.rmtree(self.assayd.dir, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def site(own_network):
    sites = []

    def make(**options):
        sites.append(Site(**options))
        return sites[-1]

    yield make
    for each in sites:
        each.remove()


class Kept:
    """What a store has: queue id -> how often, and what it says was lost."""

    def __init__(self, path, query=None):
        self.query = query or self._sqlite
        self.path = path
        self.ids = {}
        for queue_id, count in self.query("SELECT queue_id, count(*) FROM message GROUP BY 1"):
            self.ids[queue_id] = int(count)
        self.lost = int(self.query("SELECT coalesce(sum(messages), 0) FROM loss")[0][0])

    def _sqlite(self, text):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as db:
            return db.execute(text).fetchall()

    def twice(self):
        return [queue_id for queue_id, count in self.ids.items() if count != 1]


# ------------------------------------------------------------------- the MTA


class Mta:
    """Sends messages over many connections until told to stop, and notes each answer."""

    def __init__(self, site, prefix, connections=CONNECTIONS, pause=0.0):
        self.site, self.prefix, self.pause = site, prefix, pause
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.answers = {}  # queue id -> final answer
        self.unanswered = set()
        self.latencies = []  # (when, seconds)
        self.threads = [threading.Thread(target=self._work, args=(n,), daemon=True)
                        for n in range(connections)]
        for thread in self.threads:
            thread.start()

    def _work(self, number):
        draw = random.Random(number)
        count = 0
        while not self.done.is_set():
            client = draw.choice(CLIENTS)
            try:
                session = milter_client.connected(self.site.assayd, client)
            except (OSError, milter_client.Closed):
                time.sleep(0.005)
                continue
            try:
                for _ in range(draw.randrange(1, 40)):
                    if self.done.is_set():
                        break
                    count += 1
                    self._message(session, "%s-%d-%d" % (self.prefix, number, count), draw)
                session.quit()
            except (OSError, milter_client.Closed):
                pass
            session.close()

    def _message(self, session, queue_id, draw):
        domain = draw.choice(POLICIES) + ".example"
        message = ("From: a@%s\r\nSubject: %s\r\n\r\nhello\r\n" % (domain, queue_id)).encode()
        with self.lock:
            self.unanswered.add(queue_id)
        began = time.monotonic()
        reply = session.message(message, ("a@" + domain).encode(), queue_id=queue_id.encode())
        took = time.monotonic() - began
        with self.lock:
            self.unanswered.discard(queue_id)
            self.answers[queue_id] = reply.verdict()
            self.latencies.append((began, took))
        time.sleep(self.pause)

    def count(self):
        with self.lock:
            return len(self.answers)

    def wait(self, more, seconds=30):
        """Until so many more messages have been answered."""
        wanted = self.count() + more
        harness.wait_until(lambda: self.count() >= wanted, seconds, "%d answers" % more,
                           self.site.log)

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a message hangs"
        wrong = {answer for answer in self.answers.values() if answer not in FINAL}
        assert not wrong, (wrong, self.site.log())
        return self.answers

    def slowest(self, begin, end):
        return max(took for when, took in self.latencies if begin <= when < end)


def compare(mta, kept, lost=0):
    """Every answered message once, but for `lost` that were said to be lost; the others at
    most once; nothing else. Returns what to print."""
    assert not kept.twice(), kept.twice()[:5]
    missing = set(mta.answers) - set(kept.ids)
    assert len(missing) == lost, (len(missing), lost, sorted(missing)[:5], mta.site.log())
    unasked = set(kept.ids) - set(mta.answers)
    assert unasked <= mta.unanswered, sorted(unasked - mta.unanswered)[:5]
    return "%d of %d answered are in the store once, %d lost" % (
        len(mta.answers) - len(missing), len(mta.answers), lost)


def load(site, prefix, count, **options):
    """So many messages and no more."""
    mta = Mta(site, prefix, **options)
    mta.wait(count)
    mta.stop()
    return mta


# ------------------------------------------------------------------- kill -9


def test_kill_9(site):
    """At random moments under load: at once after the start, when what the one before left is
    carried over, and any time later. All runs share one journal and one store."""
    draw = random.Random(4711)
    here = site()
    mta = Mta(here, "kill")
    for number in range(KILLS):
        if number:
            with open(here.assayd.log_path, "ab") as log:
                here.assayd.process = subprocess.Popen(
                    harness.WRAPPER + [harness.ASSAYD, "-c", here.assayd.conf_path],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        time.sleep(draw.choice((draw.uniform(0, 0.1), draw.uniform(0.1, 1.5))) * harness.PATIENCE)
        assert here.assayd.process.poll() is None, here.log()
        here.assayd.kill()
    mta.stop()
    here.start()
    here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept)
    beyond = len(set(kept.ids) - set(mta.answers))
    assert len(mta.answers) > 5 * KILLS and kept.lost == 0
    TABLE.append(("%d x kill -9 under load, %d connections" % (KILLS, CONNECTIONS),
                  "%d answers, %d connections broke in a message"
                  % (len(mta.answers), len(mta.unanswered)),
                  "%s; of those without answer %d are, too" % (result, beyond)))


def test_graceful_stop(site):
    """SIGTERM under load leaves nothing behind, and says what it did."""
    here = site()
    mta = Mta(here, "stop")
    mta.wait(300)
    here.assayd.process.terminate()
    here.assayd.process.wait(30 * harness.PATIENCE)
    mta.done.set()
    for thread in mta.threads:
        thread.join(30)
    answered = {i for i, answer in mta.answers.items() if answer in FINAL}
    here.start()  # messages that began after the drain are still in the journal
    here.stop()
    kept = Kept(here.path)
    assert answered <= set(kept.ids) and not kept.twice()
    assert here.assayd.process.returncode == 0
    TABLE.append(("SIGTERM under load", "%d answers" % len(answered), "all in the store once"))


# ------------------------------------------------------------------- the process


def test_reload_storm(site):
    """SIGHUP by the dozen under load, every third configuration a bad one, the others unlike each
    other."""
    here = site()
    mta = Mta(here, "hup")
    mta.wait(100)
    for number in range(90):
        here.assayd.write_config(OnReject=("reject", "perhaps", "quarantine")[number % 3],
                                 MaximumSignatures=str(5 + number % 3))
        here.assayd.process.send_signal(signal.SIGHUP)
        time.sleep(0.02 * harness.PATIENCE)
    here.assayd.write_config(OnReject="reject")
    mta.wait(100)
    mta.stop()
    assert here.said("perhaps")
    recorded, stored, lost = here.stop()
    result = compare(mta, Kept(here.path))
    assert lost == 0 and recorded == stored
    TABLE.append(("90 SIGHUPs in %.1f s, a third of them bad" % (1.8 * harness.PATIENCE),
                  "%d answers" % len(mta.answers), result))


def take_all_descriptors(here, hard):
    """Lets assayd open none beyond those that it has, and fills the gaps; the connections that do."""
    directory = "/proc/%d/fd" % here.assayd.process.pid
    limit = max(int(n) for n in os.listdir(directory)) + 1
    resource.prlimit(here.assayd.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    crowd = []
    while True:
        before = len(os.listdir(directory))
        if before >= limit:
            return crowd
        crowd.append(here.assayd.connect())
        harness.wait_until(lambda: len(os.listdir(directory)) > before, 10, "a connection", here.log)


def test_no_descriptors(site):
    """Not one more can be opened while the journal changes its segments, and while the store, which
    was moved away, is to be opened anew: whatever is closed is taken by a connection that waits."""
    here = site(ReportJournalSize="4M")
    mta = load(here, "before", 100)
    harness.wait_until(lambda: os.path.exists(here.path), 10, "the store", here.log)
    sessions = [milter_client.connected(here.assayd, CLIENTS[0]) for _ in range(4)]
    pid = here.assayd.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    crowd = take_all_descriptors(here, limits[1])
    slowest = 0

    def send(count):
        message = b"From: a@reject.example\r\nSubject: x\r\n\r\nhello\r\n"
        slow = 0
        for number in range(count):
            queue_id = "none-%d" % len(mta.answers)
            began = time.monotonic()
            reply = sessions[number % 4].message(message, b"a@reject.example",
                                                 queue_id=queue_id.encode())
            slow = max(slow, time.monotonic() - began)
            mta.answers[queue_id] = reply.verdict()
            assert reply.verdict() == "accept"
        return slow

    slowest = send(4000)
    crowd += [here.assayd.connect() for _ in range(8)]
    for suffix in ("", "-wal", "-shm"):
        os.rename(here.path + suffix, here.path + ".aside" + suffix)
    slowest = max(slowest, send(4000))
    here.wait_said("unable to open|Too many open files")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    for each in sessions + crowd:
        each.close()
    here.wait_said("works again|can be used now", 90)
    mta.answers.update(load(here, "after", 100).answers)
    _, _, lost = here.stop()
    kept, aside = Kept(here.path), Kept(here.path + ".aside")
    assert not set(kept.ids) & set(aside.ids) and not aside.twice()
    kept.ids.update(aside.ids)
    result = compare(mta, kept, lost)
    assert lost == kept.lost == 0 and slowest < 2 * harness.PATIENCE
    TABLE.append(("no descriptor left; the store moved away meanwhile",
                  "%d answers, the slowest after %.0f ms" % (len(mta.answers), 1000 * slowest),
                  result))


def shim(directory):
    """The library that makes the clock jump, and the file that says how far."""
    library, offset = os.path.join(directory, "shim.so"), os.path.join(directory, "offset")
    done = subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", library,
                           os.path.join(os.path.dirname(__file__), "clock_shim.c")],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("no compiler: " + done.stderr.strip())
    return library, offset


def set_clock(path, seconds):
    mode = "r+b" if os.path.exists(path) else "wb"
    with open(path, mode) as f:
        f.write(struct.pack("=q", seconds))


def test_clock_jumps(site, tmp_path, monkeypatch):
    """Forth and back, by hours, days and years, under load, and once while it stops. Rows are
    dated by the clock of the moment."""
    linked = subprocess.run(["ldd", harness.ASSAYD], capture_output=True, text=True).stdout
    if harness.WRAPPER or "san.so" in linked:
        pytest.skip("a library in front of a sanitizer's")
    library, offset = shim(str(tmp_path))
    set_clock(offset, 0)
    monkeypatch.setenv("CLOCK_SHIM", offset)
    monkeypatch.setenv("LD_PRELOAD", library)
    here = site()
    monkeypatch.delenv("LD_PRELOAD")
    mta = Mta(here, "clock", pause=0.002)
    began, day = time.monotonic(), 86400
    for jump in (3600, -3600, 3 * day, -3 * day, 20 * 365 * day, -20 * 365 * day, 0):
        mta.wait(150)
        set_clock(offset, jump)
        time.sleep(1.2 * harness.PATIENCE)  # the recorder goes to the store
    mta.wait(150)
    mta.stop()
    slowest = mta.slowest(began, time.monotonic())
    set_clock(offset, -5 * day)
    stopping = time.monotonic()
    recorded, stored, lost = here.stop()
    stopping = time.monotonic() - stopping
    kept = Kept(here.path)
    result = compare(mta, kept)
    days = kept.query("SELECT DISTINCT received / 86400 FROM message")
    assert lost == 0 and recorded == stored and len(days) >= 5
    assert slowest < 2 * harness.PATIENCE and stopping < 10 * harness.PATIENCE
    TABLE.append(("clock: 7 jumps of an hour to 20 years, forth and back",
                  "%d answers, the slowest after %.0f ms" % (len(mta.answers), 1000 * slowest),
                  result + "; dated on %d days" % len(days)))


# ------------------------------------------------------------------- the disk


def test_journal_on_a_full_disk(site):
    """Nothing can be written down: mail goes on, and what is lost is said. With the store at
    work the journal gives its room back, so little is."""
    here = site(start=False)
    here.mount(here.journal, "size=128k")
    filler = os.path.join(here.journal, "filler")
    here.start()
    mta = Mta(here, "full")
    mta.wait(200)
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as f:
        while f.write(b"x" * 4096):
            pass
    here.wait_said(r"messages were lost for the reports .* No space left on device")
    mta.wait(200)
    os.unlink(filler)
    mta.wait(300)
    mta.stop()
    recorded, stored, lost = here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept, lost)
    assert kept.lost == lost > 0 and recorded == stored
    TABLE.append(("journal: disk full, then room again", "%d answers" % len(mta.answers), result))


def test_store_on_a_full_disk(site):
    """What does not fit into the store waits in the journal."""
    here = site(start=False)
    volume = os.path.dirname(here.path)
    here.mount(volume, "size=400k")
    here.start()
    mta = Mta(here, "full")
    here.wait_said(r"reports: .*full; make room")
    mta.wait(300)
    here.remount(volume, "size=64m")
    here.wait_said("works again")
    mta.stop()
    recorded, stored, lost = here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept)
    assert lost == kept.lost == 0 and recorded == stored
    TABLE.append(("store: disk full, then room again", "%d answers" % len(mta.answers), result))


def test_both_on_a_full_disk(site):
    """One small disk for both."""
    here = site(start=False, ReportStore="/dev/null/never")
    volume = os.path.join(here.dir, "volume")
    here.mount(volume, "size=600k")
    here.path = os.path.join(volume, "reports.db")
    here.options.update(ReportStore=here.path, ReportJournal=os.path.join(volume, "journal"))
    here.start()
    mta = Mta(here, "both")
    here.wait_said(r"messages were lost for the reports .* No space left on device", 40)
    mta.wait(300)
    here.remount(volume, "size=64m")
    harness.wait_until(lambda: not here.said("mail is not affected, .* wait")
                       or here.said("works again"), 20, "the store to recover", here.log)
    mta.wait(300)
    mta.stop()
    _, _, lost = here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept, lost)
    assert kept.lost == lost > 0
    TABLE.append(("journal and store on one full disk", "%d answers" % len(mta.answers), result))


def test_read_only(site):
    """From the start, as after a disk error: assayd starts, mail goes on, and it mends itself."""
    here = site(start=False)
    volume = os.path.join(here.dir, "volume")
    here.mount(volume, "size=64m,ro")
    here.path = os.path.join(volume, "reports.db")
    here.options.update(ReportStore=here.path, ReportJournal=os.path.join(volume, "journal"))
    here.start()
    before = load(here, "ro", 100)
    here.wait_said("Read-only file system; results are lost until that is mended")
    here.remount(volume, "rw")
    here.wait_said("can be used now")
    after = load(here, "rw", 100)
    _, _, lost = here.stop()
    kept = Kept(here.path)
    assert lost == kept.lost == len(before.answers) and not set(before.answers) & set(kept.ids)
    TABLE.append(("read-only from the start, then writable",
                  "%d answers" % (len(before.answers) + len(after.answers)), compare(after, kept)
                  + "; the %d before are said to be lost" % lost))


def test_journal_that_cannot_be(site):
    """A wrong ReportJournal costs the reports, not the mail."""
    here = site(start=False)
    here.options.update(ReportJournal="/proc/nowhere/journal")
    here.start()
    here.wait_said("mail is checked, but nothing is recorded for reports")
    mta = load(here, "none", 50)
    assert set(mta.answers.values()) <= set(FINAL)
    here.assayd.stop()
    TABLE.append(("ReportJournal cannot be made", "%d answers" % len(mta.answers),
                  "none recorded, and that is said at the start"))


# ------------------------------------------------------------------- SQLite


def test_locked(site):
    """Another process holds the database, as a backup does."""
    here = site()
    mta = Mta(here, "lock", pause=0.01)
    mta.wait(100)
    harness.wait_until(lambda: os.path.exists(here.path), 10, "the store", here.log)
    with contextlib.closing(sqlite3.connect(here.path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        here.wait_said(r"reports: .*locked.* mail is not affected, \d+ messages wait")
        slowest = mta.slowest(began, time.monotonic())
        other.execute("ROLLBACK")
    here.wait_said("works again")
    mta.stop()
    recorded, stored, lost = here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept)
    assert lost == 0 and recorded == stored
    assert slowest < 2 * harness.PATIENCE  # the lock is waited for 5 s, but not by messages
    TABLE.append(("store: locked for 5 s by another",
                  "%d answers, the slowest after %.0f ms" % (len(mta.answers), 1000 * slowest),
                  result))


def test_corrupted_and_moved_aside(site):
    """Garbage where the database was. It is left alone until somebody moves it; the new one has
    what came since, and nothing that the old one had."""
    here = site()
    first = load(here, "first", 200)
    here.stop()
    for suffix in ("", "-wal"):
        path = here.path + suffix
        if not suffix or os.path.exists(path):
            octets = random.Random(1).randbytes(os.path.getsize(path))
            with open(path, "wb") as f:
                f.write(octets)
    here.start()
    second = load(here, "second", 200)
    here.wait_said(r"reports: .*move it away.* mail is not affected")
    assert open(here.path, "rb").read() == random.Random(1).randbytes(os.path.getsize(here.path))
    mta = Mta(here, "third")
    mta.wait(100)
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(here.path + suffix):
            os.rename(here.path + suffix, here.path + suffix + ".aside")
    here.wait_said("works again")
    os.rename(here.path, here.path + ".again")  # while it is open and in use
    for suffix in ("-wal", "-shm"):
        os.rename(here.path + suffix, here.path + ".again" + suffix)
    mta.wait(200)
    here.wait_said("was removed or replaced while it was open; connecting anew")
    mta.stop()
    here.stop()
    here.start()  # nothing comes again after a restart either
    here.stop()
    kept = Kept(here.path)
    again = Kept(here.path + ".again")
    assert not set(again.ids) & set(kept.ids) and not again.twice()
    kept.ids.update(again.ids)
    mta.answers.update(second.answers)
    result = compare(mta, kept)
    assert not set(first.answers) & set(kept.ids)
    TABLE.append(("store: garbage, moved aside; then a good one, too",
                  "%d answers" % (len(first.answers) + len(mta.answers)),
                  result + "; the %d before stay in the old one" % len(first.answers)))


# ------------------------------------------------------------------- PostgreSQL


def test_postgresql_away_and_back(site):
    """Stopped under load, killed under load, and back."""
    postgresql = pytest.importorskip("postgresql")
    reason = postgresql.unavailable()
    if reason:
        pytest.skip(reason)
    server = postgresql.Server()
    try:
        here = site(store=server.uri("reports"))
        mta = Mta(here, "pg", pause=0.005)
        mta.wait(300)
        server.stop()
        here.wait_said(r"reports: PostgreSQL .*; mail is not affected, \d+ messages wait")
        mta.wait(300)
        server.start()
        here.wait_said("works again")
        mta.wait(100)
        server.stop(immediate=True)
        mta.wait(300)
        server.start()
        mta.wait(300)
        mta.stop()
        recorded, stored, lost = here.stop()
        kept = Kept(None, lambda text: server.query("reports", text))
    finally:
        server.remove()
    result = compare(mta, kept)
    assert lost == 0 and recorded == stored
    TABLE.append(("PostgreSQL stopped, back, killed, back", "%d answers" % len(mta.answers),
                  result))


# ------------------------------------------------------------------- the bound


def test_journal_full(site):
    """ReportJournalSize is reached while the store is away: no message waits for that, what is
    lost is said in the log and, once it is back, in the store."""
    here = site(ReportJournalSize="1M")
    harness.wait_until(lambda: os.path.exists(here.path), 10, "the store", here.log)
    time.sleep(0.3)
    with contextlib.closing(sqlite3.connect(here.path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        mta = Mta(here, "bound")
        here.wait_said("more than ReportJournalSize waits for the store", 60)
        began = time.monotonic()
        mta.wait(1000, 60)
        slowest = mta.slowest(began, time.monotonic())
        other.execute("ROLLBACK")
    mta.wait(500, 60)
    mta.stop()
    recorded, stored, lost = here.stop()
    kept = Kept(here.path)
    result = compare(mta, kept, lost)
    assert kept.lost == lost > 0 and recorded == stored
    assert slowest < 2 * harness.PATIENCE
    TABLE.append(("journal: ReportJournalSize reached",
                  "%d answers, the slowest after %.0f ms" % (len(mta.answers), 1000 * slowest),
                  result))
