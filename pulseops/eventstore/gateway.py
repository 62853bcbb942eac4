"""Group commit: everything that queued up while the last commit was in flight shares the next one."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from math import inf
from time import perf_counter

import asyncpg
import msgspec
import structlog
from msgspec.structs import replace

from pulseops.db.pools import open_connection
from pulseops.eventstore import metrics
from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.waiting import BATCH_REQUESTS, Pending, Waiting, keys, landed
from pulseops.kernel.errors import DiskFull, InvalidInput, Overloaded, Unavailable

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode

_APPEND = "SELECT verdict, stream_id, version, position, recorded_at FROM eventstore.append_v2($1, $2)"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_CROWD = 16
"""So many requests are worth two commits."""

# The server said so itself, but only before it went: the commit may have been made.
_DOUBTFUL = ("08", "57P", "40003")
# Nothing was stored, and it may work in a moment: no memory or disk, a deadlock, a cancelled statement,
# a lock that was not to be had, a server that has become a standby.
_PASSING = ("53", "40", "55", "57", "58", "25006")
_DATA = "22"
# It did not say so, or nobody heard.
_BROKEN = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Gateway:
    """The one writer of a log in this process, on a connection of its own (`pooled`: as in `db/pooler.py`).

    `on_stored(position)` is called after each commit that stored events, with its last position.
    """

    def __init__(
        self,
        url: str,
        *,
        log_id: int = 1,
        pooled: bool = False,
        on_stored: Callable[[int], None] = lambda _position: None,
        patience: float = 5.0,
        most_requests: int = 5_000,
        most_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        self._url, self._log_id, self._on_stored, self._patience = url, log_id, on_stored, patience
        self._pooled = pooled
        self._waiting = Waiting(most_requests=most_requests, most_bytes=most_bytes)
        self._wake = asyncio.Event()
        self._flying: list[Pending] = []
        self._connection: asyncpg.Connection | None = None
        self._pause = _FIRST_PAUSE
        self._writer: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._idle = self._stopping = False
        self._answered_at = -inf
        self._bundles = count(1)
        self.trouble: type[Unavailable] | None = None
        """Why the last batch was not stored, when it was not."""

    async def start(self) -> None:
        """Begin to write. The database need not be there yet."""
        self._stopping = False
        self._writer = asyncio.create_task(self._write(), name="pulseops gateway")

    async def stop(self) -> None:
        """Answer everything that waits, take nothing new, and let go of the connection."""
        self._stopping = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
            self._writer = None

    @property
    def waiting(self) -> int:
        """Requests that wait for the writer."""
        return len(self._waiting)

    async def append(self, request: AppendRequest) -> AppendResult:
        """The request's result, after the commit that made it durable; within the gateway's patience.

        Raises Overloaded and Unavailable (nothing was stored), OutcomeUnknown (repeat it under its command
        id), InvalidInput when PostgreSQL cannot hold the data.
        """
        (result,) = await self._ask((request,), _encode(request))
        return result

    async def append_together(self, requests: Sequence[AppendRequest]) -> Sequence[AppendResult]:
        """All of them or none, in one commit: a result for each, in their order. Raises as `append`.

        Where one is refused, the others are `void`. Raises ValueError when a stream or command id occurs
        twice, or a name is taken twice. One that is given back by a request is not free for another yet.
        """
        if not requests:
            return ()
        seen = [key for request in requests for key in keys(replace(request, release=None))]
        if len(seen) > len(set(seen)):
            raise ValueError("A group has each stream and command id once, and takes a name once.")
        number = next(self._bundles)
        group = tuple(replace(request, bundle=number) for request in requests)
        return await self._ask(group, b",".join(map(_encode, group)))

    async def _ask(self, requests: tuple[AppendRequest, ...], payload: bytes) -> Sequence[AppendResult]:
        if self._stopping or self._writer is None or self._writer.done():
            raise Unavailable
        loop = asyncio.get_running_loop()
        pending = Pending(requests, payload, loop.create_future(), loop.time() + self._patience)
        try:
            self._waiting.add(pending)
        except Overloaded:
            metrics.SHED.inc()
            raise
        self._wake.set()
        if self._watch is None:
            self._watch = loop.call_later(self._patience / 20, self._expire)
        return await pending.answer

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        answers = now - self._answered_at < self._patience / 5
        trouble = self.trouble or (Overloaded if answers else Unavailable)
        self._waiting.expire(now, trouble)
        for pending in self._flying:
            if pending.deadline <= now:
                pending.expire(trouble)
        outstanding = self._flying or self._waiting
        self._watch = loop.call_later(self._patience / 20, self._expire) if outstanding else None

    async def _write(self) -> None:
        try:
            while await self._called():
                connection = await self._connected()
                if connection is not None and (batch := self._waiting.take(self._share())):
                    await self._send(connection, batch)
        finally:
            for pending in (*self._flying, *self._waiting.take_all()):
                pending.expire()
            if self._connection is not None:
                self._connection.terminate()
            self._connection = None

    async def _called(self) -> bool:
        """Whether somebody waits; without anybody, wait for somebody or for the end."""
        self._idle = False
        while not self._waiting:
            if self._stopping:
                return False
            self._idle = True
            self._wake.clear()
            await self._wake.wait()
        return True

    def _share(self) -> int:
        """How many go at once: all who wait, but of a crowd that came to an idle writer only half.

        Callers who are answered together come back together. In two halves, PostgreSQL works on one while
        the other decides what to ask next; in one, each would stand still while the other works.
        """
        if self._idle and len(self._waiting) >= _CROWD:
            return min(len(self._waiting) // 2, BATCH_REQUESTS)
        return BATCH_REQUESTS

    async def _connected(self) -> asyncpg.Connection | None:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        try:
            self._connection = await open_connection(
                self._url, command_seconds=self._patience, pooled=self._pooled
            )
        except (asyncpg.PostgresError, *_BROKEN) as error:
            await self._back_off(error)
            return None
        return self._connection

    async def _send(self, connection: asyncpg.Connection, batch: list[Pending]) -> None:
        started = perf_counter()
        self._flying = batch
        for pending in batch:
            pending.flying = True
        try:
            text = (b"[" + b",".join([pending.payload for pending in batch]) + b"]").decode()
            rows = await connection.fetch(_APPEND, self._log_id, text)
        except asyncpg.PostgresError as error:
            await self._refused(batch, error)
        except _BROKEN as error:
            await self._interrupted(batch, error, doubtful=True)
        else:
            self._pause, self.trouble = _FIRST_PAUSE, None
            self._answered_at = asyncio.get_running_loop().time()
            metrics.SECONDS.observe(perf_counter() - started)
            self._answer(batch, rows)
        finally:
            self._flying = []

    def _answer(self, batch: list[Pending], rows: list[asyncpg.Record]) -> None:
        stored, told = 0, iter(rows)
        for pending in batch:
            results = []
            for request in pending.requests:
                verdict, stream_id, version, position, recorded_at = next(told)
                if verdict == "replayed" and pending.doubtful and (stream_id, version) == landed(request):
                    verdict = "stored"  # by this very request: only its first answer was lost
                if verdict == "stored" and request.events:
                    stored = position
                results.append(
                    AppendResult(
                        verdict=verdict,
                        stream_id=stream_id,
                        version=version,
                        position=position,
                        recorded_at=recorded_at,
                    )
                )
            if not pending.answer.done():
                pending.answer.set_result(results)
        metrics.BATCH.observe(len(rows))
        if stored:
            # Not called from here: an error of the listener's is not one of the writer's.
            asyncio.get_running_loop().call_soon(self._on_stored, stored)

    async def _refused(self, batch: list[Pending], error: asyncpg.PostgresError) -> None:
        """PostgreSQL answered with an error: who must hear of it, and who has another try."""
        state = error.sqlstate or ""
        if state.startswith(_DOUBTFUL):
            await self._interrupted(batch, error, doubtful=True)
        elif state.startswith(_PASSING):
            await self._interrupted(batch, error, doubtful=False)
        elif len(batch) > 1:
            for pending in batch:
                pending.flying, pending.alone = False, True
            self._waiting.put_back(batch)
        elif not batch[0].answer.done():
            invalid = InvalidInput(f"PostgreSQL cannot hold this: {error}.", pointer="")
            batch[0].answer.set_exception(invalid if state.startswith(_DATA) else error)

    async def _interrupted(self, batch: list[Pending], error: Exception, *, doubtful: bool) -> None:
        for pending in batch:
            pending.flying = False
            pending.doubtful = pending.doubtful or doubtful
        self._waiting.put_back(batch)
        self._flying = []
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        await self._back_off(error)

    async def _back_off(self, error: Exception) -> None:
        metrics.RECONNECTS.inc()
        self.trouble = DiskFull if isinstance(error, asyncpg.DiskFullError) else Unavailable
        _log.warning("gateway.connection_failed", error=str(error) or type(error).__name__, pause=self._pause)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
