"""A read model made from history by the real worker, next to `eventsourcing`'s ProjectionRunner.

Both keep the same: a row an incident and an entry a fact, with the checkpoint in the same transaction.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.past import filled
from tests.benchmarks.stage import Stage
from tests.benchmarks.workers import LATELY, MODELS, following, until_at

_THEIRS, _OURS = "ProjectionRunner", "our worker"
_INCIDENTS = 25_000


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    from tests.benchmarks.ticket_projecting import projecting  # noqa: PLC0415 -- as in peer_append.py

    async def runner(seconds: float) -> Reading:
        async with stage.ground.database() as database:
            return await apart(projecting, Callers(database.admin_url, 1, seconds, stage.ground.postmaster))

    async def ours(_seconds: float) -> Reading:
        async with stage.ground.database() as database:
            return await _followed(stage, database)

    stage.notes.append(f"{', '.join(MODELS)} by one `pulseops worker`, which also keeps the deadlines")
    yield [Side(_THEIRS, runner), Side(_OURS, ours)]


async def _followed(stage: Stage, database: Database) -> Reading:
    """From the worker's first batch on, to the end of the log."""
    head = await filled(database, _INCIDENTS, stage=stage, over=LATELY)
    stage.say(_OURS)
    async with following(stage, database) as worker:
        first = await until_at(database, 1)
        before, begun = cpu.spent((worker,), stage.ground.postmaster), perf_counter()
        reached = await until_at(database, head)
        seconds = perf_counter() - begun
        spent = cpu.spent((worker,), stage.ground.postmaster) - before
    return Reading(
        operations=reached - first, seconds=seconds, app_cpu=spent.app, postgres_cpu=spent.postgres
    )


PEER_PROJECTION = Bench(
    name="es-projection",
    title="A read model of incidents and their entries: next to eventsourcing",
    lines=[Line(goal=GOALS["es-projection"], side=_OURS, over=_THEIRS, by="rate")],
    sides=_sides,
    takes=60,
)
