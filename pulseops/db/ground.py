"""Opening a database that PulseOps may stand on: it answers, keeps what it says it keeps, and bears us."""

import asyncpg

from pulseops.db.durability import require_durability
from pulseops.db.outages import MISTAKEN, OUTAGES
from pulseops.db.pools import APP_ROLE, open_pool
from pulseops.db.schema import schema_status
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason

_POOLER = " Does the URL lead to a pooler in transaction mode? Then set PULSEOPS_POOLER=transaction."


class BadGround(PulseOpsError):
    """PulseOps cannot stand on this database."""

    code = "bad-ground"


async def open_ground(
    url: str,
    *,
    size: int,
    command_seconds: float = 30.0,
    allow_unsafe: bool = False,
    pooled: bool = False,
) -> asyncpg.Pool:
    """A pool on the database. Raises BadGround and NotDurable, which say what to do."""
    try:
        pool = await open_pool(url, size=size, command_seconds=command_seconds, pooled=pooled)
    except (*OUTAGES, *MISTAKEN, OSError, asyncpg.PostgresError) as error:
        told = f"The database cannot be opened: {reason(error)}"
        raise BadGround(f"{told}{_POOLER if 'startup parameter' in told else ''}") from error
    try:
        async with pool.acquire() as connection:
            await _require_ground(connection, allow_unsafe=allow_unsafe)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _require_ground(connection: asyncpg.Connection, *, allow_unsafe: bool) -> None:
    # A pooler that was told to ignore what it does not know opens a session without the role.
    if (role := await connection.fetchval("SELECT current_user::text")) != APP_ROLE:
        raise BadGround(f"The session's role is {role}, though {APP_ROLE} was asked for.{_POOLER}")
    await require_durability(connection, allow_unsafe=allow_unsafe)
    schema = await schema_status(connection)
    if not schema.ready:
        raise BadGround(schema.problem)
