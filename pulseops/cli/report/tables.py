"""Reports as tables for a terminal, with a sparkline a line. Data is never markup."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pulseops.analytics.reports import (
    Durations,
    LoadReport,
    LoadRow,
    Noise,
    NoiseReport,
    NoiseRow,
    Report,
    TimedReport,
    Told,
    WeeklyReport,
)
from pulseops.cli.render import PRIORITY
from pulseops.cli.report.sentences import (
    BY,
    ENDED,
    FIGURES,
    Turn,
    about,
    change,
    lasted,
    notes,
    of_figure,
    percent,
    points,
    reported,
    shown,
    spark,
    title,
    turn,
)
from pulseops.cli.words import harmless

_STYLE: dict[Turn, str] = {"better": "green", "worse": "red", "same": "dim"}
_ROOMY, _WIDE = 90, 110
"""Columns from which on there is room for more than the essential, and for all."""
_ALL = Text("all", style="bold")


def told(report: Report, columns: int) -> RenderableType:
    """Title, period, table, and what is to be minded."""
    heading = Text(title(report), style="bold")
    parts: list[RenderableType] = [heading, Text(harmless(about(report)), style="dim")]
    if reported(report):
        parts.extend(Padding(part, (1, 0, 0, 0)) for part in _tables(report, columns))
    parts.extend(Padding(Text(harmless(note), style="dim"), (1, 0, 0, 0)) for note in notes(report))
    return Group(*parts)


def _tables(report: Report, columns: int) -> Iterator[RenderableType]:
    match report:
        case TimedReport():
            yield _timed(report, columns)
        case LoadReport():
            yield from _load(report, columns)
        case NoiseReport():
            yield _noise(report, columns)
        case WeeklyReport():
            yield from _weekly(report, columns)


def _rows(*names: str, left: int = 1) -> Table:
    """The first `left` columns hold words, the others numbers."""
    rows = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(names):
        word = number < left or name == "TREND"
        rows.add_column(name, justify="left" if word else "right", no_wrap=True, overflow="ellipsis")
    return rows


def _timed(report: TimedReport, columns: int) -> Table:
    names = [BY.get(report.by, report.by).upper(), "REPORTED", ENDED.get(report.report, "ended").upper()]
    names += ["MEDIAN", "CHANGE", *["P90", "P99"][: _percentiles(columns)], "MEAN"]
    if report.report == "mttr":
        names.append("REOPENED")
    if columns >= _ROOMY:
        names.append("TREND")
    rows = _rows(*names)

    def add(name: Text, now: Durations, before: Durations | None, series: Sequence[float | None]) -> None:
        cells: list[RenderableType] = [f"{now.incidents:,}", f"{now.ended:,}", lasted(now.p50)]
        cells.append(_change(now.p50, before.p50 if before else None))
        cells += [lasted(one) for one in (now.p90, now.p99)[: _percentiles(columns)]]
        cells.append(lasted(now.mean))
        cells += [f"{now.reopened:,}"] if report.report == "mttr" else []
        rows.add_row(name, *cells, *([spark(series)] if columns >= _ROOMY else []))

    for row in report.rows:
        add(_name(row.value), row.now, row.before, row.series)
    add(_ALL, report.total, report.total_before, [one.mean for one in report.series])
    return rows


def _percentiles(columns: int) -> int:
    """For how many beside the median there is room."""
    return (columns >= _ROOMY) + (columns >= _WIDE)


def _load(report: LoadReport, columns: int) -> Iterator[Table]:
    for kind in ("team", "person"):
        lines = [row for row in report.rows if row.kind == kind]
        if lines:
            yield _of_kind(kind, lines, columns)


def _of_kind(kind: str, lines: Sequence[LoadRow], columns: int) -> Table:
    names = [kind.upper(), "REPORTED" if kind == "team" else "GIVEN", "ACKED", "RESOLVED", "ESCALATED"]
    names += ["AFTER HOURS", "NIGHT", "SHARE", *(["CHANGE", "TREND"] if columns >= _ROOMY else [])]
    rows = _rows(*names)
    for row in lines:
        now, before = row.now, row.before
        counts = (
            now.incidents,
            now.acknowledged,
            now.resolved,
            now.escalated,
            now.outside_hours,
            now.at_night,
        )
        cells: list[RenderableType] = [*(f"{one:,}" for one in counts), percent(now.share)]
        if columns >= _ROOMY:
            cells += [_change(now.acts, before.acts if before else None), spark(row.series)]
        rows.add_row(_name(row.name), *cells)
    return rows


def _noise(report: NoiseReport, columns: int) -> Table:
    names = [BY.get(report.by, report.by).upper(), "REPORTED", "NOISE", "SHARE", "CHANGE", "UNATTENDED"]
    names += ["FALSE ALARMS", "DUPLICATES", "REOPENED"] if columns >= _ROOMY else []
    rows = _rows(*names, "TREND")

    def add(name: Text, now: Noise, before: Noise | None, series: Sequence[int]) -> None:
        counts = (now.false_alarms, now.duplicates, now.reopened)
        rows.add_row(
            name,
            f"{now.incidents:,}",
            f"{now.noisy:,}",
            percent(now.share),
            _change(now.noisy, before.noisy if before else None),
            f"{now.unattended:,}",
            *((f"{one:,}" for one in counts) if columns >= _ROOMY else ()),
            spark(series),
        )

    for row in report.rows:
        add(_noisy_name(row), row.now, row.before, row.series)
    add(_ALL, report.total, report.total_before, [one.noisy for one in report.series])
    return rows


def _weekly(report: WeeklyReport, columns: int) -> Iterator[RenderableType]:
    rows = _rows("", "NOW", "BEFORE", "CHANGE")
    for one in report.figures:
        changed = Text(points(one), style=_STYLE[of_figure(one)])
        rows.add_row(FIGURES.get(one.name, one.name), shown(one, one.now), shown(one, one.before), changed)
    yield rows
    yield Text.assemble("Reported a day  ", spark([one.incidents for one in report.series]))
    yield from _incidents("Slowest to be acknowledged", report.slowest, columns)
    if report.noisiest:
        noisy = _rows("NOISIEST", "REPORTED", "NOISE", "SHARE")
        for row in report.noisiest:
            now = row.now
            noisy.add_row(_noisy_name(row), f"{now.incidents:,}", f"{now.noisy:,}", percent(now.share))
        yield noisy
    yield from _incidents("Oldest that were open", report.oldest, columns)
    if report.corrections:
        corrected = _rows("CORRECTED", "FROM", "TO", "TIMES", left=3)
        for what in report.corrections:
            corrected.add_row(what.field, _name(what.was), _name(what.now), f"{what.times:,}")
        yield corrected


def _incidents(heading: str, incidents: Sequence[Told], columns: int) -> Iterator[Table]:
    if not incidents:
        return
    rows = Table(box=None, pad_edge=False, header_style="dim")
    rows.add_column("AFTER" if heading.startswith("Slow") else "AGE", justify="right", no_wrap=True)
    for name in ("PRIORITY", "TEAM", *(["ID"] if columns >= _WIDE else [])):
        rows.add_column(name, no_wrap=True)
    rows.add_column(heading.upper(), no_wrap=True, overflow="ellipsis")
    for one in incidents:
        identity = [Text(str(one.id), style="dim")] if columns >= _WIDE else []
        words = (
            Text(harmless(one.priority or "-"), style=PRIORITY.get(one.priority or "", "")),
            _name(one.team),
        )
        rows.add_row(lasted(one.seconds), *words, *identity, Text(harmless(one.title)))
    yield rows


def _name(value: str | None) -> Text:
    return Text("-", style="dim") if value is None else Text(harmless(value))


def _noisy_name(row: NoiseRow) -> Text:
    """With a mark where it is a candidate for silence."""
    return Text.assemble(_name(row.value), ("  silence?", "yellow") if row.silence else "")


def _change(now: float | None, before: float | None) -> Text:
    return Text(change(now, before), style=_STYLE[turn(now, before)])
