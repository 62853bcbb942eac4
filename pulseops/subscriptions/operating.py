"""What operators do to a subscription: park a stream, have it tried again, go back in history.

Each locks the rows that it changes until the caller's transaction ends, and so comes between two batches.
They raise NotFound for what there is not, and Conflicting, which says why, for what may not be.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.kernel.errors import NotFound, PulseOpsError
from pulseops.subscriptions.slices import bucket

_LOOK = 0.1  # seconds between looks at what became of a try

_SHARDS = """
    SELECT shard, shards, position, epoch, generation, parked, halt_at FROM eventstore.subscription
    WHERE log_id = $1 AND name = $2 ORDER BY shard FOR UPDATE
"""
# A worker that does not know of parked streams loses its lease: the row's own check would not bear it.
_PARK = """
    WITH noted AS (
        INSERT INTO eventstore.parked (log_id, name, stream_id, position, parked_at)
        VALUES ($1, $2, $4, $5, clock_timestamp())
    )
    UPDATE eventstore.subscription
    SET parked = array_append(parked, $4), updated_at = clock_timestamp(),
        owner = CASE WHEN sliced_epoch = epoch THEN owner END,
        lease_until = CASE WHEN sliced_epoch = epoch THEN lease_until END
    WHERE log_id = $1 AND name = $2 AND shard = $3
"""
_STILL = """
    UPDATE eventstore.parked SET wanted = false
    WHERE log_id = $1 AND name = $2 AND stream_id = $3
    RETURNING position
"""
_WANT = """
    UPDATE eventstore.parked SET wanted = true
    WHERE log_id = $1 AND name = $2 AND ($3::uuid IS NULL OR stream_id = $3)
    RETURNING stream_id
"""
_PARKED = """
    SELECT name, stream_id, position, error, attempts, parked_at, tried_at, wanted FROM eventstore.parked
    WHERE log_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY name, position LIMIT 1000
"""
_BACK = """
    WITH forgotten AS (
        DELETE FROM eventstore.parked
        WHERE log_id = $1 AND name = $2 AND stream_id = ANY ($5) AND NOT stream_id = ANY ($6)
    )
    UPDATE eventstore.subscription
    SET position = $4, parked = $6, attempts = 0, last_error = NULL, updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND shard = $3
"""
_BEFORE = """
    SELECT stream_id FROM eventstore.parked
    WHERE log_id = $1 AND name = $2 AND stream_id = ANY ($3) AND position <= $4
"""


class Conflicting(PulseOpsError):
    """The subscription does not allow this now."""

    code = "subscription-conflict"


class Parked(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stream whose events the subscription leaves out from `position` on.

    `error` is null where an operator parked it. `wanted`: a worker is about to try it again.
    """

    name: str
    stream_id: UUID
    position: int
    error: str | None
    attempts: int
    parked_at: datetime
    tried_at: datetime | None
    wanted: bool


async def shards_of(connection: asyncpg.Connection, log_id: int, name: str) -> list[asyncpg.Record]:
    """The subscription's rows, held still until the transaction ends."""
    # PostgreSQL's text cannot hold U+0000, so nothing is called so.
    rows: list[asyncpg.Record] = [] if "\x00" in name else await connection.fetch(_SHARDS, log_id, name)
    if not rows:
        raise NotFound(f"There is no subscription {name!r}.")
    return rows


async def parked(
    connection: asyncpg.Connection | asyncpg.Pool, name: str | None = None, *, log_id: int = 1
) -> tuple[Parked, ...]:
    """What waits, at most the first thousand; of one subscription, or of all."""
    rows = await connection.fetch(_PARKED, log_id, name)
    return tuple(Parked(**dict(row)) for row in rows)


async def park(connection: asyncpg.Connection, name: str, stream_id: UUID, *, log_id: int = 1) -> int:
    """From the subscription's position on the stream is left out; that position plus one.

    One that is parked stays so, from where it was, also if it was about to be tried again.
    """
    rows = await shards_of(connection, log_id, name)
    row = rows[bucket(stream_id) % len(rows)]
    if stream_id in row["parked"]:
        parked_since: int = await connection.fetchval(_STILL, log_id, name, stream_id)
        return parked_since
    known = "SELECT true FROM eventstore.stream WHERE log_id = $1 AND stream_id = $2"
    if not await connection.fetchval(known, log_id, stream_id):
        raise NotFound("There is no such stream.")
    since: int = row["position"] + 1
    await connection.execute(_PARK, log_id, name, row["shard"], stream_id, since)
    return since


async def retry(
    connection: asyncpg.Connection, name: str, stream_id: UUID | None = None, *, log_id: int = 1
) -> tuple[UUID, ...]:
    """Whoever leads the subscription tries these again: one parked stream, or all, maybe none."""
    await shards_of(connection, log_id, name)
    found = await connection.fetch(_WANT, log_id, name, stream_id)
    if stream_id is not None and not found:
        raise NotFound("The stream is not parked.")
    return tuple(row["stream_id"] for row in found)


async def tried(
    pool: asyncpg.Pool, name: str, streams: tuple[UUID, ...], *, within: float, log_id: int = 1
) -> tuple[Parked, ...]:
    """Which of the streams are still parked when all were tried, or after `within` seconds."""
    until = asyncio.get_running_loop().time() + within
    while True:
        left = tuple(one for one in await parked(pool, name, log_id=log_id) if one.stream_id in streams)
        late = asyncio.get_running_loop().time() > until
        if late or not any(one.wanted for one in left):
            return left
        await asyncio.sleep(_LOOK)


async def reset(connection: asyncpg.Connection, name: str, position: int = 0, *, log_id: int = 1) -> None:
    """Everything after `position` is worked off again. It never goes forward: nothing may be skipped."""
    rows = await shards_of(connection, log_id, name)
    if any(row["position"] < position for row in rows):
        raise Conflicting("A subscription goes forward only by working history off.")
    for row in rows:
        held = row["parked"]
        before = await connection.fetch(_BEFORE, log_id, name, held, position)
        stays = [one["stream_id"] for one in before]
        await connection.execute(_BACK, log_id, name, row["shard"], position, held, stays)
