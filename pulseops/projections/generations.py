"""Generations of read models: tables of one shape, of which one is read and the others are not, or not yet.

Everybody reads a read model under its stable name, which is a view of the live generation's table. Another is
filled beside it and switched to (see `rebuild.py`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.kernel.errors import PulseOpsError
from pulseops.subscriptions.subscription import Projector

_SCHEMA = "eventstore"
_LIST = """
SELECT g.name, g.generation, g.relation || '_' || g.generation AS "table", g.state, g.changed_at,
  CASE g.state
    WHEN 'filling' THEN pg_stat_get_live_tuples(c.oid) ELSE greatest(c.reltuples, 0)
  END::bigint AS rows,
  pg_total_relation_size(c.oid) AS bytes,
  CASE g.state WHEN 'live' THEN (
    SELECT sum(p.position) FROM (
      SELECT min(s.position) AS position FROM eventstore.subscription s
      WHERE s.name = g.name GROUP BY s.log_id
    ) p
  ) ELSE (
    SELECT sum(f.position - f.first) FROM eventstore.filling f
    WHERE f.name = g.name AND f.generation = g.generation
  ) END::bigint AS events
FROM eventstore.generation g JOIN pg_class c ON c.oid = to_regclass(g.relation || '_' || g.generation)
WHERE $1::text IS NULL OR g.name = $1
ORDER BY g.name, g.generation
"""
_DROP = "SELECT eventstore.drop_generation_v1($1, $2)"
# Held by the session that rebuilds, and asked for by whoever would drop.
_CLAIM = "SELECT pg_try_advisory_lock(1347767382, hashtext($1))"
_GIVE_BACK = "SELECT pg_advisory_unlock(1347767382, hashtext($1))"
_CLAIM_BRIEFLY = "SELECT pg_try_advisory_xact_lock(1347767382, hashtext($1))"


class RebuildUnderWay(PulseOpsError):
    """Another process is rebuilding this read model."""

    code = "rebuild-under-way"


class NoSuchGeneration(PulseOpsError):
    """There is no such generation, or it is the one that is read."""

    code = "no-such-generation"


class Stretch(Struct, frozen=True, kw_only=True):
    """What is filled at a time: the streams born after `after` up to `to`, as they stand at `up_to`.

    What has a row for each event takes the positions after `after` up to `to` instead. Parked streams are
    left out.
    """

    log_id: int
    generation: int
    after: int
    to: int
    up_to: int
    parked: tuple[UUID, ...] = ()


class ReadModel(Struct, frozen=True):
    """A projector whose tables have generations. `fill` adds a stretch to one that has no indexes yet."""

    projector: Projector
    fill: Callable[[asyncpg.Connection, Stretch], Awaitable[None]]

    @property
    def name(self) -> str:
        return self.projector.name


class Generation(Struct, frozen=True, kw_only=True):
    """`rows` is an estimate. `events` says how many positions it has dealt with, over all logs."""

    name: str
    generation: int
    table: str
    state: str
    changed_at: datetime
    rows: int
    bytes: int
    events: int | None


async def generations(
    connection: asyncpg.Connection | asyncpg.Pool, name: str | None = None
) -> tuple[Generation, ...]:
    """Of one read model, or of all."""
    return tuple(Generation(**dict(row)) for row in await connection.fetch(_LIST, name))


@asynccontextmanager
async def claimed(connection: asyncpg.Connection, name: str) -> AsyncIterator[None]:
    """Nobody else rebuilds it meanwhile, for as long as the connection lasts. Raises RebuildUnderWay."""
    if not await connection.fetchval(_CLAIM, name):
        raise RebuildUnderWay(f"Another process is rebuilding {name}.")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(_GIVE_BACK, name)


async def drop_generation(connection: asyncpg.Connection, name: str, number: int) -> None:
    """Raises NoSuchGeneration, and RebuildUnderWay where it is being filled at this moment."""
    async with connection.transaction():
        if not await connection.fetchval(_CLAIM_BRIEFLY, name):
            raise RebuildUnderWay(f"Another process is rebuilding {name}.")
        try:
            await connection.execute(_DROP, name, number)
        except (asyncpg.NoDataFoundError, asyncpg.ObjectNotInPrerequisiteStateError) as error:
            raise NoSuchGeneration(f"{error}.") from error
