"""Followers of the log: each is led through history in order, by one worker at a time, every position once.

Effect and checkpoint are one transaction. What fails is rolled back, recorded in the subscription's row and
tried again for ever, in ever smaller batches until the position that fails stands alone; nothing is skipped.
One that fails holds up nobody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import monotonic

import asyncpg
import structlog
from msgspec import Struct

from pulseops.eventstore.leases import Lease, LeaseLost
from pulseops.eventstore.slices import Slice
from pulseops.eventstore.wake import Bell

_BUSY, _IDLE = 0.1, 1.0  # seconds between looks that no ring prompted: just after work, and later
_STANDBY = 0.5  # seconds between attempts to take over
_BACKOFF_FIRST, _BACKOFF_LAST = 0.1, 30.0  # seconds after a failure; doubled by each in a row
_SMALLER = 10  # a failed batch comes again as its first tenth

_HEAD = """
    SELECT coalesce((
        SELECT e.position FROM eventstore.event AS e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1
    ), 0)
"""

_log = structlog.get_logger(__name__)


class Projector(Struct, frozen=True):
    """`project(connection, slice)` works off the slice: all of it, and nothing else.

    It runs inside the checkpoint's transaction and writes nowhere else.
    """

    name: str
    project: Callable[[asyncpg.Connection, Slice], Awaitable[None]]


class Subscription:
    """Leads one projector through one log. `owner` names this worker and no other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        projector: Projector,
        *,
        owner: str,
        doorbell: Bell,
        log_id: int = 1,
        lease: float = 4.0,
        batch: int = 5_000,
    ) -> None:
        self.name = projector.name
        self._pool, self._projector, self._doorbell = pool, projector, doorbell
        self._lease = Lease(log_id=log_id, name=projector.name, owner=owner, seconds=lease)
        self._log_id, self._batch, self._size = log_id, batch, batch
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`, whatever fails. Cancelled, it lets its lease run out, as a killed worker does."""
        pause = _BUSY
        while not self._stopped.is_set():
            seen = self._doorbell.rings
            try:
                if not self._lease.held and not await self._take():
                    await self._pause(_STANDBY)
                elif await self._advance():
                    pause = _BUSY
                else:
                    await self._doorbell.wait(seen, min(pause, self._lease.renewal))
                    pause = min(pause * 2, _IDLE)
            except LeaseLost:
                _log.warning("lease lost", subscription=self.name)
            except Exception as error:  # noqa: BLE001 - logged; most likely the database is away
                _log.warning("subscription interrupted", subscription=self.name, error=repr(error)[:200])
                await self._pause(_IDLE)
        await self._release()

    def stop(self) -> None:
        """Ends `run` after the batch under way; the lease is given back, for another to take at once."""
        self._stopped.set()
        self._doorbell.ring()

    async def _take(self) -> bool:
        async with self._pool.acquire() as connection:
            if not await self._lease.take(connection):
                return False
        self._size = self._batch
        _log.info("lease taken", subscription=self.name)
        return True

    async def _advance(self) -> bool:
        """Works off one batch, or fails to; False when there is none."""
        async with self._pool.acquire() as connection:
            position = await self._lease.position(connection)
            if await connection.fetchval(_HEAD, self._log_id) <= position:
                return False
        up_to = position
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                position = await self._lease.lock(connection)
                head = await connection.fetchval(_HEAD, self._log_id)
                up_to = min(head, position + self._size)
                piece = Slice(log_id=self._log_id, after=position, up_to=up_to)
                await self._projector.project(connection, piece)
                await self._lease.checkpoint(connection, up_to)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - recorded in the row, and tried again
            await self._record(error, position, up_to)
        else:
            self._size = min(self._size * 2, self._batch)
        return True

    async def _record(self, error: Exception, after: int, up_to: int) -> None:
        # The first line only: PostgreSQL goes on with the row that it refused, which is nobody's business.
        text = f"{type(error).__name__} at positions {after + 1} to {up_to}: {error}".splitlines()[0]
        async with self._pool.acquire() as connection:
            attempts = await self._lease.fail(connection, text[:1_000])
        _log.error("projection failed", subscription=self.name, attempts=attempts, error=text[:200])
        self._size = max(1, min(self._size, up_to - after) // _SMALLER)
        await self._rest(min(_BACKOFF_FIRST * 2 ** min(attempts - 1, 20), _BACKOFF_LAST))

    async def _rest(self, seconds: float) -> None:
        """Waits with the lease in hand."""
        until = monotonic() + seconds
        while not self._stopped.is_set() and (left := until - monotonic()) > 0:
            await self._pause(min(left, self._lease.renewal))
            async with self._pool.acquire() as connection:
                await self._lease.position(connection)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _release(self) -> None:
        if self._lease.held:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                async with self._pool.acquire() as connection:
                    await self._lease.release(connection)


class Subscriptions:
    """One worker's subscriptions, side by side."""

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self._subscriptions = tuple(subscriptions)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        self._tasks = tuple(asyncio.create_task(one.run(), name=one.name) for one in self._subscriptions)

    async def stop(self, within: float = 5.0) -> None:
        """Lets the batches under way end for `within` seconds; what takes longer is rolled back."""
        for one in self._subscriptions:
            one.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
