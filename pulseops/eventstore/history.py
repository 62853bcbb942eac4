"""Reading the log: one stream, one command's answer, or everything after a position."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from pulseops.eventstore.append import AppendResult
from pulseops.eventstore.codec import COLUMNS, Codec
from pulseops.eventstore.reading import Streams
from pulseops.kernel.envelope import Recorded

# The stream's positions leave only its partitions to look into.
_STREAM = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND version <= $3 AND position BETWEEN
  (SELECT s.first_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2) AND
  (SELECT s.last_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2)
ORDER BY version
"""  # noqa: S608 -- a constant of ours
_ANSWERED = """
SELECT coalesce(fingerprint, $3) IS NOT DISTINCT FROM $3 AS same, stream_id, version, position, recorded_at
FROM eventstore.command WHERE log_id = $1 AND command_id = $2
"""
_HEAD = """
SELECT coalesce(
  (SELECT e.position FROM eventstore.event e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1),
  (SELECT l.floor_position FROM eventstore.log l WHERE l.log_id = $1), 0)
"""
_READ = f"""
SELECT {COLUMNS} FROM eventstore.event WHERE log_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""  # noqa: S608 -- a constant of ours


async def newest(connection: asyncpg.Connection | asyncpg.Pool, log_id: int) -> int:
    """The position of the latest event of a log; 0 when there is none."""
    position: int = await connection.fetchval(_HEAD, log_id)
    return position


class LogHistory:
    """The history of one log, read through a pool; each answer is one round trip."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection, codec: Codec, *, log_id: int = 1) -> None:
        self._pool, self._codec, self._log_id = pool, codec, log_id
        self._streams = Streams(pool, codec, log_id=log_id)

    def at(self, connection: asyncpg.Connection) -> "LogHistory":
        """The same log as this connection's server has it."""
        return LogHistory(connection, self._codec, log_id=self._log_id)

    async def stream(self, stream_id: UUID, *, up_to_version: int | None = None) -> Sequence[Recorded[Any]]:
        """A stream's facts in order; empty when there is no such stream. Raises UnknownFact."""
        if up_to_version is None:
            return await self._streams.read(stream_id)
        rows = await self._pool.fetch(_STREAM, self._log_id, stream_id, up_to_version)
        return [self._codec.decode(row) for row in rows]

    async def answered(self, command_id: UUID, fingerprint: UUID | None) -> AppendResult | None:
        """The first result of a command (`replayed` or `reused`), if it was stored before."""
        row = await self._pool.fetchrow(_ANSWERED, self._log_id, command_id, fingerprint)
        if row is None:
            return None
        return AppendResult(
            verdict="replayed" if row["same"] else "reused",
            stream_id=row["stream_id"],
            version=row["version"],
            position=row["position"],
            recorded_at=row["recorded_at"],
        )

    async def head(self) -> int:
        """The position of the latest event; 0 when there is none."""
        return await newest(self._pool, self._log_id)

    async def read(self, after: int, limit: int) -> Sequence[Recorded[Any]]:
        """At most `limit` facts that follow position `after`, in order. Raises UnknownFact."""
        rows = await self._pool.fetch(_READ, self._log_id, after, limit)
        return [self._codec.decode(row) for row in rows]
