"""A worker that is far behind, while reports go on as fast as they can: does it catch up?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from tests.benchmarks import cpu
from tests.benchmarks.apart import Failed, apart
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.past import filled
from tests.benchmarks.stage import Stage
from tests.benchmarks.workers import LATELY, MODELS, following, stands, until_at, until_head
from tests.benchmarks.workflow import reporting

_FOLLOWING = "projection"
_BEHIND, _QUICK = 100_000, 25_000  # incidents
_CALLERS = 64
_GLANCE = 0.05
_LASTING = 120.0  # seconds that reporters go on unless they are stopped


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    async def measure(seconds: float) -> Reading:
        async with stage.ground.database() as database:
            await filled(database, _QUICK if stage.quick else _BEHIND, stage=stage, over=LATELY)
            stage.say(_FOLLOWING)
            async with _reports(stage, database), following(stage, database) as worker:
                return await _counted(database, worker, seconds, stage.ground.postmaster)

    stage.notes.append(
        f"{', '.join(MODELS)} and the deadlines by one `pulseops worker`, from far behind; meanwhile "
        f"{_CALLERS} callers report incidents, and both are counted over the same seconds"
    )
    yield [Side(_FOLLOWING, measure)]


@asynccontextmanager
async def _reports(stage: Stage, database: Database) -> AsyncIterator[None]:
    """From the first one that is stored on, as fast as they can. Raises Failed when they ended early."""
    before = (await stands(database)).head
    given = Callers(database.url, _CALLERS, _LASTING, stage.ground.postmaster)
    reporters = asyncio.create_task(apart(reporting, given))
    try:
        await until_head(database, before + 1)
        yield
        if reporters.done():
            raise Failed(f"nobody reported any more: {reporters.exception() or 'their time was over'}")
    finally:
        reporters.cancel()
        await asyncio.wait([reporters])


async def _counted(database: Database, worker: int, seconds: float, postmaster: int) -> Reading:
    """From the first batch on, until the time is over or it has caught up."""
    await until_at(database, 1)
    first = now = await stands(database)
    before, begun = cpu.spent((worker,), postmaster), perf_counter()
    while (took := perf_counter() - begun) < seconds and now.reached < now.head:
        await asyncio.sleep(_GLANCE)
        now = await stands(database)
    spent = cpu.spent((worker,), postmaster) - before
    projected, appended = now.reached - first.reached, now.head - first.head
    return Reading(
        operations=projected,
        seconds=took,
        app_cpu=spent.app,
        # That of the appends as well: it is one server.
        postgres_cpu=spent.postgres,
        more={"appends_s": appended / took, "over_appends": projected / appended},
    )


LIVE = Bench(
    name="live",
    title="Read models kept up with while reports go on at full speed",
    lines=[Line(goal=GOALS["live"], side=_FOLLOWING, by="over_appends")],
    sides=_sides,
    seconds=4.0,
    takes=60,
)
