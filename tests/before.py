"""The release before (0004_access), as the database saw it: its schema, and the statements of its processes.

Kept word for word for as long as its processes may run beside ours. The API appended through append_v1 and
listed from the board; the worker held leases by log and name, and projected by functions of version 1.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg

REVISION = "0004_access"
SCHEMA = (Path(__file__).parent / "samples" / "schemas" / f"{REVISION}.sql").read_text()

APPEND = "SELECT verdict, stream_id, version, position, recorded_at FROM eventstore.append_v1($1, $2)"
_BEGIN = """
    INSERT INTO eventstore.subscription (log_id, name, position, epoch, updated_at, attempts)
    VALUES ($1, $2, 0, 0, clock_timestamp(), 0)
    ON CONFLICT DO NOTHING
"""
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
_RELEASE = """
    UPDATE eventstore.subscription SET owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
    WHERE log_id = $1 AND name = $2 AND owner = $3 AND epoch = $4
"""
_HEAD = """
    SELECT coalesce((
        SELECT e.position FROM eventstore.event AS e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1
    ), 0)
"""
_PROJECT = {
    "incident": ("SELECT incidents.project_incident_v1($1, $2, $3)",),
    "timeline": ("SELECT incidents.project_timeline_v1($1, $2, $3)",),
    "deadline": (
        "SELECT * FROM escalation.assigned_v1($1, $2, $3)",
        "SELECT escalation.stop_deadlines_v1($1, $2, $3)",
    ),
}
_READS = (
    "SELECT log_id, key_id, name, role, secret_sha256 FROM access.api_key WHERE revoked_at IS NULL",
    "SELECT * FROM incidents.incident WHERE log_id = 1 AND status <> 'resolved' ORDER BY position LIMIT 50",
    "SELECT position, event, details FROM incidents.timeline WHERE log_id = 1 ORDER BY position DESC LIMIT 9",
    "SELECT s.name, s.position, s.attempts FROM eventstore.subscription AS s WHERE s.log_id = 1",
    "SELECT * FROM escalation.claim_due_v1(1::smallint, clock_timestamp(), 10)",
)
"""What its API, sweeper and health check asked, in short."""

_LEASE = timedelta(seconds=4)


class Worker:
    """Leads the subscriptions of that release, by its own statements."""

    def __init__(self, connection: asyncpg.Connection, owner: str = "before") -> None:
        self._connection, self._owner = connection, owner
        self._epochs: dict[str, int] = {}

    async def take(self) -> None:
        for name in _PROJECT:
            await self._connection.execute(_BEGIN, 1, name)
            self._epochs[name] = await self._connection.fetchval(_TAKE, 1, name, self._owner, _LEASE)

    async def advance(self) -> None:
        """Every subscription to the head."""
        for name, epoch in self._epochs.items():
            row = (1, name, self._owner, epoch)
            async with self._connection.transaction():
                after = await self._connection.fetchval(_LOCK, *row, "4000")
                head = await self._connection.fetchval(_HEAD, 1)
                for statement in _PROJECT[name]:
                    await self._connection.execute(statement, 1, after, head)
                assert await self._connection.fetchval(_CHECKPOINT, *row, _LEASE, head) == head, name

    async def lead(self) -> None:
        while True:
            await self.advance()
            await asyncio.sleep(0.01)

    async def release(self) -> None:
        for name, epoch in self._epochs.items():
            await self._connection.execute(_RELEASE, 1, name, self._owner, epoch)


async def read(connection: asyncpg.Connection) -> None:
    """As a request does: outside a transaction, so that the driver asks again when a type has changed."""
    for statement in _READS:
        await connection.fetch(statement)
