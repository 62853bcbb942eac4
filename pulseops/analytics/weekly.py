"""The digest: headline numbers next to those of the time before, and what stands out."""

from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from pulseops.analytics.asking import Scope
from pulseops.analytics.noise import noise
from pulseops.analytics.reports import (
    Correction,
    Figure,
    NoiseReport,
    TimedReport,
    Told,
    Unit,
    WeeklyReport,
)
from pulseops.analytics.timed import timed

SHOWN = 5
"""Of each kind of what stands out."""

_TURNOVER = "SELECT * FROM analytics.turnover_v1($1, $2, $3, $4, $5)"
_SLOWEST = "SELECT * FROM analytics.slowest_v1($1, $2, $3, $4, $5)"
_OLDEST = "SELECT * FROM analytics.oldest_v1($1, $2, $3, $4)"
_CORRECTED = "SELECT * FROM analytics.corrected_v1($1, $2, $3, $4)"

Row = Mapping[str, Any]


async def weekly(connection: asyncpg.Connection, scope: Scope) -> WeeklyReport:
    period, before = scope.period, scope.period.before()
    log_id, teams, span = scope.log_id, scope.teams, (period.since, period.until)
    mtta = await timed(connection, scope, "mtta", by="team", rows=1)
    mttr = await timed(connection, scope, "mttr", by="team", rows=1)
    noisy = await noise(connection, scope, by="service", rows=SHOWN)
    turnover = [
        await connection.fetchrow(_TURNOVER, log_id, one.since, one.until, teams, one.zone)
        for one in (period, before)
    ]
    corrected = [
        await connection.fetch(_CORRECTED, log_id, one.since, one.until, teams) for one in (period, before)
    ]
    times = [sum(row["times"] for row in rows) for rows in corrected]
    slowest = await connection.fetch(_SLOWEST, log_id, *span, teams, SHOWN)
    oldest = await connection.fetch(_OLDEST, log_id, period.until, teams, SHOWN)
    return WeeklyReport(
        **scope.about,  # type: ignore[arg-type]  # what every report says
        incomplete_since=mtta.incomplete_since,
        report="weekly",
        figures=(
            *_figures(mtta, mttr, noisy, turnover[0], turnover[1]),
            Figure(name="corrections", unit="times", now=times[0], before=times[1]),
        ),
        series=mtta.series,
        slowest=tuple(Told(**row) for row in slowest),
        noisiest=tuple(row for row in noisy.rows if row.now.noisy),
        oldest=tuple(Told(**row) for row in oldest),
        corrections=tuple(
            Correction(field=row["field"], was=row["was"], now=row["became"], times=row["times"])
            for row in corrected[0][:SHOWN]
        ),
    )


def _figures(
    mtta: TimedReport, mttr: TimedReport, noisy: NoiseReport, now: Row, before: Row
) -> Iterator[Figure]:
    """Shares are of what was reported; null where nothing was."""
    total, was = mtta.total, mtta.total_before

    def figure(name: str, unit: Unit, value: float | None, earlier: float | None) -> Figure:
        return Figure(name=name, unit=unit, now=value, before=earlier)

    def share(name: str, part: float, earlier: float) -> Figure:
        return figure(name, "share", _share(part, total.incidents), _share(earlier, was.incidents))

    yield figure("reported", "incidents", total.incidents, was.incidents)
    yield figure("resolved", "incidents", now["resolved"], before["resolved"])
    yield figure("open", "incidents", now["live"], before["live"])
    yield figure("mtta", "seconds", total.p50, was.p50)
    yield figure("mttr", "seconds", mttr.total.p50, mttr.total_before.p50)
    yield share("unacknowledged", total.incidents - total.ended, was.incidents - was.ended)
    yield share("escalated", now["escalated"], before["escalated"])
    yield share("reopened", now["reopened"], before["reopened"])
    yield share("noisy", noisy.total.noisy, noisy.total_before.noisy)
    yield share("outsideHours", now["outside_hours"], before["outside_hours"])


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None
