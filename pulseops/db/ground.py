"""Opening a database that PulseOps may stand on: it answers, keeps what it says it keeps, and bears us."""

import asyncpg

from pulseops.db.durability import require_durability
from pulseops.db.outages import OUTAGES
from pulseops.db.pools import open_pool
from pulseops.db.schema import schema_status
from pulseops.kernel.errors import PulseOpsError


class BadGround(PulseOpsError):
    """PulseOps cannot stand on this database."""

    code = "bad-ground"


async def open_ground(
    url: str, *, size: int, command_seconds: float = 30.0, allow_unsafe: bool = False
) -> asyncpg.Pool:
    """A pool on the database. Raises BadGround and NotDurable, which say what to do."""
    try:
        pool = await open_pool(url, size=size, command_seconds=command_seconds)
    except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
        raise BadGround(f"The database cannot be opened: {str(error) or type(error).__name__}") from error
    try:
        async with pool.acquire() as connection:
            await _require_ground(connection, allow_unsafe=allow_unsafe)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _require_ground(connection: asyncpg.Connection, *, allow_unsafe: bool) -> None:
    await require_durability(connection, allow_unsafe=allow_unsafe)
    schema = await schema_status(connection)
    if not schema.ready:
        raise BadGround(schema.problem)
