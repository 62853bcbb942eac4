"""Which logs there are. A log is never renamed and never removed, so its number means one tenant for ever."""

import re
from datetime import datetime

import asyncpg
from msgspec import Struct

from pulseops.kernel.errors import NotFound

DEFAULT = "default"
"""The log that every database begins with: number 1."""
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")

# Each log's newest event is looked up by itself (OFFSET 0 keeps it so): a join would read all there is.
_LOGS = """
SELECT l.log_id, l.name, head.position, greatest(0, head.position - coalesce((
  SELECT min(s.position) FROM eventstore.subscription s WHERE s.log_id = l.log_id
), 0)) AS behind
FROM eventstore.log l CROSS JOIN LATERAL (
  SELECT coalesce((
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ), l.floor_position) AS position OFFSET 0
) head
ORDER BY l.log_id
"""
_NAMED = "SELECT log_id FROM eventstore.log WHERE name = $1"
_CREATE = "SELECT eventstore.create_log_v1($1, $2)"


class Log(Struct, frozen=True, kw_only=True):
    """A log. `position` is that of its newest event, 0 before the first; `behind` is how many events its
    farthest follower has yet to deal with.
    """

    log_id: int
    name: str
    position: int
    behind: int


async def list_logs(connection: asyncpg.Connection | asyncpg.Pool) -> list[Log]:
    """All of them, the oldest first."""
    return [Log(**dict(row)) for row in await connection.fetch(_LOGS)]


async def find_log(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> int:
    """Its number. Raises NotFound."""
    log_id: int | None = await connection.fetchval(_NAMED, name)
    if log_id is None:
        raise NotFound(f"There is no log named {name}.")
    return log_id


async def create_log(connection: asyncpg.Connection | asyncpg.Pool, name: str, *, now: datetime) -> int:
    """A new log's number. Raises asyncpg.UniqueViolationError when the name is taken."""
    log_id: int = await connection.fetchval(_CREATE, name, now)
    return log_id
