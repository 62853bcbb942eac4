"""How long it took until incidents were acknowledged, or over."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from pulseops.analytics.asking import Scope, incomplete_since
from pulseops.analytics.reports import By, Durations, Timed, TimedReport, TimedRow, TimedStep

_ASK = "SELECT * FROM analytics.timed_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_NOTHING = {"incidents": 0, "merged": 0, "ended": 0, "reopened": 0, "mean": None}
_UNKNOWN = (None, None, None)

Cell = Mapping[str, Any]


async def timed(
    connection: asyncpg.Connection, scope: Scope, report: Timed, *, by: By, rows: int
) -> TimedReport:
    """At most so many rows, those with the most incidents first."""
    period, steps = scope.period, scope.period.steps()
    now, earlier = [
        await connection.fetch(_ASK, scope.log_id, report, by, one.since, one.until, scope.teams, asked, rows)
        for one, asked in ((period, steps), (period.before(), None))
    ]
    was = _values(earlier)
    values = _values(now)
    shown = sorted(values, key=lambda value: (-values[value].incidents, value))[:rows]
    means = {(cell["value"], cell["step"]): rounded(cell["mean"]) for cell in now if cell["part"] == "cell"}
    at = {cell["step"]: cell for cell in now if cell["part"] == "step"}
    return TimedReport(
        **scope.about,  # type: ignore[arg-type]  # what every report says
        incomplete_since=await incomplete_since(connection, scope),
        report=report,
        by=by,
        total=_total(now),
        total_before=_total(earlier),
        rows=tuple(
            TimedRow(
                value=value or None,
                now=values[value],
                before=was.get(value),
                series=tuple(means.get((value, place)) for place in range(1, len(steps) + 1)),
            )
            for value in shown
        ),
        others=len(values) - len(shown),
        series=tuple(_step(begun, at.get(place, _NOTHING)) for place, begun in enumerate(steps, start=1)),
    )


def _total(cells: Sequence[Cell]) -> Durations:
    percentiles = next((cell["percentiles"] for cell in cells if cell["part"] == "all percentiles"), None)
    found = next((cell for cell in cells if cell["part"] == "all" and cell["incidents"]), _NOTHING)
    return _durations(found, percentiles)


def _values(cells: Sequence[Cell]) -> dict[str, Durations]:
    percentiles = {cell["value"]: cell["percentiles"] for cell in cells if cell["part"] == "percentiles"}
    return {
        cell["value"]: _durations(cell, percentiles.get(cell["value"]))
        for cell in cells
        if cell["part"] == "value"
    }


def _durations(cell: Cell, percentiles: Sequence[float] | None) -> Durations:
    p50, p90, p99 = percentiles or _UNKNOWN
    counts = {name: cell[name] for name in _NOTHING} | {"mean": rounded(cell["mean"])}
    return Durations(**counts, p50=p50, p90=p90, p99=p99)


def rounded(mean: float | None) -> float | None:
    """To the microsecond, so that it is the same in whichever order PostgreSQL added it up."""
    return None if mean is None else round(mean, 6)


def _step(at: Any, cell: Cell) -> TimedStep:
    return TimedStep(at=at, incidents=cell["incidents"], ended=cell["ended"], mean=rounded(cell["mean"]))
