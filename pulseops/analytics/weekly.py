"""The digest: headline numbers next to those of the time before, and what stands out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncpg

from pulseops.analytics.asking import Scope, incomplete_since
from pulseops.analytics.noise import could_be_silenced, noise_of
from pulseops.analytics.reports import Correction, Figure, NoiseRow, TimedStep, Told, Unit, WeeklyReport
from pulseops.analytics.timed import rounded

SHOWN = 5
"""Of each kind of what stands out."""

_COUNTED = "SELECT * FROM analytics.digest_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_STANDING = "SELECT * FROM analytics.standing_v1($1, $2, $3, $4, $5)"
_CORRECTED = "SELECT * FROM analytics.corrections_v1($1, $2, $3, $4, $5)"
_SLOWEST = "SELECT * FROM analytics.slowest_v1($1, $2, $3, $4, $5)"
_OLDEST = "SELECT * FROM analytics.oldest_v1($1, $2, $3, $4)"
_NOTHING: defaultdict[str, Any] = defaultdict(int, mean=None, mtta=None, mttr=None)

Row = Mapping[str, Any]


class _Counted:
    """What digest_v1 found, by what it is of."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(row["part"], row["now"], row["value"], row["step"]): row for row in rows}

    def of(self, part: str, *, now: bool, value: str | None = None, step: int | None = None) -> Row:
        return self._rows.get((part, now, value, step), _NOTHING)

    def services(self) -> list[str]:
        """The noisiest first."""
        found = {value: row for (part, now, value, _), row in self._rows.items() if part == "service" and now}
        return sorted(found, key=lambda name: (-found[name]["noisy"], -found[name]["incidents"], name))


async def weekly(connection: asyncpg.Connection, scope: Scope) -> WeeklyReport:
    period, before = scope.period, scope.period.before()
    log_id, teams, steps = scope.log_id, scope.teams, period.steps()
    both = (before.since, period.since, period.until, teams)
    counted = _Counted(await connection.fetch(_COUNTED, log_id, *both, steps, period.zone, SHOWN))
    standing = await connection.fetchrow(_STANDING, log_id, *both)
    corrected = await connection.fetch(_CORRECTED, log_id, *both)
    slowest = await connection.fetch(_SLOWEST, log_id, period.since, period.until, teams, SHOWN)
    oldest = await connection.fetch(_OLDEST, log_id, period.until, teams, SHOWN)
    times, times_before = (sum(row[name] for row in corrected) for name in ("times", "times_before"))
    return WeeklyReport(
        **scope.about,  # type: ignore[arg-type]  # what every report says
        incomplete_since=await incomplete_since(connection, scope),
        report="weekly",
        figures=(
            *_figures(counted, standing),
            Figure(name="corrections", unit="times", now=times, before=times_before),
        ),
        series=tuple(
            TimedStep(
                at=begun,
                incidents=row["incidents"],
                ended=row["acknowledged"],
                mean=rounded(row["mean"]),
            )
            for place, begun in enumerate(steps, start=1)
            for row in (counted.of("step", now=True, step=place),)
        ),
        slowest=tuple(Told(**row) for row in slowest),
        noisiest=tuple(_noisy(counted, name, len(steps)) for name in counted.services()),
        oldest=tuple(Told(**row) for row in oldest),
        corrections=tuple(
            Correction(field=row["field"], was=row["was"], now=row["became"], times=row["times"])
            for row in corrected[:SHOWN]
            if row["times"]
        ),
    )


def _figures(counted: _Counted, standing: Row) -> Iterator[Figure]:
    """Shares are of what was reported; null where nothing was."""
    now, was = (counted.of("all", now=which) for which in (True, False))
    median, median_was = (counted.of("medians", now=which) for which in (True, False))

    def figure(name: str, unit: Unit, value: float | None, earlier: float | None) -> Figure:
        return Figure(name=name, unit=unit, now=value, before=earlier)

    def share(name: str, part: str) -> Figure:
        return figure(name, "share", _share(now[part], now), _share(was[part], was))

    yield figure("reported", "incidents", now["incidents"], was["incidents"])
    yield figure("resolved", "incidents", standing["resolved"], standing["resolved_before"])
    yield figure("open", "incidents", standing["live"], standing["live_before"])
    yield figure("mtta", "seconds", median["mtta"], median_was["mtta"])
    yield figure("mttr", "seconds", median["mttr"], median_was["mttr"])
    left = (one["incidents"] - one["acknowledged"] for one in (now, was))
    yield figure("unacknowledged", "share", _share(next(left), now), _share(next(left), was))
    yield share("escalated", "escalated")
    yield share("reopened", "reopened")
    yield share("noisy", "noisy")
    yield share("outsideHours", "outside_hours")


def _share(part: float, whole: Row) -> float | None:
    return part / whole["incidents"] if whole["incidents"] else None


def _noisy(counted: _Counted, service: str, steps: int) -> NoiseRow:
    now, was = (counted.of("service", now=which, value=service) for which in (True, False))
    return NoiseRow(
        value=service or None,
        now=noise_of(now),
        before=noise_of(was) if was["incidents"] else None,
        silence=could_be_silenced(service, now),
        series=tuple(
            counted.of("cell", now=True, value=service, step=place)["noisy"] for place in range(1, steps + 1)
        ),
    )
