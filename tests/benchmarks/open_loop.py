"""An open loop: requests go out by the clock, whether or not the last were answered. See `apart`."""

import asyncio
import math
from collections import Counter, deque
from contextlib import suppress
from time import perf_counter
from uuid import UUID

from pulseops.db.pools import open_connection
from tests.benchmarks.bench import Reading
from tests.benchmarks.client import PATIENCE, Connection, Load, connected, unpacked
from tests.benchmarks.figures import percentiles

_TICK = 0.001
_STORM = 1.0
"""Seconds in which connections are still being opened."""
_ID = slice(7, 43)
"""Where an incident's id stands in an answer, which begins with it: {"id":"…"."""
_LOST = """
SELECT count(*) FROM unnest($1::uuid[]) AS told (id)
WHERE NOT EXISTS (SELECT FROM eventstore.stream s WHERE s.log_id = 1 AND s.stream_id = told.id)
"""


class _Flood:
    """Sends on any connection that is free, opens one where there is none, and lets the rest wait in turn."""

    def __init__(self, given: Load) -> None:
        self._given = given
        self._requests = unpacked(given.sheet)
        self._free: list[Connection] = []
        self._queue: deque[tuple[bytes, float]] = deque()
        self._connections = 0
        self._opening: set[asyncio.Task[None]] = set()
        self.sent = self.outstanding = 0
        self.times: list[float] = []
        self.steady: list[float] = []
        """Those of `times` that were answered after the storm."""
        self.acknowledged: list[UUID] = []
        self.counts: Counter[str] = Counter()
        self.settled = asyncio.Event()
        self.begun = perf_counter()

    def send(self, meant: float) -> None:
        request = self._requests[self.sent % len(self._requests)]
        self.sent += 1
        self.outstanding += 1
        self.settled.clear()
        while self._free:
            connection = self._free.pop()
            if connection.open:
                connection.ask(request, meant)
                return
            self._connections -= 1
        self._queue.append((request, meant))
        if self._connections < self._given.connections:
            self._connections += 1
            opening = asyncio.create_task(self._open())
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    def _ended(self) -> None:
        self.outstanding -= 1
        if not self.outstanding:
            self.settled.set()

    def close(self) -> None:
        for connection in self._free:
            connection.close()

    async def _open(self) -> None:
        try:
            connection = await connected(self._given.port, self._answered)
        except OSError:
            self._connections -= 1
            if self._queue:
                self._queue.popleft()
                self.counts["broken"] += 1
                self._ended()
            return
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        if self._queue:
            connection.ask(*self._queue.popleft())
        else:
            self._free.append(connection)

    def _answered(self, connection: Connection, status: int, seconds: float, body: bytes) -> None:
        self._ended()
        if 200 <= status < 300:
            self.times.append(seconds)
            if perf_counter() - self.begun > _STORM:
                self.steady.append(seconds)
            self.acknowledged.append(UUID(body[_ID].decode()))
        elif status in {429, 503} and connection.retry_after:
            self.counts["shed"] += 1
        else:
            self.counts["broken"] += 1
        if connection.open:
            self._next(connection)
        else:
            self._connections -= 1


async def opened(given: Load) -> Reading:
    """At `rate` for `seconds`; then waits for the answers that are still to come."""
    flood = _Flood(given)
    begun = flood.begun
    while (passed := perf_counter() - begun) < given.seconds:
        while flood.sent < passed * given.rate:
            flood.send(begun + flood.sent / given.rate)
        await asyncio.sleep(_TICK)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await flood.settled.wait()
    seconds = perf_counter() - begun
    flood.close()
    return Reading(
        operations=len(flood.times),
        seconds=seconds,
        more={
            **percentiles(flood.times),
            "steady_p99_ms": percentiles(flood.steady)["p99_ms"] if flood.steady else math.nan,
            "sent": float(flood.sent),
            "shed": float(flood.counts["shed"]),
            "broken": float(flood.counts["broken"] + flood.outstanding),
            "lost": float(await _lost(given.url, flood.acknowledged)),
        },
    )


async def _lost(url: str | None, acknowledged: list[UUID]) -> int:
    if url is None:
        return 0
    connection = await open_connection(url)
    try:
        lost: int = await connection.fetchval(_LOST, acknowledged)
        return lost
    finally:
        await connection.close()
