"""One event an append, durable, next to `eventsourcing`: the library that Python has for this."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers, appending
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

_THEIRS, _OURS = "eventsourcing, at its best", "ours, 256 callers"
_THREADS = (1, 4, 15)
"""Of which the best counts. 15 is how many connections its pool has by default."""


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    from tests.benchmarks.ticket_saving import saving  # noqa: PLC0415 -- the peer is there to measure only

    async def theirs(seconds: float) -> Reading:
        readings = []
        for threads in _THREADS:
            stage.say(f"eventsourcing, {threads} threads")
            async with stage.ground.database() as database:
                given = Callers(database.admin_url, threads, seconds / 2, stage.ground.postmaster)
                readings.append(await apart(saving, given))
        return max(readings, key=lambda reading: reading.value("rate"))

    async def ours(database: Database, seconds: float) -> Reading:
        return await apart(appending, Callers(database.url, 256, seconds, stage.ground.postmaster))

    stage.notes.append(
        f"eventsourcing with its default settings; the best of {', '.join(map(str, _THREADS))} threads"
    )
    yield [Side(_THEIRS, theirs), stage.from_empty(_OURS, ours)]


PEER_APPEND = Bench(
    name="es-append",
    title="Append, one event each, from an empty log: next to eventsourcing",
    lines=[Line(goal=GOALS["es-append"], side=_OURS, over=_THEIRS, by="events")],
    sides=_sides,
    takes=40,
)
