"""Reports in words, for every face that they have: what it is about, how it changed, what to mind. Pure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from pulseops.analytics.period import Period
from pulseops.analytics.reports import (
    Figure,
    LoadReport,
    NoiseReport,
    Report,
    TimedReport,
    WeeklyReport,
)
from pulseops.kernel.durations import span

Turn = Literal["better", "worse", "same"]

FEW = 10
"""Of fewer durations than this a percentile says little."""
_WEEK = (7, 8)
"""Days that a week touches, whenever it begins."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_WHOLE = 0.1
"""From this share on nobody wants a fraction."""
_STEADY = 0.005  # what is rounded to no per cent

_TITLES = {
    "mtta": "Time to acknowledge",
    "mttr": "Time to resolve",
    "load": "Load by team and person",
    "noise": "Noise",
    "weekly": "Incidents of the week",
}
ENDED = {"mtta": "acknowledged", "mttr": "resolved"}
BY = {"dedupKey": "key"}

FIGURES = {
    "reported": "Reported",
    "resolved": "Resolved",
    "open": "Open at the end",
    "mtta": "Median time to acknowledge",
    "mttr": "Median time to resolve",
    "unacknowledged": "Never acknowledged",
    "escalated": "Escalated",
    "reopened": "Reopened",
    "noisy": "Noise",
    "corrections": "Corrections of rules",
    "outsideHours": "Reported outside business hours",
}
_MORE_IS_WELCOME = frozenset(("resolved",))


def title(report: Report) -> str:
    """`Time to acknowledge by team`."""
    words = _TITLES.get(report.report, report.report)
    match report:
        case TimedReport() | NoiseReport():
            return f"{words} by {BY.get(report.by, report.by)}"
        case WeeklyReport() if report.period.step == "hour" or len(report.period.steps()) not in _WEEK:
            return "Incidents of some days"
        case _:
            return words


def days(period: Period) -> str:
    """`2026-11-23 to 2026-11-29 (Europe/Berlin)`: whole days with the last one, other times to the minute."""
    if (days := period.days()) is not None:
        first, last = days
        return f"{first} ({period.zone})" if first == last else f"{first} to {last} ({period.zone})"
    zone = ZoneInfo(period.zone)
    since, until = period.since.astimezone(zone), period.until.astimezone(zone)
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} ({period.zone})"


def about(report: Report) -> str:
    """The period and, where it is limited, the teams."""
    teams = (
        f" · {'team' if len(report.teams) == 1 else 'teams'} {', '.join(report.teams)}"
        if report.teams
        else ""
    )
    return days(report.period) + teams


def notes(report: Report) -> Iterator[str]:
    """What whoever reads it must know, a sentence each."""
    if report.incomplete_since is not None:
        when = report.incomplete_since.astimezone(ZoneInfo(report.period.zone))
        yield f"Not complete: what was recorded from {when:%Y-%m-%d %H:%M:%S} on does not show yet."
    if not reported(report):
        yield "Nothing was reported in this time."
        return
    if isinstance(report, TimedReport):
        word = ENDED.get(report.report, "ended")
        if not report.total.ended:
            yield f"Nothing of it was {word} yet."
        elif any(0 < row.now.ended < FEW for row in report.rows):
            yield f"Percentiles of fewer than {FEW} say little; of one they are that one."
    if isinstance(report, LoadReport):
        yield f"Business hours are {report.business_hours}, nights {report.night}, in {report.period.zone}."
    if not isinstance(report, WeeklyReport) and report.others:
        yield f"{report.others:,} more {'is' if report.others == 1 else 'are'} not shown: see --rows."


def reported(report: Report) -> int:
    """How many incidents it is about."""
    match report:
        case WeeklyReport():
            return sum(one.incidents for one in report.series)
        case LoadReport():
            return len(report.rows)
        case _:
            return report.total.incidents


def lasted(seconds: float | None) -> str:
    return "-" if seconds is None else span(timedelta(seconds=seconds))


def shown(figure: Figure, value: float | None) -> str:
    """A headline number with its unit."""
    if value is None:
        return "-"
    match figure.unit:
        case "seconds":
            return lasted(value)
        case "share":
            return percent(value)
        case _:
            return f"{value:,.0f}"


def percent(share: float) -> str:
    """`3.5 %`, `42 %`."""
    return f"{share:.{0 if share >= _WHOLE or not share else 1}%}".replace("%", " %")


def change(now: float | None, before: float | None) -> str:
    """`+12 %`, `-8 %`, `±0 %`; nothing where there was nothing to hold it against."""
    if now is None or not before:
        return ""
    by = now / before - 1
    if abs(by) < _STEADY:
        return "±0 %"
    return f"{by:+,.0%}".replace("%", " %")


def points(figure: Figure) -> str:
    """How a headline number changed: shares by points, everything else by per cent."""
    if figure.unit != "share":
        return change(figure.now, figure.before)
    if figure.now is None or figure.before is None:
        return ""
    return f"{100 * (figure.now - figure.before):+.1f} points"


def turn(now: float | None, before: float | None, *, welcome: bool = False) -> Turn:
    """Whether less is better, or more where that is `welcome`."""
    if now is None or before is None or abs(now - before) <= _STEADY * max(abs(before), 1e-9):
        return "same"
    return "better" if (now > before) == welcome else "worse"


def of_figure(figure: Figure) -> Turn:
    return turn(figure.now, figure.before, welcome=figure.name in _MORE_IS_WELCOME)


def spark(values: Sequence[float | None], columns: int = 24) -> str:
    """`▁▃ █`: a block a value, from 0 to the highest, and a blank for none; at most `columns` of them."""
    held = _thinned(values, columns)
    top = max((one for one in held if one is not None), default=0)
    if not top:
        return "".join(" " if one is None else _BLOCKS[0] for one in held)
    last = len(_BLOCKS) - 1
    return "".join(" " if one is None else _BLOCKS[round(last * one / top)] for one in held)


def _thinned(values: Sequence[float | None], most: int) -> Sequence[float | None]:
    """Means of neighbours, so that they fit."""
    if len(values) <= most:
        return values
    edges = [round(number * len(values) / most) for number in range(most + 1)]
    groups = [[one for one in values[a:b] if one is not None] for a, b in pairwise(edges)]
    return [sum(group) / len(group) if group else None for group in groups]
