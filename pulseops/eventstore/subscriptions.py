"""Followers of the log: each is led through history in order, by one worker at a time, each position once.

Checkpoint and effect are one transaction. The worker at work holds a lease: a row with an owner, an epoch and
an end by the database's clock. A worker that lost its lease without noticing carries an old epoch and cannot
checkpoint. What fails is rolled back, recorded in the row and tried again for ever, ever more closely around
the position that fails; nothing is skipped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic

import asyncpg
import structlog
from msgspec import Struct

from pulseops.eventstore.wake import Doorbell

_BUSY, _IDLE = 0.1, 1.0  # seconds between looks at the log that no ring prompted: after work, and later
_STANDBY = 0.5  # seconds between attempts to take the lease over
_BACKOFF_LAST = 30.0  # seconds

_log = structlog.get_logger(__name__)


class Projector(Struct, frozen=True):
    """`project(connection, log_id, after, up_to)` works off the positions after `after` up to `up_to`.

    It runs inside the transaction of the checkpoint and must write nowhere else.
    """

    name: str
    project: Callable[[asyncpg.Connection, int, int, int], Awaitable[None]]


class Subscription:
    """Leads one projector through one log. `owner` names this worker and no other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        projector: Projector,
        *,
        owner: str,
        doorbell: Doorbell,
        log_id: int = 1,
        lease: float = 4.0,
        batch: int = 5_000,
    ) -> None:
        self.name = projector.name
        self._pool, self._project, self._doorbell = pool, projector.project, doorbell
        self._owner, self._log_id, self._lease, self._batch = owner, log_id, lease, batch
        self._epoch: int | None = None
        self._renewed = 0.0
        self._size = batch
        self._failures = 0
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`, whatever fails. Cancelled, it leaves its lease to run out, as a killed worker would."""
        idle = _BUSY
        while not self._stopped.is_set():
            seen = self._doorbell.rings
            try:
                if self._epoch is None and not await self._take():
                    await self._rest(_STANDBY)
                    continue
                if await self._advance():
                    idle = _BUSY
                    continue
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                _log.warning("the database is away", subscription=self.name, error=type(error).__name__)
                self._epoch = None
                await self._rest(_IDLE)
                continue
            if self._epoch is not None:
                await self._doorbell.wait(seen, idle)
                idle = min(idle * 2, _IDLE)
        await self._release()

    def stop(self) -> None:
        """Ends `run` after the batch at hand; the lease is given back, so that another may go on at once."""
        self._stopped.set()
        self._doorbell.ring()
