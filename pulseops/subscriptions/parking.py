"""Streams that a subscription leaves out, because it cannot deal with one of their events.

A parked stream waits as a whole: its event that failed and all that come after. The row says from which
position on. Trying it again deals with all of them in order, in the transaction that takes it back.
"""

from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.subscriptions.slices import Slice

MOST = 1_000
"""Streams that a shard leaves out at most. Past this, something else is wrong: it stands still instead."""

_STREAM = "SELECT stream_id FROM eventstore.event WHERE log_id = $1 AND position = $2"
_PARK = """
    WITH noted AS (
        INSERT INTO eventstore.parked AS p (log_id, name, stream_id, position, error, attempts, parked_at)
        VALUES ($1, $2, $4, $5, $6, $7, clock_timestamp())
    )
    UPDATE eventstore.subscription SET parked = array_append(parked, $4), updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND shard = $3
"""
_WANTED = """
    SELECT stream_id, position FROM eventstore.parked
    WHERE log_id = $1 AND name = $2 AND stream_id = ANY ($3) AND wanted
    ORDER BY position LIMIT 1
"""
_TAKE_BACK = """
    WITH forgotten AS (
        DELETE FROM eventstore.parked WHERE log_id = $1 AND name = $2 AND stream_id = $4
    )
    UPDATE eventstore.subscription SET parked = array_remove(parked, $4), updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND shard = $3
"""
_FAILED = """
    UPDATE eventstore.parked
    SET attempts = attempts + 1, error = $4, tried_at = clock_timestamp(), wanted = false
    WHERE log_id = $1 AND name = $2 AND stream_id = $3
"""


class Wanted(Struct, frozen=True):
    """A parked stream to be tried again, from `position` on."""

    stream_id: UUID
    position: int


async def stream_at(connection: asyncpg.Connection, log_id: int, position: int) -> UUID | None:
    """Whose event it is; None when there is no such event."""
    found: UUID | None = await connection.fetchval(_STREAM, log_id, position)
    return found


async def park(
    connection: asyncpg.Connection,
    name: str,
    piece: Slice,
    stream_id: UUID,
    *,
    error: str | None,
    attempts: int,
) -> None:
    """From the slice's first position on the stream is left out. Its shard's row must be locked."""
    await connection.execute(
        _PARK, piece.log_id, name, piece.shard, stream_id, piece.after + 1, error, attempts
    )


async def next_wanted(connection: asyncpg.Connection, name: str, piece: Slice) -> Wanted | None:
    """Of those that the slice leaves out: the next to be tried again."""
    row = await connection.fetchrow(_WANTED, piece.log_id, name, piece.parked)
    return Wanted(row["stream_id"], row["position"]) if row else None


async def take_back(connection: asyncpg.Connection, name: str, piece: Slice, stream_id: UUID) -> None:
    """It is left out no longer. Its shard's row must be locked."""
    await connection.execute(_TAKE_BACK, piece.log_id, name, piece.shard, stream_id)


async def failed_again(
    connection: asyncpg.Connection, log_id: int, name: str, stream_id: UUID, error: str
) -> None:
    """It stays parked, and is not wanted until somebody wants it again."""
    await connection.execute(_FAILED, log_id, name, stream_id, error)
