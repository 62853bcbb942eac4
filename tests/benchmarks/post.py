"""`POST /incident`: created, classified and assigned in one commit, by one API process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.benchmarks import load, pgbench
from tests.benchmarks.apis import api
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database = await stage.database()
    requests = load.posts()
    async with (
        pgbench.one_row(stage) as limit,
        api(stage, database) as real,
        api(stage, database, "tests.benchmarks.without_store") as hollow,
    ):

        def by(connections: int) -> Side:
            async def measure(seconds: float) -> Reading:
                reading = await load.closed(
                    stage, real, requests, connections=connections, seconds=seconds, events=EVENTS
                )
                database.acknowledged += round(reading.operations) * EVENTS
                return reading

            return Side(f"{connections} connections", measure)

        async def without(seconds: float) -> Reading:
            return await load.closed(stage, hollow, requests, connections=64, seconds=seconds, durable=False)

        stage.notes.append(f"sent by {load.driver()}; one API process")
        yield [limit, by(64), by(256), Side("without the store", without)]


POST = Bench(
    name="post",
    title="POST /incident: three events each, answered after the commit",
    lines=[
        Line(goal=GOALS["post-64"], side="64 connections", over=pgbench.LIMIT, by="events"),
        Line(goal=GOALS["post-256"], side="256 connections", over=pgbench.LIMIT, by="events"),
        Line(goal=GOALS["post-cpu"], side="64 connections", over="without the store", by="cpu_us"),
    ],
    sides=_sides,
    takes=70,
)
