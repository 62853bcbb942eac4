"""When each key was last used: noted in memory by every request, written once in a while."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import asyncpg
import structlog

from pulseops.db.outages import OUTAGES
from pulseops.kernel.clock import utc_now

_EVERY = 15.0
_FINE = timedelta(minutes=1)
"""A time that is no older than this is not written anew, by whichever process."""

# Whoever has a key's row is writing the same: two processes never wait for each other.
_WRITE = """
WITH used AS (
  SELECT k.log_id, k.key_id FROM access.api_key k
  WHERE (k.log_id, k.key_id) IN (SELECT * FROM unnest($1::smallint[], $2::text[]))
    AND (k.last_used_at IS NULL OR k.last_used_at < $4)
  FOR UPDATE SKIP LOCKED
)
UPDATE access.api_key k SET last_used_at = $3 FROM used
WHERE k.log_id = used.log_id AND k.key_id = used.key_id
"""
_log = structlog.get_logger("pulseops.access")


class Usage:
    """`saw` is called for each request; between `start` and `stop` it is written."""

    def __init__(self, pool: asyncpg.Pool, *, every: float = _EVERY) -> None:
        self._pool, self._every = pool, every
        self._seen: dict[str, int] = {}
        self._writer: asyncio.Task[None] | None = None

    def saw(self, key_id: str, log_id: int) -> None:
        self._seen[key_id] = log_id

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="pulseops key usage")

    async def stop(self) -> None:
        """What was not written yet is not worth waiting for."""
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.flush(utc_now())
            except (*OUTAGES, asyncpg.PostgresError) as error:
                _log.warning("key usage not written", error=type(error).__name__)

    async def flush(self, now: datetime) -> None:
        """Raises what asyncpg raises; then they are noted again by the next requests."""
        seen, self._seen = self._seen, {}
        if seen:
            await self._pool.execute(_WRITE, list(seen.values()), list(seen), now, now - _FINE)
