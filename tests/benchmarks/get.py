"""`GET /incident/{id}`, which folds the stream each time, next to a handler that says a constant."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from tests.benchmarks import load
from tests.benchmarks.apart import apart
from tests.benchmarks.apis import api
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.load import Request
from tests.benchmarks.stage import Stage
from tests.benchmarks.workflow import reporting

_SHOWN = 5_000
"""Incidents that are asked for in turn."""
_SOME = "SELECT stream_id FROM eventstore.stream WHERE log_id = 1 ORDER BY random() LIMIT $1"


async def shows(database: Database, count: int = _SHOWN) -> list[Request]:
    """Of any incidents in the log, in no order."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        rows = await connection.fetch(_SOME, count)
    finally:
        await connection.close()
    return [Request("GET", f"/incident/{row['stream_id']}") for row in rows]


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database = await stage.database()
    stage.say("reporting incidents to show")
    await apart(reporting, Callers(database.url, 64, 1.0 if stage.quick else 3.0, stage.ground.postmaster))
    requests = await shows(database)
    async with (
        api(stage, database) as real,
        api(stage, database, "tests.benchmarks.without_store") as hollow,
    ):

        async def show(seconds: float) -> Reading:
            return await load.closed(stage, real, requests, connections=64, seconds=seconds, durable=False)

        async def constant(seconds: float) -> Reading:
            return await load.closed(stage, hollow, requests, connections=64, seconds=seconds, durable=False)

        stage.notes.append(f"sent by {load.driver()}, 64 connections")
        yield [Side("a constant body", constant), Side("GET /incident/{id}", show)]


GET = Bench(
    name="get",
    title="GET /incident/{id} with its timeline, always current",
    lines=[Line(goal=GOALS["get-cpu"], side="GET /incident/{id}", over="a constant body", by="cpu_us")],
    sides=_sides,
    takes=38,
)
