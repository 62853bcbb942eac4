"""What a log of one's own is worth: the same writers, in one log and in four.

Writers here are connections that append one event at a time, as so many API processes do that have little to
share a commit with. A gateway's batches gain less: one process hardly keeps two CPUs busy.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

import msgspec
from msgspec import Struct

from pulseops.db.pools import open_connection, open_pool
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.append import one_event
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

_WRITERS, _LOGS = 8, 4


class Writers(Struct, frozen=True):
    """One writer for each of `logs`, a number of them more than once; for so many seconds."""

    url: str
    logs: Sequence[int]
    seconds: float
    postmaster: int


async def writing(given: Writers) -> Reading:
    connections = [await open_connection(given.url) for _ in given.logs]
    times: list[float] = []
    before, begun = cpu.spent((), given.postmaster), perf_counter()
    own = time.process_time()
    until = begun + given.seconds

    async def writer(number: int) -> None:
        while (asked := perf_counter()) < until:
            batch = msgspec.json.encode([one_event()]).decode()
            await connections[number].fetch(
                "SELECT verdict FROM eventstore.append_v2($1, $2)", given.logs[number], batch
            )
            times.append(perf_counter() - asked)

    await asyncio.gather(*(writer(number) for number in range(len(connections))))
    seconds = perf_counter() - begun
    app, postgres = time.process_time() - own, (cpu.spent((), given.postmaster) - before).postgres
    for connection in connections:
        await connection.close()
    return Reading(
        operations=len(times),
        seconds=seconds,
        app_cpu=app,
        postgres_cpu=postgres,
        waiting=len(connections),
        more=percentiles(times),
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    def into(count: int) -> Side:
        async def measure(database: Database, seconds: float) -> Reading:
            pool = await open_pool(database.url, size=1)
            logs = [1, *[await create_log(pool, f"log-{n}", now=utc_now()) for n in range(1, count)]]
            await pool.close()
            spread = [logs[number % count] for number in range(_WRITERS)]
            return await apart(writing, Writers(database.url, spread, seconds, stage.ground.postmaster))

        return stage.from_empty("one log" if count == 1 else f"{count} logs", measure)

    yield [into(1), into(_LOGS)]


LOGS = Bench(
    name="logs",
    title=f"{_WRITERS} writers of one event at a time, in one log and in {_LOGS}",
    lines=[Line(goal=GOALS["logs"], side=f"{_LOGS} logs", over="one log", by="events")],
    sides=_sides,
    takes=40,
)
