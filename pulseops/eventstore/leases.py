"""The lease on a subscription: a row with an owner, an epoch and an end by the database's clock.

Every statement of a holder names its epoch. A worker that was paused past its lease finds its epoch outdated,
so it can neither renew nor checkpoint: the row fences it off.
"""

from datetime import timedelta
from time import monotonic

import asyncpg

_BEGIN = """
    INSERT INTO eventstore.subscription (log_id, name, position, epoch, updated_at, attempts)
    VALUES ($1, $2, 0, 0, clock_timestamp(), 0)
    ON CONFLICT DO NOTHING
"""
# A row locked by a batch under way is skipped: its holder is alive, however long the batch takes.
_TAKE = """
    UPDATE eventstore.subscription AS s
    SET owner = $3, epoch = s.epoch + 1, lease_until = clock_timestamp() + $4, updated_at = clock_timestamp()
    WHERE (s.log_id, s.name) IN (
        SELECT f.log_id, f.name FROM eventstore.subscription AS f
        WHERE f.log_id = $1 AND f.name = $2
          AND (f.owner IS NULL OR f.lease_until IS NULL OR f.lease_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    )
    RETURNING s.epoch
"""
_RENEW = """
    UPDATE eventstore.subscription SET lease_until = clock_timestamp() + $5
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
    RETURNING position
"""
_READ = """
    SELECT position FROM eventstore.subscription
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
"""
# A worker frozen inside a batch must not hold the row for ever: the database ends its transaction.
_LOCK = """
    SELECT position, set_config('idle_in_transaction_session_timeout', $5, true)
    FROM eventstore.subscription
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
    FOR UPDATE
"""
_CHECKPOINT = """
    UPDATE eventstore.subscription
    SET position = $6, lease_until = clock_timestamp() + $5, updated_at = clock_timestamp(),
        attempts = 0, last_error = NULL
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
    RETURNING position
"""
_FAIL = """
    UPDATE eventstore.subscription
    SET attempts = attempts + 1, last_error = $6, lease_until = clock_timestamp() + $5,
        updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
    RETURNING attempts
"""
_RELEASE = """
    UPDATE eventstore.subscription SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
"""


class LeaseLost(Exception):
    """Another worker has taken over."""


class Lease:
    """One worker's hold on one subscription, `seconds` long and renewed by every batch.

    All but `take` raise LeaseLost, after which the lease is no longer held.
    """

    def __init__(self, *, log_id: int, name: str, owner: str, seconds: float) -> None:
        self.held = False
        self.seconds = seconds
        self.renewal = seconds / 3
        """Seconds after which `position` renews: a holder that waits longer than this risks its lease."""
        self._row = (log_id, name, owner)
        self._epoch = 0
        self._renewed = 0.0

    async def take(self, connection: asyncpg.Connection) -> bool:
        """Whether it is held now: it was given back, ran out, or never existed."""
        log_id, name, _ = self._row
        await connection.execute(_BEGIN, log_id, name)
        epoch = await connection.fetchval(_TAKE, *self._row, timedelta(seconds=self.seconds))
        if epoch is not None:
            self.held, self._epoch, self._renewed = True, epoch, monotonic()
        return self.held

    async def position(self, connection: asyncpg.Connection) -> int:
        """The checkpoint. Renews when it is time to."""
        if monotonic() - self._renewed >= self.renewal:
            return await self._renewing(connection, _RENEW)
        return self._kept(await connection.fetchval(_READ, *self._row, self._epoch))

    async def lock(self, connection: asyncpg.Connection) -> int:
        """The checkpoint, held still until the end of the transaction."""
        limit = str(int(self.seconds * 1000))
        return self._kept(await connection.fetchval(_LOCK, *self._row, self._epoch, limit))

    async def checkpoint(self, connection: asyncpg.Connection, position: int) -> None:
        await self._renewing(connection, _CHECKPOINT, position)

    async def fail(self, connection: asyncpg.Connection, error: str) -> int:
        """How often in a row it failed by now."""
        return await self._renewing(connection, _FAIL, error)

    async def release(self, connection: asyncpg.Connection) -> None:
        self.held = False
        await connection.execute(_RELEASE, *self._row, self._epoch)

    async def _renewing(self, connection: asyncpg.Connection, statement: str, *more: object) -> int:
        started = monotonic()
        length = timedelta(seconds=self.seconds)
        kept = self._kept(await connection.fetchval(statement, *self._row, self._epoch, length, *more))
        self._renewed = started
        return kept

    def _kept(self, value: int | None) -> int:
        if value is None:
            self.held = False
            raise LeaseLost
        return value
