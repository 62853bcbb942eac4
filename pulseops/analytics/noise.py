"""What was reported and needed nobody, and what could be silenced."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from pulseops.analytics.asking import Scope, incomplete_since
from pulseops.analytics.period import Period
from pulseops.analytics.reports import Noise, NoiseReport, NoiseRow, NoiseStep, NoisyBy
from pulseops.incidents.facets import TooBroad

OFTEN, MOSTLY = 5, 0.8
"""What came as often as that, and needed nobody to that share, could be silenced."""

_RARE: tuple[NoisyBy, ...] = ("dedupKey", "rule")
"""What is not beside the counts, and looked up for each incident."""
MOST = 200_000
"""Incidents for which it is."""

_MANY = """
SELECT count(*) > $5 FROM (
    SELECT FROM incidents.response
    WHERE log_id = $1 AND created_at >= $2 AND created_at < $3 AND ($4::text[] IS NULL OR team = ANY ($4))
    LIMIT $5 + 1
) AS seen
"""
_ASK = "SELECT * FROM analytics.noise_v1($1, $2, $3, $4, $5, $6)"
_COUNTS = ("incidents", "unattended", "false_alarms", "duplicates", "noisy", "reopened")

Counts = Counter[str]
Cells = dict[tuple[str, int], Counts]


async def noise(connection: asyncpg.Connection, scope: Scope, *, by: NoisyBy, rows: int) -> NoiseReport:
    """At most so many rows, the noisiest first. Raises TooBroad for more than `MOST` by what is looked up."""
    period, steps = scope.period, scope.period.steps()
    if by in _RARE:
        for one in (period, period.before()):
            await _require_few(connection, scope, one, by)
    cells = await _found(connection, scope, period, by, steps)
    now, before = _added(cells), _added(await _found(connection, scope, period.before(), by, None))
    at = _steps(cells)
    shown = sorted(now, key=lambda value: (-now[value]["noisy"], -now[value]["incidents"], value))[:rows]
    return NoiseReport(
        **scope.about,  # type: ignore[arg-type]  # what every report says
        incomplete_since=await incomplete_since(connection, scope),
        report="noise",
        by=by,
        total=noise_of(_all(now)),
        total_before=noise_of(_all(before)),
        rows=tuple(
            NoiseRow(
                value=value or None,
                now=noise_of(now[value]),
                before=noise_of(before[value]) if value in before else None,
                silence=could_be_silenced(value, now[value]),
                series=tuple(
                    cells[value, place]["noisy"] if (value, place) in cells else 0
                    for place in range(1, len(steps) + 1)
                ),
            )
            for value in shown
        ),
        others=len(now) - len(shown),
        series=tuple(
            NoiseStep(at=begun, incidents=at[place]["incidents"], noisy=at[place]["noisy"])
            for place, begun in enumerate(steps, start=1)
        ),
    )


async def _require_few(connection: asyncpg.Connection, scope: Scope, period: Period, by: NoisyBy) -> None:
    """Raises TooBroad."""
    if await connection.fetchval(_MANY, scope.log_id, period.since, period.until, scope.teams, MOST):
        raise TooBroad(
            f"By {by} at most {MOST:,} incidents are counted, in that time and as many in the time before. "
            "Ask for less time."
        )


async def _found(
    connection: asyncpg.Connection,
    scope: Scope,
    period: Period,
    by: NoisyBy,
    steps: Sequence[datetime] | None,
) -> Cells:
    rows = await connection.fetch(_ASK, scope.log_id, by, period.since, period.until, scope.teams, steps)
    return {(row["value"], row["step"]): Counter({name: row[name] for name in _COUNTS}) for row in rows}


def _added(cells: Cells) -> dict[str, Counts]:
    found = defaultdict[str, Counts](Counter)
    for (value, _), counts in cells.items():
        found[value].update(counts)
    return dict(found)


def _steps(cells: Cells) -> defaultdict[int, Counts]:
    found = defaultdict[int, Counts](Counter)
    for (_, step), counts in cells.items():
        found[step].update(counts)
    return found


def _all(values: dict[str, Counts]) -> Counts:
    found = Counter[str]()
    for counts in values.values():
        found.update(counts)
    return found


def noise_of(counts: Mapping[str, int]) -> Noise:
    share = counts["noisy"] / counts["incidents"] if counts["incidents"] else 0.0
    return Noise(**{name: counts[name] for name in _COUNTS}, share=share)


def could_be_silenced(value: str, counts: Mapping[str, int]) -> bool:
    return bool(value) and counts["incidents"] >= OFTEN and counts["noisy"] >= MOSTLY * counts["incidents"]
