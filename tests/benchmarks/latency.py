"""From the report to the assignment on disk, while fifty a second come in, next to one bare commit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from tests.benchmarks import cpu, pgbench
from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.reports import COMMANDS, EVENTS
from tests.benchmarks.stage import Stage
from tests.benchmarks.workflow import incidents, report

_RATE = 50


async def trickling(given: Callers) -> Reading:
    """At a fixed rate, whether or not the last was answered. Here `callers` is the rate a second."""
    times: list[float] = []
    async with incidents(given.url) as to, asyncio.TaskGroup() as group:
        await report(to, COMMANDS[0])
        before, own, begun = cpu.spent((), given.postmaster), process_time(), perf_counter()

        async def one(number: int) -> None:
            asked = perf_counter()
            await report(to, COMMANDS[number % len(COMMANDS)])
            times.append(perf_counter() - asked)

        for number in range(round(given.callers * given.seconds)):
            await asyncio.sleep(max(0.0, begun + number / given.callers - perf_counter()))
            group.create_task(one(number))
    spent = cpu.spent((), given.postmaster) - before
    return Reading(
        operations=len(times),
        seconds=perf_counter() - begun,
        events=EVENTS,
        app_cpu=process_time() - own,
        postgres_cpu=spent.postgres,
        more=percentiles(times),
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    async def measure(database: Database, seconds: float) -> Reading:
        return await apart(trickling, Callers(database.url, _RATE, seconds, stage.ground.postmaster))

    # What a machine that is idle in between adds to any answer, the second one has as well.
    async with (
        pgbench.one_row(stage, clients=1) as commit,
        pgbench.one_row(stage, clients=1, rate=_RATE) as paced,
    ):
        yield [commit, paced, stage.from_empty(f"{_RATE} a second", measure)]


LATENCY = Bench(
    name="assigned",
    title="Created → assigned in process, next to one durable commit",
    lines=[Line(goal=GOALS["assigned"], side=f"{_RATE} a second", over="pgbench, 1 client", by="p50_ms")],
    sides=_sides,
    seconds=5.0,
    takes=45,
)
