"""Reports over a million incidents, next to the same number made from the events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

import asyncpg

from pulseops.analytics.asking import Scope
from pulseops.analytics.carried import load
from pulseops.analytics.noise import noise
from pulseops.analytics.period import period
from pulseops.analytics.timed import timed
from pulseops.analytics.weekly import weekly
from pulseops.db.pools import open_connection, open_pool
from pulseops.incidents import board, response, stint
from pulseops.kernel.clock import utc_now
from pulseops.projections.rebuild import rebuild
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.past import filled
from tests.benchmarks.stage import Stage

_INCIDENTS, _QUICK = 1_000_000, 25_000
_OVER, _DIGEST = timedelta(days=300), timedelta(days=35)
_MODELS = (board.MODEL, response.MODEL, stint.MODEL)
_PLAIN = "MTTA from the events"
# What there is without a read model.
_SCAN = """
SELECT avg(date_part('epoch', o.acknowledged - o.created)) FROM (
  SELECT min(e.recorded_at) FILTER (WHERE e.type = 'CREATED') AS created,
    min(e.recorded_at) FILTER (WHERE e.type = 'ACKNOWLEDGED') AS acknowledged
  FROM eventstore.event e WHERE e.log_id = 1 AND e.type IN ('CREATED', 'ACKNOWLEDGED') GROUP BY e.stream_id
) o
"""

Ask = Callable[[asyncpg.Connection], Awaitable[Any]]


def _side(database: Database, name: str, ask: Ask) -> Side:
    """Once, as the application asks."""

    async def measure(_seconds: float) -> Reading:
        connection = await open_connection(database.url, command_seconds=600.0)
        try:
            begun = perf_counter()
            await ask(connection)
            seconds = perf_counter() - begun
        finally:
            await connection.close()
        return Reading(operations=1, seconds=seconds, more={"took_ms": seconds * 1e3})

    return Side(name, measure)


async def _told(stage: Stage) -> Database:
    """A log of incidents of the last 300 days, and the read models that reports are made of."""
    database = await stage.database()
    await filled(database, _QUICK if stage.quick else _INCIDENTS, stage=stage, over=_OVER)
    stage.say("filling the read models")
    pool = await open_pool(database.url, size=2 * len(_MODELS), command_seconds=600.0)
    try:
        await asyncio.gather(
            *(rebuild(pool, model, tell=lambda _: None, width=1, accept=True) for model in _MODELS)
        )
    finally:
        await pool.close()
    admin = await asyncpg.connect(database.admin_url)
    try:
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            await admin.execute(statement, timeout=600)
    finally:
        await admin.close()
    return database


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database, now = await _told(stage), utc_now()
    every = period(now - _OVER, now, "Europe/Berlin", now=now)
    lately = period(now - _DIGEST, now, "Europe/Berlin", now=now)
    scope = Scope(log_id=1, period=every, teams=None, named=())
    digest = Scope(log_id=1, period=lately, teams=None, named=())
    stage.notes.append(
        f"{_QUICK if stage.quick else _INCIDENTS:,} incidents over {_OVER.days} days, all of them in the "
        f"period but for the digest, which has {_DIGEST.days}; by the days of Europe/Berlin"
    )
    yield [
        _side(database, _PLAIN, lambda connection: connection.fetchval(_SCAN)),
        _side(database, "mtta", lambda connection: timed(connection, scope, "mtta", by="team", rows=20)),
        _side(database, "mttr", lambda connection: timed(connection, scope, "mttr", by="service", rows=20)),
        _side(database, "load", lambda connection: load(connection, scope, rows=20)),
        _side(database, "noise", lambda connection: noise(connection, scope, by="service", rows=20)),
        _side(database, "weekly", lambda connection: weekly(connection, digest)),
    ]


COUNTED = Bench(
    name="counted",
    title="Reports over a million incidents",
    lines=[
        *(
            Line(goal=GOALS[f"report-{name}"], side=name, by="took_ms")
            for name in ("mtta", "mttr", "load", "noise", "weekly")
        ),
        Line(goal=GOALS["report-scan"], side="mtta", over=_PLAIN, by="time_us"),
    ],
    sides=_sides,
    takes=240,
)
