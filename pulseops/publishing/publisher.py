"""The publisher: what was signed of each log is at the place that is set, a while later at most."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import structlog
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.note import Verifier
from pulseops.audit.shelf import Shelf, Unreachable
from pulseops.kernel.errors import PulseOpsError
from pulseops.publishing.publish import NotAsPublished, Published, publish, published

_LOOK = 1.0
"""Seconds between looks for what is due, where it is due less often."""
_DOUBT = 3
"""Times that others may be said to have looked after a log before it is looked after all the same."""
_PATIENCE = 2.0
"""Seconds that the first signature of a log waits to be told what is published."""

# A look that claims to come from the future holds nobody up.
_DUE = """
SELECT l.log_id, l.name, coalesce(p.size, 0) AS known,
  (p.looked_at BETWEEN clock_timestamp() - $1::interval AND clock_timestamp()) IS NOT TRUE AS due
FROM eventstore.log AS l
LEFT JOIN audit.published AS p ON p.log_id = l.log_id
ORDER BY l.log_id
"""
_PUBLISHED = """
INSERT INTO audit.published AS p (log_id, size, looked_at, failing_since, refused)
VALUES ($1, $2, clock_timestamp(), NULL, false)
ON CONFLICT (log_id) DO UPDATE SET size = excluded.size, looked_at = excluded.looked_at, failing_since = NULL,
  refused = false
"""
_FAILED = """
INSERT INTO audit.published AS p (log_id, size, looked_at, failing_since, refused)
VALUES ($1, 0, clock_timestamp(), clock_timestamp(), $2)
ON CONFLICT (log_id) DO UPDATE SET looked_at = excluded.looked_at, refused = excluded.refused,
  failing_since = coalesce(p.failing_since, excluded.failing_since)
"""
_STATE = """
SELECT p.log_id, p.size AS position, p.refused,
  coalesce(extract(epoch FROM clock_timestamp() - p.failing_since), 0)::float8 AS seconds,
  greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM eventstore.event AS e WHERE e.log_id = p.log_id AND e.position = p.size + 1
  )), 0))::float8 AS unpublished
FROM audit.published AS p
"""
_log = structlog.get_logger(__name__)


class Standing(Struct, frozen=True, kw_only=True):
    """Up to which position a log is published, and for how many seconds that has failed; 0 when it does not.

    `refused`: because what is signed does not add to what was published. `unpublished` seconds ago came the
    oldest event that is not: whatever the reason, and also when nobody tries.
    """

    log_id: int
    position: int
    seconds: float
    refused: bool
    unpublished: float


class Publisher:
    """Publishes all logs. Several may: a log that another has just looked after waits for its turn."""

    def __init__(
        self, pool: asyncpg.Pool, shelf: Shelf, trusted: Sequence[Verifier], *, every: timedelta
    ) -> None:
        self._pool, self._shelf, self._trusted, self._every = pool, shelf, trusted, every
        self._troubles: dict[str, type[Exception]] = {}
        self._looked = dict[int, float]()

    async def watch(self) -> None:
        """For ever, whatever fails."""
        while True:
            try:
                await self.publish()
            except Exception as error:  # noqa: BLE001 -- logged; the next look tries again
                self._failed("all logs", error)
            else:
                self._succeeded("all logs")
            await asyncio.sleep(_LOOK)

    async def publish(self) -> list[Published]:
        """What is due. What fails of one log is told, and keeps no other waiting."""
        done = list[Published]()
        for due in await self._pool.fetch(_DUE, self._every):
            if not self._is_due(due["log_id"], told=due["due"]):
                continue
            try:
                found = await self._publish(due["log_id"], due["name"], due["known"])
            # What is away for all fails for the next one too.
            except (PulseOpsError, asyncpg.PostgresError, TimeoutError) as error:
                self._failed(due["name"], error)
            else:
                self._succeeded(due["name"])
                done += [] if found is None else [found]
        return done

    async def _publish(self, log_id: int, name: str, known: int) -> Published | None:
        """And say how far it has come."""
        try:
            found = await publish(self._pool, self._shelf, self._trusted, log_id=log_id, log=name)
        except PulseOpsError as error:
            await self._pool.execute(_FAILED, log_id, isinstance(error, NotAsPublished))
            raise
        if found is not None and found.before < known:
            _log.warning("less was published than before", log=name, there=found.before)
        await self._pool.execute(_PUBLISHED, log_id, 0 if found is None else found.size)
        return found

    async def published(self, log: str) -> Checkpoint | None:
        """What the next signature has to add to. Raises NotAsPublished, and Unreachable when it takes long.

        What is signed meanwhile is held to it before it is published.
        """
        try:
            async with asyncio.timeout(_PATIENCE), self._shelf.visit() as visit:
                return await published(visit, log, self._trusted)
        except TimeoutError:
            raise Unreachable(f"It does not answer within {_PATIENCE:.0f} seconds.") from None

    def _is_due(self, log_id: int, *, told: bool) -> bool:
        """As the table tells; and whatever it tells, which others may write, every now and then."""
        now = time.monotonic()
        if not told and now - self._looked.setdefault(log_id, now) < _DOUBT * self._every.total_seconds():
            return False
        self._looked[log_id] = now
        return True

    def _failed(self, log: str, error: Exception) -> None:
        if self._troubles.get(log) is not type(error):
            _log.error("history is not published", log=log, error=str(error) or repr(error)[:200])
        self._troubles[log] = type(error)

    def _succeeded(self, log: str) -> None:
        if self._troubles.pop(log, None) is not None:
            _log.info("history is published again", log=log)


async def standings(connection: asyncpg.Connection) -> dict[int, Standing]:
    """Of the logs that are published, by their numbers."""
    return {row["log_id"]: Standing(**dict(row)) for row in await connection.fetch(_STATE)}


async def forget(pool: asyncpg.Pool) -> None:
    """Where nothing is published any more, nobody is told how far that had come."""
    await pool.execute("DELETE FROM audit.published")
