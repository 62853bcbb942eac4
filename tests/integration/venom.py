"""Streams that a follower cannot deal with, for as long as they are venomous."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from pulseops.subscriptions.slices import Slice
from tests.integration.appending import append, request

_HELD = "SELECT DISTINCT stream_id FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7)"


class Venom:
    """Fails whatever slice holds an event of one of these streams. `seen` are the slices, as they came."""

    def __init__(self, *streams: UUID, error: Exception | None = None) -> None:
        self.streams: set[UUID] = set(streams)
        self.error = error or ValueError("nobody can read this")
        self.seen: list[Slice] = []

    async def __call__(self, connection: asyncpg.Connection, piece: Slice) -> None:
        self.seen.append(piece)
        held = {row[0] for row in await connection.fetch(_HELD, *piece.parameters)}
        if held & self.streams:
            raise self.error


async def rounds(app: asyncpg.Connection, streams: Collection[UUID], count: int, *, since: int = 0) -> int:
    """One event for each stream, `count` times over; the last position."""
    last = 0
    for version in range(since, since + count):
        last = (await append(app, *(request(one, at=version) for one in streams)))[-1].position
    return last


async def whose(connection: asyncpg.Connection | asyncpg.Pool, *streams: UUID) -> list[int]:
    """The positions of these streams."""
    rows = await connection.fetch(
        "SELECT position FROM eventstore.event WHERE log_id = 1 AND stream_id = ANY ($1) ORDER BY 1", streams
    )
    return [row[0] for row in rows]
