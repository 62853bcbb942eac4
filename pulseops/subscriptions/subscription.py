"""Followers of the log: each is led through history in order, by one worker at a time, every position once.

Effect and checkpoint are one transaction. What fails is rolled back, recorded in the subscription's row and
tried again, in ever smaller batches until the position that fails stands alone. If that goes on failing by a
fault of its own, its stream is parked: it waits, in order, and the others go on. Nothing is skipped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import asyncpg
import structlog
from msgspec import Struct
from msgspec.structs import replace

from pulseops.db.outages import passing
from pulseops.eventstore.bell import Bell
from pulseops.subscriptions import parking
from pulseops.subscriptions.leases import Lease, LeaseLost
from pulseops.subscriptions.slices import Slice, bucket

_BUSY, _IDLE = 0.1, 1.0  # seconds between looks that no ring prompted: just after work, and later
_BACKOFF_FIRST, _BACKOFF_LAST = 0.1, 30.0  # seconds after a failure; doubled by each at the same place
_SMALLER = 10  # a failed batch comes again as its first tenth
_TRIES, _TRIED_FOR = 5, 3.0  # failures of a position alone, and seconds over them: then its stream is parked

_log = structlog.get_logger(__name__)


class Projector(Struct, frozen=True):
    """`project(connection, slice)` works off the slice: all of it, and nothing else.

    It runs inside the checkpoint's transaction and writes nowhere else.
    """

    name: str
    project: Callable[[asyncpg.Connection, Slice], Awaitable[None]]


class _Stuck(Struct):
    """How one place fails: `tries` in a row, `faults` of them its own since `since`."""

    position: int = -1
    tries: int = 0
    faults: int = 0
    since: float = 0.0


class Subscription:
    """Leads one shard of one projector through one log. `owner` names this worker and no other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        projector: Projector,
        *,
        owner: str,
        doorbell: Bell,
        log_id: int = 1,
        shard: int = 0,
        lease: float = 4.0,
        batch: int = 5_000,
    ) -> None:
        self.name = projector.name
        self._pool, self._projector, self._doorbell = pool, projector, doorbell
        self._lease = Lease(log_id=log_id, name=projector.name, shard=shard, owner=owner, seconds=lease)
        self._batch = self._size = batch
        self._stuck = _Stuck()
        self._known: set[str] = set()
        """Faults for which a stream was parked: the next that has one need not be tried for long."""
        self._stopped = asyncio.Event()
        self._log = _log.bind(subscription=projector.name, log=log_id, shard=shard)

    async def take(self) -> bool:
        """Whether this worker has the lease now."""
        async with self._pool.acquire() as connection:
            if not await self._lease.take(connection):
                return False
        self._log.info("lease taken")
        return True

    async def lead(self) -> None:
        """Until `stop`, or until the lease is lost, whatever fails.

        Cancelled, it lets its lease run out, as a killed worker does.
        """
        pause = _BUSY
        while not self._stopped.is_set():
            seen = self._doorbell.rings
            try:
                if await self._work():
                    pause = _BUSY
                else:
                    await self._doorbell.wait(seen, min(pause, self._lease.renewal))
                    pause = min(pause * 2, _IDLE)
            except LeaseLost:
                self._log.warning("lease lost")
                return
            except Exception as error:  # noqa: BLE001 - logged; most likely the database is away
                self._log.warning("subscription interrupted", error=repr(error)[:200])
                await self._pause(_IDLE)
        await self._release()

    def stop(self) -> None:
        """Ends `lead` after the batch under way; the lease is given back, for another to take at once."""
        self._stopped.set()
        self._doorbell.ring()

    async def _work(self) -> bool:
        """One batch, and one try of a parked stream; False when there was neither."""
        async with self._pool.acquire() as connection:
            found = await self._lease.look(connection)
        if found.goal > found.position:
            await self._advance()
        if found.wanted:
            await self._retry()
        return found.wanted or found.goal > found.position

    async def _advance(self) -> None:
        piece = None
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                piece = await self._lease.lock(connection, self._size)
                if piece.up_to > piece.after:
                    await self._projector.project(connection, piece)
                    await self._lease.checkpoint(connection, piece.up_to)
        except LeaseLost:
            raise
        except Exception as error:
            if piece is None:
                raise
            await self._failed(error, piece)
        else:
            self._size = min(self._size * 2, self._batch)

    async def _failed(self, error: Exception, piece: Slice) -> None:
        fault = _told(error)
        text = f"{type(error).__name__} at positions {piece.after + 1} to {piece.up_to}: {fault}"
        async with self._pool.acquire() as connection:
            attempts = await self._lease.fail(connection, text)
        self._log.error("projection failed", attempts=attempts, error=text[:200])
        alone = piece.up_to - piece.after == 1
        if self._stuck.position != piece.after or not alone:
            self._stuck = _Stuck(position=piece.after)
        self._stuck.tries += 1
        if alone and not passing(error):
            self._stuck.faults += 1
            self._stuck.since = self._stuck.since or monotonic()
            if self._hopeless(fault) and await self._park(piece, text):
                self._known.add(fault)
                return
        self._size = max(1, min(self._size, piece.up_to - piece.after) // _SMALLER)
        await self._rest(min(_BACKOFF_FIRST * 2 ** min(self._stuck.tries - 1, 20), _BACKOFF_LAST))

    def _hopeless(self, fault: str) -> bool:
        long = monotonic() - self._stuck.since >= _TRIED_FOR
        return fault in self._known or (long and self._stuck.faults >= _TRIES)

    async def _park(self, piece: Slice, text: str) -> bool:
        """Passes the one position without its stream; False when that fails as well, or may not be."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                now = await self._lease.lock(connection, 1)
                stream_id = await parking.stream_at(connection, now.log_id, now.up_to)
                if (
                    (now.after, now.up_to, now.shards) != (piece.after, piece.up_to, piece.shards)
                    or stream_id is None
                    or bucket(stream_id) % now.shards != now.shard
                    or len(now.parked) >= parking.MOST
                ):
                    return False
                # What fails on nothing at all fails for a reason of its own: no stream is to blame.
                await self._projector.project(connection, replace(now, parked=(*now.parked, stream_id)))
                await parking.park(
                    connection, self.name, now, stream_id, error=text, attempts=self._stuck.faults
                )
                await self._lease.checkpoint(connection, now.up_to)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - logged; the failure before it is in the row
            self._log.error("parking failed", error=repr(error)[:200])
            return False
        self._log.error("stream parked", streamId=str(stream_id), position=now.up_to, error=text[:200])
        return True

    async def _retry(self) -> None:
        """The next parked stream that is wanted: all that it missed at once, or nothing."""
        now = wanted = None
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                now = await self._lease.lock(connection, 0)
                wanted = await parking.next_wanted(connection, self.name, now)
                if wanted is None:
                    return
                missed = replace(
                    now, after=wanted.position - 1, up_to=now.after, parked=(), only=(wanted.stream_id,)
                )
                await self._projector.project(connection, missed)
                await parking.take_back(connection, self.name, now, wanted.stream_id)
        except LeaseLost:
            raise
        except Exception as error:
            if now is None or wanted is None or passing(error):
                raise
            text = f"{type(error).__name__} from position {wanted.position} on: {_told(error)}"
            async with self._pool.acquire() as connection:
                await parking.failed_again(connection, now.log_id, self.name, wanted.stream_id, text)
            self._log.error("stream stays parked", streamId=str(wanted.stream_id), error=text[:200])
        else:
            self._log.info("stream taken back", streamId=str(wanted.stream_id), position=now.after)

    async def _rest(self, seconds: float) -> None:
        """Waits with the lease in hand."""
        until = monotonic() + seconds
        while not self._stopped.is_set() and (left := until - monotonic()) > 0:
            await self._pause(min(left, self._lease.renewal))
            async with self._pool.acquire() as connection:
                await self._lease.look(connection)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _release(self) -> None:
        if self._lease.held:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                async with self._pool.acquire() as connection:
                    await self._lease.release(connection)


def _told(error: Exception) -> str:
    """The first line only: PostgreSQL goes on with the row that it refused, which is nobody's business."""
    return next(iter(str(error).splitlines()), "")[:900]
