"""History sealed by hand, and what its tree must be, in the words of the RFC."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg

from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import Run
from pulseops.audit.sealing import NAME, SEALER, tiles_at
from pulseops.audit.tiles import hashed, of_tree
from pulseops.eventstore.codec import COLUMNS
from pulseops.subscriptions.slices import Slice
from tests.integration.appending import append, request


async def grow(app: asyncpg.Connection, events: int) -> None:
    await append(app, request(events=events))


async def seal(app: asyncpg.Connection, after: int, up_to: int, **more: Any) -> None:
    async with app.transaction():
        await SEALER.project(app, Slice(log_id=1, after=after, up_to=up_to, **more))


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, of hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


async def root_of_history(connection: asyncpg.Connection, size: int) -> bytes:
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM eventstore.event ORDER BY position LIMIT {size}")
    return mth([sha256(b"\x00" + sealed(row)).digest() for row in rows])


async def root_of_tree(connection: asyncpg.Connection, size: int) -> bytes:
    tiles = await tiles_at(connection, 1, (path.place for path in of_tree(size)))
    [root] = hashed([Run(0, size)], tiles)
    return root


async def sealed_up_to(app: asyncpg.Connection, size: int) -> None:
    """From the beginning, and its subscription says so."""
    await seal(app, 0, size)
    await app.execute(_COME, NAME, size)


_COME = """
INSERT INTO eventstore.subscription (log_id, name, position, updated_at) VALUES (1, $1, $2, clock_timestamp())
ON CONFLICT (log_id, name, shard) DO UPDATE SET position = excluded.position
"""
