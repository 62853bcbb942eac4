"""A gateway for each log that is written to: opened at its first append, closed when it is idle for long."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from pulseops.eventstore import metrics
from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.gateway import Gateway
from pulseops.kernel.errors import Overloaded, Unavailable


class _Open(Struct):
    """A gateway at work; `used` is the loop's time of its last append."""

    gateway: Gateway
    used: float


class Gateways:
    """At most `most` gateways, so at most as many connections that write, however many logs there are.

    When one more log is written to, the one that was left alone the longest answers what it has and closes.
    `patience` is how long a log's first append waits for that, `idle` how long one may be unused; in seconds.
    """

    def __init__(
        self, make: Callable[[int], Gateway], *, most: int = 16, idle: float = 60.0, patience: float = 5.0
    ) -> None:
        self._make, self._most, self._idle, self._patience = make, most, idle, patience
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._turn = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._tidying: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def logs(self) -> tuple[int, ...]:
        """Those that have a gateway now, the longest unused first."""
        return tuple(self._open)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why there is a log to which nothing can be written at present."""
        return tuple({str(one.gateway.trouble()) for one in self._open.values() if one.gateway.trouble})

    def of(self, log_id: int) -> "LogAppender":
        """Where requests for one log go. Costs nothing until it is used."""
        return LogAppender(self, log_id)

    @property
    def waiting(self) -> int:
        """Requests that wait for a writer, in all logs."""
        return sum(one.gateway.waiting for one in self._open.values())

    def start(self) -> None:
        metrics.WAITING.set_function(lambda: self.waiting)
        self._tidying = asyncio.create_task(self._tidy(), name="pulseops gateways")

    async def stop(self) -> None:
        """Answer everything that waits, take nothing new, and let go of every connection."""
        self._stopped = True
        if self._tidying is not None:
            self._tidying.cancel()
            with suppress(asyncio.CancelledError):
                await self._tidying
        while self._open:
            self._close(next(iter(self._open)))
        await asyncio.gather(*self._closing)

    async def append(self, log_id: int, request: AppendRequest) -> AppendResult:
        """As `Gateway.append`. Raises Overloaded as well when too many logs are written to at once."""
        return await (self._found(log_id) or await self._opened(log_id)).append(request)

    async def append_together(self, log_id: int, requests: Sequence[AppendRequest]) -> Sequence[AppendResult]:
        """As `Gateway.append_together`, and Overloaded as from `append`."""
        return await (self._found(log_id) or await self._opened(log_id)).append_together(requests)

    def _found(self, log_id: int) -> Gateway | None:
        """From here to the gateway's queue no other task runs: it cannot be closed in between."""
        found = self._open.get(log_id)
        if found is None:
            return None
        found.used = asyncio.get_running_loop().time()
        self._open.move_to_end(log_id)
        return found.gateway

    async def _opened(self, log_id: int) -> Gateway:
        try:
            async with asyncio.timeout(self._patience), self._turn:
                while len(self._open) + len(self._closing) >= self._most and log_id not in self._open:
                    if not self._closing:
                        self._close(next(iter(self._open)))
                    await asyncio.wait(self._closing, return_when=asyncio.FIRST_COMPLETED)
                if self._stopped:
                    raise Unavailable
                if log_id not in self._open:
                    gateway = self._make(log_id)
                    await gateway.start()
                    self._open[log_id] = _Open(gateway, asyncio.get_running_loop().time())
                self._open.move_to_end(log_id)
                return self._open[log_id].gateway
        except TimeoutError:
            raise Overloaded from None

    def _close(self, log_id: int) -> None:
        """Takes it away at once; what waits in it is answered meanwhile."""
        closing = asyncio.create_task(self._open.pop(log_id).gateway.stop())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(self._idle / 4)
            unused_since = asyncio.get_running_loop().time() - self._idle
            for log_id in [log_id for log_id, one in self._open.items() if one.used < unused_since]:
                self._close(log_id)


class LogAppender(Struct, frozen=True):
    """The appender of one log."""

    gateways: Gateways
    log_id: int

    async def append(self, request: AppendRequest) -> AppendResult:
        return await self.gateways.append(self.log_id, request)

    async def append_together(self, requests: Sequence[AppendRequest]) -> Sequence[AppendResult]:
        return await self.gateways.append_together(self.log_id, requests)
