"""The lease on a shard of a subscription: a row with an owner, an epoch and an end by the database's clock.

Every statement of a holder names its epoch. A worker that was paused past its lease finds its epoch outdated,
so it can neither renew nor checkpoint: the row fences it off. All that a batch must know lies in the row
itself: whoever waited for its lock sees what was committed meanwhile, which a joined table would not show.
"""

from datetime import timedelta
from time import monotonic
from typing import Any

import asyncpg
from msgspec import Struct

from pulseops.subscriptions.slices import Slice

HELD = "(lease_until BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 minute')"
"""Whether there is a lease: null without any. One that ends later is of before the clock was set back."""

# A row locked by a batch under way is skipped: its holder is alive, however long the batch takes. What was
# parked is tried once more by each new holder, who may be of a release that can deal with it.
_TAKE = f"""
    WITH taken AS (
        UPDATE eventstore.subscription AS s
        SET owner = $4, epoch = s.epoch + 1, sliced_epoch = s.epoch + 1,
            lease_until = clock_timestamp() + $5, updated_at = clock_timestamp()
        WHERE (s.log_id, s.name, s.shard) IN (
            SELECT f.log_id, f.name, f.shard FROM eventstore.subscription AS f
            WHERE f.log_id = $1 AND f.name = $2 AND f.shard = $3
              AND (f.owner IS NULL OR {HELD} IS NOT TRUE)
            FOR UPDATE SKIP LOCKED
        )
        RETURNING s.epoch, s.parked
    ), wanted AS (
        UPDATE eventstore.parked AS p SET wanted = true FROM taken AS t
        WHERE p.log_id = $1 AND p.name = $2 AND p.stream_id = ANY (t.parked)
    )
    SELECT epoch FROM taken
"""  # noqa: S608 -- a constant of ours
_RENEW = """
    UPDATE eventstore.subscription SET lease_until = clock_timestamp() + $6
    WHERE log_id = $1 AND name = $2 AND shard = $3 AND owner = $4 AND epoch = $5
    RETURNING position
"""
_LOOK = """
    SELECT s.position, least(CASE WHEN s.halt_until > clock_timestamp() THEN s.halt_at END, coalesce((
        SELECT e.position FROM eventstore.event AS e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1
    ), 0)) AS goal, s.parked <> '{}' AND EXISTS (
        SELECT FROM eventstore.parked AS p
        WHERE p.log_id = $1 AND p.name = $2 AND p.stream_id = ANY (s.parked) AND p.wanted
    ) AS wanted
    FROM eventstore.subscription AS s
    WHERE s.log_id = $1 AND s.name = $2 AND s.shard = $3 AND s.owner = $4 AND s.epoch = $5
"""
# A worker frozen inside a batch must not hold the row for ever: the database ends its transaction. Frozen
# between the messages that prepare a statement it counts as busy, not as idle: from PostgreSQL 17 on, a limit
# on the whole batch ends that too.
_LOCK = """
    SELECT s.position, s.shards, s.generation, s.parked,
        least(CASE WHEN s.halt_until > clock_timestamp() THEN s.halt_at END, coalesce((
            SELECT e.position FROM eventstore.event AS e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1
        ), 0)) AS goal,
        set_config('idle_in_transaction_session_timeout', $6, true),
        CASE WHEN current_setting('server_version_num')::int >= 170000
            THEN set_config('transaction_timeout', $7, true) END
    FROM eventstore.subscription AS s
    WHERE s.log_id = $1 AND s.name = $2 AND s.shard = $3 AND s.owner = $4 AND s.epoch = $5
    FOR UPDATE
"""
_WHOLE = 4
"""Times as long as a lease that a batch may take."""
_CHECKPOINT = """
    UPDATE eventstore.subscription
    SET position = $7, lease_until = clock_timestamp() + $6, updated_at = clock_timestamp(),
        attempts = 0, last_error = NULL
    WHERE log_id = $1 AND name = $2 AND shard = $3 AND owner = $4 AND epoch = $5
    RETURNING position
"""
_FAIL = """
    UPDATE eventstore.subscription
    SET attempts = attempts + 1, last_error = $7, lease_until = clock_timestamp() + $6,
        updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND shard = $3 AND owner = $4 AND epoch = $5
    RETURNING attempts
"""
_RELEASE = """
    UPDATE eventstore.subscription SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND shard = $3 AND owner = $4 AND epoch = $5
"""


class LeaseLost(Exception):
    """Another worker has taken over."""


class Look(Struct, frozen=True, kw_only=True):
    """Where the shard stands, and what there is to do: to come to `goal`, to try parked streams again."""

    position: int
    goal: int
    wanted: bool


class Lease:
    """One worker's hold on one shard, `seconds` long and renewed by every batch.

    All but `take` and `release` raise LeaseLost, after which the lease is no longer held.
    """

    def __init__(self, *, log_id: int, name: str, owner: str, seconds: float, shard: int = 0) -> None:
        self.held = False
        self.seconds = seconds
        self.renewal = seconds / 3
        """Seconds after which `look` renews: a holder that waits longer than this risks its lease."""
        self._row = (log_id, name, shard, owner)
        self._epoch = 0
        self._renewed = 0.0

    async def take(self, connection: asyncpg.Connection) -> bool:
        """Whether it is held now: it was given back, or ran out. False as well where there is no such row."""
        epoch = await connection.fetchval(_TAKE, *self._row, timedelta(seconds=self.seconds))
        if epoch is not None:
            self.held, self._epoch, self._renewed = True, epoch, monotonic()
        return self.held

    async def look(self, connection: asyncpg.Connection) -> Look:
        """What there is to do. Renews when it is time to."""
        if monotonic() - self._renewed >= self.renewal:
            await self._renewing(connection, _RENEW)
        row = self._kept(await connection.fetchrow(_LOOK, *self._row, self._epoch))
        return Look(position=row["position"], goal=row["goal"], wanted=row["wanted"])

    async def lock(self, connection: asyncpg.Connection, most: int) -> Slice:
        """The next `most` positions at most, maybe none. The row is held still until the transaction ends."""
        idle, whole = (str(int(times * self.seconds * 1000)) for times in (1, _WHOLE))
        row = self._kept(await connection.fetchrow(_LOCK, *self._row, self._epoch, idle, whole))
        position = row["position"]
        return Slice(
            log_id=self._row[0],
            after=position,
            up_to=max(position, min(row["goal"], position + most)),
            shard=self._row[2],
            shards=row["shards"],
            parked=tuple(row["parked"]),
            generation=row["generation"],
        )

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
        row = await connection.fetchval(statement, *self._row, self._epoch, length, *more)
        kept: int = self._kept(row)
        self._renewed = started
        return kept

    def _kept(self, found: Any) -> Any:
        if found is None:
            self.held = False
            raise LeaseLost
        return found
