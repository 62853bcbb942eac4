"""Both read models made anew from all of history, next to reading that history at all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from pulseops.db.pools import open_connection, open_pool
from pulseops.incidents import board, timeline
from pulseops.projections.generations import drop_generation, generations
from pulseops.projections.rebuild import rebuild
from tests.benchmarks import cpu
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.export import COPIED, Taking, copying, most_memory, taking
from tests.benchmarks.goals import GOALS
from tests.benchmarks.past import with_past
from tests.benchmarks.stage import Stage

_REBUILT = "rebuild"
_MODELS = (board.MODEL, timeline.MODEL)
_LONG = 600.0
_ROWS = """
SELECT (SELECT count(*) FROM incidents.timeline), (SELECT sum(i.version) FROM incidents.incident AS i)
"""


async def rebuilding(given: Taking) -> Reading:
    """Filled, indexed and switched to, as `pulseops projections rebuild` does it; `file` is not used."""
    pool = await open_pool(given.url, size=2 * len(_MODELS), command_seconds=_LONG)
    try:
        before, own, begun = cpu.spent((), given.postmaster), process_time(), perf_counter()
        done = await asyncio.gather(
            *(rebuild(pool, model, tell=lambda _: None, width=1, accept=True) for model in _MODELS)
        )
        seconds, app = perf_counter() - begun, process_time() - own
        postgres = (cpu.spent((), given.postmaster) - before).postgres
    finally:
        await pool.close()
    await _finish(given, [one.events for one in done])
    return Reading(
        operations=given.events,
        seconds=seconds,
        app_cpu=app,
        postgres_cpu=postgres,
        more={"most_mb": most_memory()},
    )


async def _finish(given: Taking, told: Sequence[int]) -> None:
    """Everything is there, and what was before is dropped. Raises RuntimeError."""
    connection = await open_connection(given.url, command_seconds=_LONG)
    try:
        facts, folded = await connection.fetchrow(_ROWS)
        if {facts, int(folded), *told} != {given.events}:
            raise RuntimeError(
                f"of {given.events:,} events {facts:,} and {folded:,} are told; said are {told}"
            )
        for one in await generations(connection):
            if one.state == "retired":
                await drop_generation(connection, one.name, one.generation)
    finally:
        await connection.close()


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database, events = await with_past(stage)
    stage.notes.append(
        f"{events:,} events into {' and '.join(model.name for model in _MODELS)} at once, filled, "
        "indexed and switched to; not compared with the old ones, which takes one more look at every row"
    )
    yield [
        taking(stage, database, events, COPIED, copying),
        taking(stage, database, events, _REBUILT, rebuilding),
    ]


REBUILD = Bench(
    name="rebuild",
    title="Read models made anew from all of history",
    lines=[
        Line(goal=GOALS["rebuild"], side=_REBUILT, over=COPIED, by="rate"),
        Line(goal=GOALS["memory-rebuild"], side=_REBUILT, by="most_mb"),
    ],
    sides=_sides,
    takes=100,
)
