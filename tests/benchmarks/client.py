"""Our own HTTP client: as little as can send requests and time answers, in a process of its own (`apart`)."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import cast

import httptools
from msgspec import Struct

from tests.benchmarks.bench import Reading
from tests.benchmarks.figures import percentiles

PATIENCE = 30.0
"""Seconds that the last answers may take."""


class Load(Struct, frozen=True, kw_only=True):
    """What is sent and how hard. `rate` a second is for the open loop, where nobody waits for an answer.

    `url` is a database in which the answered incidents are looked for afterwards.
    """

    port: int
    sheet: str
    connections: int
    seconds: float
    rate: float = 0.0
    url: str | None = None


def packed(requests: Sequence[bytes]) -> bytes:
    """A sheet, as `requests.lua` reads it too."""
    return b"".join(b"%d\n%s" % (len(one), one) for one in requests)


def unpacked(name: str) -> list[bytes]:
    """The requests of a sheet, by its file's name."""
    sheet, requests, at = Path(name).read_bytes(), [], 0
    while at < len(sheet):
        end = sheet.index(b"\n", at)
        size = int(sheet[at:end])
        requests.append(sheet[end + 1 : end + 1 + size])
        at = end + 1 + size
    return requests


class Connection(asyncio.Protocol):
    """One request at a time. `answered` is called when its answer is whole; without one, the status is 0."""

    def __init__(self, answered: "Answered") -> None:
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._asked, self._body = 0.0, b""
        self.open, self.waits = False, False
        self.retry_after = False

    def ask(self, request: bytes, asked: float) -> None:
        """`asked` is when it was meant to be sent: waiting for a free connection counts."""
        self._asked, self._body, self.waits, self.retry_after = asked, b"", True, False
        if self._transport is not None:
            self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none by descent.
        self._transport, self.open = cast("asyncio.Transport", transport), True
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name == b"retry-after":
            self.retry_after = True

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        status, stays = self._parser.get_status_code(), self._parser.should_keep_alive()
        self.waits, self.open = False, stays
        self._answered(self, status, perf_counter() - self._asked, self._body)

    def connection_lost(self, _error: Exception | None) -> None:
        self.open = False
        if self.waits:
            self.waits = False
            self._answered(self, 0, perf_counter() - self._asked, b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


Answered = Callable[[Connection, int, float, bytes], None]
"""Which connection, the status, the seconds since it was meant to be sent, the body."""


async def connected(port: int, answered: Answered) -> Connection:
    """Raises OSError."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port)
    return made


async def closed(given: Load) -> Reading:
    """Every connection asks again once it is answered. Raises ConnectionError when one broke."""
    requests = unpacked(given.sheet)
    times: list[float] = []
    bad: Counter[int] = Counter()
    waiting = given.connections
    over = asyncio.Event()

    def answered(connection: Connection, status: int, seconds: float, _body: bytes) -> None:
        nonlocal waiting
        now = perf_counter()
        if 200 <= status < 300:
            times.append(seconds)
        else:
            bad[status] += 1
        if now < until and connection.open:
            connection.ask(requests[(len(times) + offset) % len(requests)], now)
            return
        waiting -= 1
        if not waiting:
            over.set()

    offset = random.randrange(len(requests))
    until = float("inf")
    connections = [await connected(given.port, answered) for _ in range(given.connections)]
    begun = perf_counter()
    until = begun + given.seconds
    for number, connection in enumerate(connections):
        connection.ask(requests[number % len(requests)], perf_counter())
    async with asyncio.timeout(given.seconds + PATIENCE):
        await over.wait()
    seconds = perf_counter() - begun
    for connection in connections:
        connection.close()
    if bad[0] or not times:
        raise ConnectionError(f"not all were answered with a success: {dict(bad)}")
    refused = {"refused": float(bad.total())} if bad else {}
    return Reading(
        operations=len(times),
        seconds=seconds,
        waiting=given.connections,
        more={**percentiles(times), **refused},
    )
