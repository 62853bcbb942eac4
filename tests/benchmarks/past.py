"""A database with a million events of past, for the benches that read them all."""

from datetime import timedelta

import asyncpg

from tests.benchmarks.ground import Database
from tests.benchmarks.population import populate
from tests.benchmarks.stage import Stage

_INCIDENTS, _QUICK = 250_000, 25_000


async def with_past(stage: Stage) -> tuple[Database, int]:
    """As it is after the night's vacuum; and how many events it has (a tenth of them in a quick run)."""
    database = await stage.database()
    connection = await asyncpg.connect(database.admin_url)
    try:
        events = await filled(database, _QUICK if stage.quick else _INCIDENTS, stage=stage)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return database, events


async def filled(database: Database, incidents: int, *, stage: Stage, over: timedelta | None = None) -> int:
    """How many events the log has after `incidents` more, which took `over`."""
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        stage.say(f"making {done:,} events of past")

    connection = await asyncpg.connect(database.admin_url)
    try:
        events = await populate(connection, incidents=incidents, over=over, progress=progress)
    finally:
        await connection.close()
    database.acknowledged = events
    return events
