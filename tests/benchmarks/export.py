"""The whole log as CloudEvents in a file, next to PostgreSQL's own way to hand out the same rows."""

import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time

import asyncpg
from msgspec import Struct

from pulseops.db.pools import open_connection
from pulseops.eventstore.export import Wanted, export
from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.past import with_past
from tests.benchmarks.stage import Stage

COPIED = "COPY (binary)"
_COPY = "SELECT * FROM eventstore.event WHERE log_id = 1"


class Taking(Struct, frozen=True):
    """All `events` of a database, into `file`."""

    url: str
    file: str
    events: int
    postmaster: int


async def exporting(given: Taking) -> Reading:
    """With the most memory that the process ever had: that of the export and of the modules it needs."""

    async def take(connection: asyncpg.Connection, file: Path) -> int:
        return await export(connection, Wanted(), file)

    return await _taken(given, take)


async def copying(given: Taking) -> Reading:
    """Into a file that is on disk at the end, as an export is."""

    async def take(connection: asyncpg.Connection, file: Path) -> int:
        with file.open("wb", buffering=1 << 20) as out:

            async def write(piece: bytes) -> None:
                out.write(piece)

            done: str = await connection.copy_from_query(_COPY, output=write, format="binary")
            out.flush()
            os.fsync(out.fileno())
        return int(done.removeprefix("COPY "))

    return await _taken(given, take)


async def _taken(given: Taking, take: Callable[[asyncpg.Connection, Path], Awaitable[int]]) -> Reading:
    connection, file = await open_connection(given.url, command_seconds=600.0), Path(given.file)
    own, before, begun = process_time(), cpu.spent((), given.postmaster), perf_counter()
    try:
        count = await take(connection, file)
        seconds, app = perf_counter() - begun, process_time() - own
        postgres = (cpu.spent((), given.postmaster) - before).postgres
    finally:
        await connection.close()
    if count != given.events:
        raise RuntimeError(f"{count:,} of {given.events:,} events came out")
    return Reading(
        operations=count, seconds=seconds, app_cpu=app, postgres_cpu=postgres, more={"most_mb": most_memory()}
    )


def most_memory() -> float:
    """The most that this process ever had, in MB of a million bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def taking(
    stage: Stage, database: Database, events: int, name: str, work: Callable[[Taking], Awaitable[Reading]]
) -> Side:
    """A side that does `work` in a process of its own, and leaves no file."""

    async def measure(_seconds: float) -> Reading:
        file = stage.ground.home.path / "taken"
        try:
            return await apart(work, Taking(database.url, str(file), events, stage.ground.postmaster))
        finally:
            file.unlink(missing_ok=True)

    return Side(name, measure)


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database, events = await with_past(stage)
    stage.notes.append(f"{events:,} events, to a file that is on disk at the end; one connection each")
    yield [
        taking(stage, database, events, COPIED, copying),
        taking(stage, database, events, "NDJSON export", exporting),
    ]


EXPORT = Bench(
    name="export",
    title="All history as CloudEvents, a line of JSON each",
    lines=[
        Line(goal=GOALS["export"], side="NDJSON export", over=COPIED, by="rate"),
        Line(goal=GOALS["memory-export"], side="NDJSON export", by="most_mb"),
    ],
    sides=_sides,
    takes=80,
)
