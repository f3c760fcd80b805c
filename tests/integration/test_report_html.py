"""The page of `assay report read --html`, as a browser shows it: light, dark, on a telephone.

Made-up figures come from tests/report_html_demo; a page from real reports from the command itself.
"""

import html.parser
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib

import pytest

import harness

DEMO = os.path.join(harness.BUILD, "tests", "report_html_demo")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--force-color-profile=srgb"]
DARK = "--force-dark-mode"
WIDE, PHONE = (1280, 900), (390, 900)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")


class Picture:
    """A PNG with 8 bits a channel, as Chromium writes it."""

    def __init__(self, path):
        with open(path, "rb") as stream:
            octets = stream.read()
        assert octets[:8] == b"\x89PNG\r\n\x1a\n"
        data, at = b"", 8
        while at < len(octets):
            size, kind = struct.unpack("!I4s", octets[at:at + 8])
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack("!IIBB", octets[at + 8:at + 18])
                assert depth == 8 and colour in (2, 6), "a PNG that this reader does not know"
            elif kind == b"IDAT":
                data += octets[at + 8:at + 8 + size]
            at += size + 12
        self.channels = 3 if colour == 2 else 4
        self.rows = list(self.unfiltered(zlib.decompress(data)))

    def unfiltered(self, data):
        """The rows, their filters (PNG 9.2) undone."""
        step, length = self.channels, self.width * self.channels
        above = bytearray(length)
        for y in range(self.height):
            start = y * (length + 1)
            kind, row = data[start], bytearray(data[start + 1:start + 1 + length])
            if kind == 1:
                for i in range(step, length):
                    row[i] = (row[i] + row[i - step]) & 255
            elif kind == 2:
                row = bytearray((a + b) & 255 for a, b in zip(row, above))
            elif kind == 3:
                for i in range(length):
                    left = row[i - step] if i >= step else 0
                    row[i] = (row[i] + (left + above[i]) // 2) & 255
            elif kind == 4:
                for i in range(length):
                    left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
                    row[i] = (row[i] + paeth(left, above[i], corner)) & 255
            above = row
            yield row

    def pixel(self, x, y):
        return tuple(self.rows[y][x * self.channels:x * self.channels + 3])

    def colours(self):
        """How often each colour occurs, on every other pixel."""
        count = {}
        for y in range(0, self.height, 2):
            for x in range(0, self.width, 2):
                pixel = self.pixel(x, y)
                count[pixel] = count.get(pixel, 0) + 1
        return count

    def right_edge(self, pixels):
        return {self.pixel(x, y) for y in range(self.height)
                for x in range(self.width - pixels, self.width)}


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.attributes = [], set()

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes |= {name for name, _ in attributes}


def paeth(left, up, corner):
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def chromium(page, *arguments):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        done = subprocess.run([CHROMIUM, *FLAGS, "--user-data-dir=" + home, *arguments,
                               "file://" + str(page)],
                              capture_output=True, env=dict(os.environ, HOME=home),
                              timeout=120 * harness.PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode()


def screenshot(page, size, *arguments):
    path = str(page) + ".png"
    chromium(page, "--window-size=%d,%d" % size, "--screenshot=" + path, *arguments)
    picture = Picture(path)
    assert (picture.width, picture.height) == size
    return picture


def near(a, b):
    return all(abs(x - y) <= 3 for x, y in zip(a, b))


def demo(tmp_path, case):
    if not os.path.exists(DEMO):
        pytest.skip("no %s: make check builds it" % DEMO)
    page = tmp_path / (case + ".html")
    with open(page, "wb") as out:
        subprocess.run([DEMO, case], stdout=out, check=True, timeout=60)
    return page


def assert_drawn(picture, paper, blue, orange):
    """Text, and both colours of the plots, on that paper."""
    colours = picture.colours()
    assert len(colours) > 100, "an empty page?"
    assert near(max(colours, key=colours.get), paper)
    seen = sum(colours.values())
    assert sum(n for c, n in colours.items() if near(c, blue)) > seen / 500, "no passed messages"
    assert sum(n for c, n in colours.items() if near(c, orange)) > seen / 20000, "no failed messages"


LIGHT_COLOURS = (0xFC, 0xFC, 0xFB), (0x3D, 0x7A, 0xB5), (0xD1, 0x5A, 0x12)
DARK_COLOURS = (0x14, 0x18, 0x1C), (0x5E, 0x9F, 0xD8), (0xEE, 0x8B, 0x4C)


@needs_chromium
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_usual_page_is_drawn(tmp_path, size, theme):
    arguments = [DARK] if theme == "dark" else []
    picture = screenshot(demo(tmp_path, "usual"), size, *arguments)
    assert_drawn(picture, *(DARK_COLOURS if theme == "dark" else LIGHT_COLOURS))


@needs_chromium
@pytest.mark.parametrize("case", ["empty", "one-message", "days-400", "sources-10000", "hostile",
                                  "long-names", "huge"])
def test_odd_pages_fit_a_telephone(tmp_path, case):
    """Nothing sticks out on the right: the margin there is empty."""
    picture = screenshot(demo(tmp_path, case), (PHONE[0], 3000))
    assert len(picture.colours()) > 20
    assert len(picture.right_edge(6)) == 1


@needs_chromium
def test_the_browser_reads_what_was_meant(tmp_path):
    dom = chromium(demo(tmp_path, "usual"), "--dump-dom")
    text = re.sub(r"<[^>]*>", "", dom)
    assert "99.0\u202f% of 1,204,332 messages passed DMARC; 2 sources account for most failures." in text
    assert "96.2\u202f%, 10 Nov 2026" in text
    assert "Duplicates, left out4" in text
    assert dom.count("<svg") == dom.count("</svg>") > 50


@needs_chromium
def test_hostile_text_runs_nothing(tmp_path):
    """What strangers wrote comes back as text, also after a browser has parsed it."""
    dom = chromium(demo(tmp_path, "hostile"), "--dump-dom")
    tags = Tags()
    tags.feed(dom)
    assert not {"script", "iframe", "img", "link", "object"} & set(tags.names)
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "href")]
    assert dom.count("&lt;script&gt;alert(1)") > 10
    assert tags.names.count("main") == tags.names.count("style") == 1


# ---- real reports ----

RECORD = """<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated>
<disposition>%s</disposition><dkim>%s</dkim><spf>%s</spf></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers>
<auth_results><spf><domain>example.com</domain><result>%s</result></spf></auth_results></record>"""

REPORT = """<?xml version="1.0"?><feedback><report_metadata><org_name>%s</org_name>
<email>a@b.example</email><report_id>%s</report_id>
<date_range><begin>%d</begin><end>%d</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>quarantine</p></policy_published>%s</feedback>"""


def write_reports(directory, days=7):
    """Each day 10,000 messages, of which 130 fail; one report twice, one file that is none."""
    begin = 1795219200 - 1795219200 % 86400
    for day in range(days):
        records = (RECORD % ("192.0.2.1", 9870, "none", "pass", "pass", "pass")
                   + RECORD % ("203.0.113.7", 130, "quarantine", "fail", "fail", "fail"))
        start = begin - (days - day) * 86400
        report = REPORT % ("receiver <b>.example".replace("<", "&lt;"), "id-%d" % day, start,
                           start + 86399, records)
        (directory / ("report-%d.xml" % day)).write_text(report)
    (directory / "again.xml").write_text(report)
    (directory / "broken.xml").write_text("<feedback><report_meta")


def test_a_page_of_real_reports(tmp_path):
    reports, page = tmp_path / "reports", tmp_path / "page.html"
    reports.mkdir()
    write_reports(reports)
    done = subprocess.run([harness.ASSAY, "report", "read", "--html", str(page), str(reports)],
                          capture_output=True, text=True, timeout=60 * harness.PATIENCE)
    assert page.exists(), done.stderr
    written = page.read_text()
    for text in ["98.7\u202f% of 70,000 messages passed DMARC", "203.0.113.7",
                 "alone accounts for all failures", "Never passed.", "<dt>Reports read</dt><dd>7</dd>",
                 "<dt>Duplicates, left out</dt><dd>1</dd>", "<dt>Unreadable</dt><dd>1</dd>",
                 "receiver &lt;b&gt;.example", "Messages per day"]:
        assert text in written, text
    if CHROMIUM is None:
        pytest.skip("the page was written, but there is no chromium to draw it")
    assert_drawn(screenshot(page, WIDE), *LIGHT_COLOURS)
    assert "98.7\u202f% of 70,000" in chromium(page, "--dump-dom")
