"""Reports as they are shown: as tables, sheets, pictures and digests, whatever names and titles hold."""

import csv
import re
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import StringIO
from xml.etree import ElementTree as ET

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from pulseops.analytics.period import last_week, period
from pulseops.analytics.reports import Report, WeeklyReport
from pulseops.analytics.sheets import sheet
from pulseops.cli import render
from pulseops.cli.report import charts
from pulseops.cli.report import sentences as report_words
from pulseops.cli.report.digest import markdown
from pulseops.cli.report.digest_page import page
from pulseops.cli.report.tables import told
from pulseops.cli.words import harmless
from pulseops.client.reading import reader
from pulseops.kernel.errors import InvalidInput
from tests import reporting
from tests.reporting import WEEK, ZONE

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "a\u202egpj.exe\u2066",
    "[click](javascript:alert(1)) ![x](http://evil.example/x) <http://evil.example>",
    "| a | b |\n\n# heading\n- item",
    "$x^2$ & \\frac `code` **bold** ~~gone~~",
    "=cmd|'/c calc'!A1",
    "www.evil.example/x WWW.evil.example http://evil.example",
)


def reports_of(name: str) -> list[Report]:
    """Every kind of report, with `name` wherever somebody else's words are."""
    return [
        reporting.timed(names=(name, "other")),
        reporting.load(name),
        reporting.noise(name),
        reporting.weekly(title=name, name=name),
    ]


@pytest.mark.parametrize("columns", [60, 90, 120, 10_000])
def test_a_table_has_every_row_and_no_line_that_is_too_long(columns: int) -> None:
    for report in reporting.every():
        lines = render.plainly(told(report, columns), columns).splitlines()
        assert lines[0] == report_words.title(report)
        assert "2026-10-19 to 2026-10-25 (Europe/Berlin)" in lines[1]
        assert max(map(len, lines)) <= columns
    text = render.plainly(told(reporting.timed(), 120), 120)
    assert re.search(r"payments +84 +80 +3 min 35 s +-10 % .* +[▁▂▃▄▅▆▇█]{6}\n", text), text
    assert re.search(r"\nall +222 +206 ", text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_moves_no_cursor_and_is_no_markup(name: str) -> None:
    for report in reports_of(name):
        text = render.plainly(told(report, 200), 200)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        assert "owned" in text or "owned" not in name


@pytest.mark.parametrize("name", [*HOSTILE, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_of_a_sheet_is_never_a_formula(name: str) -> None:
    for report in reports_of(name):
        lines = list(csv.reader(StringIO(sheet(report), newline="")))
        assert len({len(line) for line in lines}) == 1, "as many cells in each line"
        kept = [cell.replace("'", "") for line in lines for cell in line]
        assert any(name.replace("'", "") in cell for cell in kept), "nothing of it is lost"
        for cell in (cell for line in lines for cell in line):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("name", ["a;=1+1", "a;b\t@SUM(A1)", 'a"\n-1', "\uff1d1+1", "x;+1;-1", "\t=1;=2"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_nor_is_it_one_for_who_parts_lines_otherwise(name: str, delimiter: str) -> None:
    """Spreadsheets take the list separator of the country for the end of a cell, whatever the file is."""
    for report in reports_of(name):
        for line in csv.reader(StringIO(sheet(report), newline=""), delimiter=delimiter):
            for cell in (part for whole in line for part in whole.splitlines()):
                assert not cell.startswith(("=", "+", "-", "@", "\uff1d", "\t")), line


def test_a_sheet_has_the_same_columns_whatever_is_in_it() -> None:
    for report in reporting.every():
        empty = (
            replace(report, rows=()) if hasattr(report, "rows") else replace(report, slowest=(), oldest=())
        )
        assert sheet(report).partition("\r\n")[0] == sheet(empty).partition("\r\n")[0]
    first, *lines = csv.DictReader(StringIO(sheet(reporting.timed()), newline=""))
    assert (first["of"], first["incidents"], first["mean"]) == ("all", "222", "421.4")
    [payments] = [line for line in lines if (line["period"], line["name"]) == ("now", "payments")]
    assert float(payments["p99"]) == 1505


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text = set[str](), list[tuple[str, str | None]](), ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_is_text_in_a_page_and_in_markdown(title: str) -> None:
    plain, hostile = (_Page(page(reporting.weekly(title=one, name=one))) for one in ("plain", title))
    assert hostile.tags == plain.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]
    assert harmless(title) in hostile.text
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
    shown, ours = (parser.render(markdown(reporting.weekly(title=one, name=one))) for one in ("plain", title))
    assert re.findall(r"</?\w+", ours) == re.findall(r"</?\w+", shown)
    assert harmless(title) in _Page(ours).text
    assert not re.search(
        r"www\.|https?:/", markdown(reporting.weekly(title=title, name=title)), re.IGNORECASE
    )


def test_a_page_asks_nothing_of_a_network_and_tells_all_that_the_digest_has() -> None:
    html = page(reporting.weekly())
    assert not re.search(r"(?:src|href|url|@import)\s*[=(]", html)
    text = _Page(html).text
    for told_ in (
        "222",
        "+12 %, from 198",
        "-2.1 points, from 10 %",
        "Disk of db-3 is 91 % full",
        "could be silenced",
    ):
        assert told_ in text
    assert html.count("<rect") == len(WEEK.steps())


def test_what_to_mind_is_said() -> None:
    report = reporting.timed()
    few = replace(report, rows=(replace(report.rows[0], now=reporting.durations(1, 1, 60)),))
    assert "Percentiles of fewer than 10 say little; of one they are that one." in report_words.notes(few)
    none = replace(report, total=reporting.durations(3, 0, 0))
    assert list(report_words.notes(none)) == ["Nothing of it was acknowledged yet."]
    empty = replace(report, total=reporting.durations(0, 0, 0), rows=())
    assert list(report_words.notes(empty)) == ["Nothing was reported in this time."]
    late = replace(report, incomplete_since=WEEK.until - timedelta(hours=1))
    assert next(report_words.notes(late)) == (
        "Not complete: what was recorded from 2026-10-25 23:00:00 on does not show yet."
    )
    for shown in (render.plainly(told(empty, 80), 80), markdown(_nothing()), _Page(page(_nothing())).text):
        assert "Nothing was reported in this time." in shown


def _nothing() -> WeeklyReport:
    found = reporting.weekly()
    return replace(
        found,
        figures=(),
        series=tuple(replace(one, incidents=0, ended=0, mean=None) for one in found.series),
        slowest=(),
        noisiest=(),
        oldest=(),
        corrections=(),
    )


@pytest.mark.parametrize("report", [*reporting.every(), _nothing()], ids=lambda report: report.report)
def test_a_picture_is_drawn_and_the_same_numbers_give_the_same_bytes(report: Report) -> None:
    first, again = charts.drawn(report, "svg"), charts.drawn(report, "svg")
    assert first == again
    root = ET.fromstring(first)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"dc:date" not in first
    assert charts.drawn(report, "png").startswith(b"\x89PNG")


def test_a_picture_takes_any_name() -> None:
    ET.fromstring(charts.drawn(reporting.timed(names=(*HOSTILE, "漢字 🚨", None)), "svg"))


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(charts.NoCharts, match=r"pip install 'pulseops\[charts\]'"):
        charts.drawn(reporting.timed(), "png")


def test_a_report_of_a_newer_server_is_read() -> None:
    for report in reporting.every():
        newer = msgspec.json.decode(msgspec.json.encode(report)) | {"more": 1}
        read = reader(type(report))(msgspec.json.encode(newer))
        assert render.plainly(told(read, 120), 120) == render.plainly(told(report, 120), 120)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([0, 0], "▁▁"),
        ([1, 4, 8], "▂▅█"),
        ([None, 8.0, None], " █ "),
        ([1] * 48, "█" * 24),
    ],
)
def test_a_sparkline_begins_at_zero(values: list[float | None], shown: str) -> None:
    assert report_words.spark(values) == shown


def test_days_are_days_of_the_zone_and_the_period_before_has_as_many() -> None:
    assert len(WEEK.steps()) == 7
    assert (WEEK.until - WEEK.since) == timedelta(days=7, hours=1), "the clocks go back"
    before = WEEK.before()
    assert (before.until, before.until - before.since) == (WEEK.since, timedelta(days=7))
    spring = period(
        datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC), ZONE, now=NOW
    )
    assert (spring.step, len(spring.steps())) == ("hour", 23)
    some = period(NOW - timedelta(hours=5), NOW - timedelta(hours=2), "Asia/Kathmandu", now=NOW)
    assert some.before().since == NOW - timedelta(hours=8)
    assert all(at.astimezone(UTC).minute == 15 for at in some.steps())
    assert some.steps()[0] <= some.since < some.steps()[1]


def test_a_day_without_a_midnight_is_a_whole_day_all_the_same() -> None:
    """In Cairo clocks go forward at midnight, on Fridays."""
    friday = period(
        datetime(2026, 4, 23, 22, tzinfo=UTC), datetime(2026, 4, 25, 21, tzinfo=UTC), "Africa/Cairo", now=NOW
    )
    assert report_words.days(friday) == "2026-04-24 to 2026-04-25 (Africa/Cairo)"
    assert friday.before().since == datetime(2026, 4, 21, 22, tzinfo=UTC)
    assert [step.hour for step in friday.steps()[:1]] == [22]


def test_the_first_step_has_the_beginning_in_it_also_where_clocks_change_by_half_an_hour() -> None:
    since = datetime(2026, 4, 4, 15, 15, tzinfo=UTC)  # 01:45 for the second time
    some = period(since, since + timedelta(hours=3), "Australia/Lord_Howe", now=NOW)
    assert some.steps()[0] <= since < some.steps()[1]


def test_the_last_week_is_whole_and_a_time_to_come_is_now() -> None:
    week = last_week(ZONE, now=NOW)
    assert report_words.days(week) == "2026-11-16 to 2026-11-22 (Europe/Berlin)"
    assert period(None, None, "UTC", now=NOW).since == NOW - timedelta(days=7)
    assert period(NOW - timedelta(hours=1), NOW + timedelta(days=9), "UTC", now=NOW).until == NOW
    with pytest.raises(InvalidInput, match="Did you mean Europe/Berlin"):
        last_week("europe/berlin", now=NOW)
