"""Appending inside a transaction of the caller's own: its rows and the facts that tell of them, or neither.

Rare work only. The log's lock is held from here to the caller's commit, and everybody else's appends wait.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import msgspec

from pulseops.eventstore.append import AppendRequest, AppendResult

_APPEND = "SELECT verdict, stream_id, version, position, recorded_at FROM eventstore.append_v2($1, $2)"
_VERSIONS = "SELECT stream_id, version FROM eventstore.stream WHERE log_id = $1 AND stream_id = ANY ($2)"


async def append_within(
    connection: asyncpg.Connection, requests: Sequence[AppendRequest], *, log_id: int
) -> list[AppendResult]:
    """What became of each; nothing is durable before the caller's commit. Raises what asyncpg raises."""
    rows = await connection.fetch(_APPEND, log_id, msgspec.json.encode(requests).decode())
    return [AppendResult(**dict(row)) for row in rows]


async def versions(
    connection: asyncpg.Connection | asyncpg.Pool, streams: Collection[UUID], *, log_id: int
) -> dict[UUID, int]:
    """Where each stream stands; 0 for one that there is not."""
    rows = await connection.fetch(_VERSIONS, log_id, list(streams))
    return dict.fromkeys(streams, 0) | {row["stream_id"]: row["version"] for row in rows}
