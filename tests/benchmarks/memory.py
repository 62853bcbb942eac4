"""How much memory the API takes while 256 connections report and look, and whether it grows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.benchmarks import cpu, load
from tests.benchmarks.apart import apart
from tests.benchmarks.apis import Api, api
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.get import shows
from tests.benchmarks.goals import GOALS
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage
from tests.benchmarks.workflow import reporting

_CONNECTIONS = 256
_GLANCE = 0.1


@asynccontextmanager
async def remembered(server: Api) -> AsyncIterator[list[float]]:
    """The memory of the server in MB (the largest of its processes), ten times a second."""
    seen: list[float] = []

    async def look() -> None:
        while True:
            seen.append(max(cpu.resident_mb(pid) for pid in server.pids))
            await asyncio.sleep(_GLANCE)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def growth(seen: Sequence[float]) -> float:
    """The most in the last quarter, divided by the most in the second: it has warmed up by then."""
    quarter = max(1, len(seen) // 4)
    return max(seen[-quarter:]) / max(seen[quarter : 2 * quarter] or seen)


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database = await stage.database()
    await apart(reporting, Callers(database.url, 64, 1.0, stage.ground.postmaster))
    both = [one for pair in zip(load.posts(1_000), await shows(database, 1_000), strict=True) for one in pair]
    async with api(stage, database) as server:

        async def measure(seconds: float) -> Reading:
            async with remembered(server) as seen:
                reading = await load.closed(
                    stage, server, both, connections=_CONNECTIONS, seconds=seconds, durable=False
                )
            database.acknowledged += round(reading.operations / 2 - _CONNECTIONS) * EVENTS
            more = {**reading.more, "most_mb": max(seen), "late_over_early": growth(seen)}
            return Reading(
                operations=reading.operations,
                seconds=reading.seconds,
                app_cpu=reading.app_cpu,
                postgres_cpu=reading.postgres_cpu,
                more=more,
            )

        yield [Side(f"{_CONNECTIONS} connections", measure)]


MEMORY = Bench(
    name="memory",
    title="Memory of the API under 256 connections, reporting and looking",
    lines=[
        Line(goal=GOALS["memory-api"], side=f"{_CONNECTIONS} connections", by="most_mb"),
        Line(goal=GOALS["memory-api-flat"], side=f"{_CONNECTIONS} connections", by="late_over_early"),
    ],
    sides=_sides,
    rounds=1,
    seconds=20.0,
    takes=27,
)
