"""Streams that are asked for at the same time are read together: a round trip costs more than a stream.

As with appends there is no timer: whoever asks while all the readers are at it joins the next reading, which
begins after the question, so that the answer is as new as if it had been asked alone.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import asyncpg

from pulseops.eventstore.codec import Codec
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import Overloaded

_AT_A_TIME = 2
"""Readings under way: one while the other's answer is unpacked."""
_MOST = 100
"""Streams of one reading."""

# Each stream by its own key, and its positions leave only its partitions to look into. OFFSET 0 keeps the
# planner from making joins of this, which from empty tables it would do by reading them whole.
_STREAMS = """
SELECT e.* FROM unnest($2::uuid[]) AS asked(stream_id)
CROSS JOIN LATERAL (
  SELECT s.first_position, s.last_position FROM eventstore.stream s
  WHERE s.log_id = $1 AND s.stream_id = asked.stream_id OFFSET 0
) AS stands
CROSS JOIN LATERAL (
  SELECT e.log_id, e.position, e.stream_id, e.version, e.type, e.schema_version, e.event_id, e.command_id,
    e.occurred_at, e.recorded_at, e.data, e.meta
  FROM eventstore.event e
  WHERE e.log_id = $1 AND e.stream_id = asked.stream_id
    AND e.position BETWEEN stands.first_position AND stands.last_position OFFSET 0
) AS e
ORDER BY e.version
"""


class Streams:
    """The streams of one log, whole and in order. See `read`."""

    def __init__(self, pool: asyncpg.Pool, codec: Codec, *, log_id: int, most: int = 5_000) -> None:
        self._pool, self._codec, self._log_id, self._most = pool, codec, log_id, most
        self._asked: list[tuple[UUID, asyncio.Future[list[asyncpg.Record]]]] = []
        self._readers: set[asyncio.Task[None]] = set()

    async def read(self, stream_id: UUID) -> Sequence[Recorded[Any]]:
        """Empty when there is no such stream. Raises UnknownFact, Overloaded, and what asyncpg raises."""
        if len(self._asked) >= self._most:
            raise Overloaded
        answer: asyncio.Future[list[asyncpg.Record]] = asyncio.get_running_loop().create_future()
        self._asked.append((stream_id, answer))
        if len(self._readers) < _AT_A_TIME:
            self._readers.add(asyncio.create_task(self._read()))
        return [self._codec.decode(row) for row in await answer]

    async def _read(self) -> None:
        while self._asked:
            asked, self._asked = self._asked[:_MOST], self._asked[_MOST:]
            found: dict[UUID, list[asyncpg.Record]] = {stream_id: [] for stream_id, _ in asked}
            try:
                rows = await self._pool.fetch(_STREAMS, self._log_id, [*found])
            except Exception as error:  # noqa: BLE001 -- who asked hears of it
                # And who waits for the next reading as well: a silent database is not waited for twice.
                for _, answer in (*asked, *self._asked):
                    if not answer.done():
                        answer.set_exception(error)
                self._asked = []
                continue
            for row in rows:
                found[row["stream_id"]].append(row)
            for stream_id, answer in asked:
                if not answer.done():
                    answer.set_result(found[stream_id])
        # At once: a callback of the task would come after those who ask in the moment of their answer.
        self._readers.discard(cast("asyncio.Task[None]", asyncio.current_task()))
