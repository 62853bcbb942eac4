"""Dealing a subscription's streams to another number of shards, with no event left out or dealt with twice.

Shards that stand at one position can be dealt anew: up to there everything is done, after it nothing. Where
they do not, each is halted at the furthest one's position, and the others come there by working history off.
The rows say until when they are halted, so one who dies over it stops nobody for long.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from pulseops.subscriptions.operating import Conflicting, shards_of
from pulseops.subscriptions.slices import bucket

MOST = 64
"""Each shard reads the whole log: past a few, more logs serve better than more shards."""
_LOOK = 0.05  # seconds between looks

_HALT = """
    UPDATE eventstore.subscription SET halt_at = $3, halt_until = clock_timestamp() + $4
    WHERE log_id = $1 AND name = $2
"""
_GO_ON = """
    UPDATE eventstore.subscription SET halt_at = NULL, halt_until = NULL
    WHERE log_id = $1 AND name = $2 AND halt_at IS NOT NULL
"""
_REMOVE = "DELETE FROM eventstore.subscription WHERE log_id = $1 AND name = $2"
_DEAL = """
    INSERT INTO eventstore.subscription
        (log_id, name, shard, shards, position, epoch, generation, parked, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
"""


async def deal(
    pool: asyncpg.Pool,
    name: str,
    shards: int,
    *,
    record: Callable[[asyncpg.Connection, int], Awaitable[None]] | None = None,
    log_id: int = 1,
    within: float = 20.0,
) -> int:
    """From here on the streams fall to `shards` shards; the position where that began.

    `record` is told it in the transaction that does it. Raises NotFound, and Conflicting when the shards do
    not meet `within` seconds. Nothing is changed then.
    """
    if not 1 <= shards <= MOST:
        raise Conflicting(f"There may be 1 to {MOST} shards.")
    until = asyncio.get_running_loop().time() + within
    try:
        while asyncio.get_running_loop().time() < until:
            async with pool.acquire() as connection, connection.transaction():
                met = await _deal(connection, log_id, name, shards, within)
                if met is not None and record is not None:
                    await record(connection, met)
            if met is not None:
                return met
            await asyncio.sleep(_LOOK)
    finally:
        await pool.execute(_GO_ON, log_id, name)
    raise Conflicting(
        f"The shards of {name} did not come to one position within {within:.0f} s: is each one led, "
        "and does none fail? They stay as they were."
    )


async def _deal(
    connection: asyncpg.Connection, log_id: int, name: str, shards: int, within: float
) -> int | None:
    """The position at which it was dealt; None where the shards have yet to meet."""
    rows = await shards_of(connection, log_id, name)
    furthest: int = max(row["position"] for row in rows)
    if any(row["position"] < furthest for row in rows):
        # Nobody passes this point meanwhile: the halt is committed with the locks.
        if any(row["halt_at"] != furthest for row in rows):
            await connection.execute(_HALT, log_id, name, furthest, timedelta(seconds=within))
        return None
    parked = [stream_id for row in rows for stream_id in row["parked"]]
    epoch = max(row["epoch"] for row in rows) + 1
    await connection.execute(_REMOVE, log_id, name)
    for shard in range(shards):
        mine = [stream_id for stream_id in parked if bucket(stream_id) % shards == shard]
        generation = rows[0]["generation"]
        await connection.execute(_DEAL, log_id, name, shard, shards, furthest, epoch, generation, mine)
    return furthest
