"""Reports as CSV (RFC 4180): one line a number of somebody, of all, or of a step. Pure.

Spreadsheets take a cell that begins like a formula for one: such text gets an apostrophe before it, also
where it is a cell only for those that part lines by semicolons or tabs, as they do in half of Europe.
"""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from pulseops.analytics.reports import (
    Durations,
    Load,
    LoadReport,
    Noise,
    NoiseReport,
    Report,
    TimedReport,
    WeeklyReport,
)

MEDIA = "text/csv"

_FIRST = ("period", "of", "name")
# The last four are as wide as what is written in Japan, and as good.
_FORMULA = re.compile("(?:^|(?<=[;\t\r\n]))(?=[-=+@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")

Cell = str | int | float | bool | datetime | UUID | None
Line = dict[str, Cell]


def sheet(report: Report) -> str:
    """With a line of names first. Times are of UTC, durations in seconds, shares from 0 to 1."""
    into = StringIO(newline="")
    writer = csv.DictWriter(into, _names(report), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in _lines(report))
    return into.getvalue()


def _names(report: Report) -> tuple[str, ...]:
    """The same for all reports of a kind, whatever is in them."""
    match report:
        case WeeklyReport():
            return (*_FIRST, "unit", "value", "id", "priority", "team", "at", "incidents")
        case NoiseReport():
            return (*_FIRST, *Noise.__struct_fields__, "silence", "at")
        case LoadReport():
            return (*_FIRST, *Load.__struct_fields__, "at")
        case TimedReport():
            return (*_FIRST, *Durations.__struct_fields__, "at")


def _lines(report: Report) -> Iterator[Line]:
    match report:
        case TimedReport():
            yield from _compared("all", None, report.total, report.total_before)
            for row in report.rows:
                yield from _compared(report.by, row.value, row.now, row.before)
        case LoadReport():
            yield from _compared("all", None, report.total, report.total_before)
            for line in report.rows:
                yield from _compared(line.kind, line.name, line.now, line.before)
        case NoiseReport():
            yield from _compared("all", None, report.total, report.total_before)
            for one in report.rows:
                for found in _compared(report.by, one.value, one.now, one.before):
                    yield found | {"silence": one.silence}
        case WeeklyReport():
            yield from _digest(report)
            return
    for step in report.series:
        yield _line("now", report.period.step, None, step)


def _compared(of: str, name: str | None, now: Struct, before: Struct | None) -> Iterator[Line]:
    yield _line("now", of, name, now)
    if before is not None:
        yield _line("before", of, name, before)


def _line(period: str, of: str, name: str | None, numbers: Struct) -> Line:
    return {"period": period, "of": of, "name": name, **asdict(numbers)}


def _digest(report: WeeklyReport) -> Iterator[Line]:
    for figure in report.figures:
        for period, value in (("now", figure.now), ("before", figure.before)):
            yield {"period": period, "of": "figure", "name": figure.name, "unit": figure.unit, "value": value}
    for of, incidents in (("slowest", report.slowest), ("oldest", report.oldest)):
        for told in incidents:
            line: Line = {
                "period": "now",
                "of": of,
                "name": told.title,
                "unit": "seconds",
                "value": told.seconds,
            }
            yield line | {"id": told.id, "priority": told.priority, "team": told.team, "at": told.created_at}
    for row in report.noisiest:
        share: Line = {"unit": "share", "value": row.now.share, "incidents": row.now.incidents}
        yield {"period": "now", "of": "noisiest", "name": row.value, **share}
    for one in report.corrections:
        name = f"{one.field}: {one.was or '-'} to {one.now}"
        yield {"period": "now", "of": "correction", "name": name, "unit": "times", "value": one.times}


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case str():
            return _FORMULA.sub("'", value)
        case float():
            return f"{value:.6g}" if abs(value) < 1 else f"{value:.3f}".rstrip("0").rstrip(".")
        case _:
            return str(value)
