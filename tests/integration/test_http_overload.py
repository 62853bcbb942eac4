"""Twice as much as can be done, from people who do not wait for each other: the API process, as it is run."""

import asyncio
import itertools
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import asyncpg
import httpx
import msgspec
import psutil
import pytest

from pulseops.http.admission import FREELY
from pulseops.up.account import ourselves
from pulseops.up.home import Home
from pulseops.up.ports import free_port
from pulseops.up.processes import Child
from tests.benchmarks.client import Connection
from tests.conftest import Database
from tests.faults.programs import AT_ONCE, inherited
from tests.keys import a_key

_BODY = b'{"title":"Checkout answers 502","service":"checkout","labels":{"region":"eu-1","probe":"p7"}}'
_MEGABYTE = 1 << 20
# The rules that the process goes by are a stream too.
_REPORTED = """
SELECT s.stream_id::text AS id, s.version FROM eventstore.stream s
JOIN eventstore.event e ON e.log_id = s.log_id AND e.position = s.first_position AND e.type = 'CREATED'
"""


class Crowd:
    """Connections that report incidents, and what they were told."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._idle = port, list[Connection]()
        self.request = (
            f"POST /incident HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(_BODY)}\r\n\r\n"
        ).encode() + _BODY
        self.acknowledged = set[str]()
        self.statuses = Counter[int]()
        self.seconds = list[float]()
        self._again_until = 0.0
        self._waiting = 0

    async def grow(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, made = await loop.create_connection(
                lambda: Connection(self._answered), "127.0.0.1", self._port
            )
            self._idle.append(made)

    async def closed(self, connections: int, seconds: float) -> float:
        """Incidents a second, when everybody asks again as soon as they are answered."""
        before, began = len(self.acknowledged), perf_counter()
        self._again_until = began + seconds
        for _ in range(connections):
            self._ask()
        await self._answered_all()
        return (len(self.acknowledged) - before) / (perf_counter() - began)

    async def open(self, rate: float, seconds: float) -> float:
        """`rate` a second, whatever is answered; the 99th percentile of the seconds that a success took."""
        self.seconds, self.statuses, self._again_until = [], Counter(), 0.0
        began = perf_counter()
        for sent in itertools.count(1):
            while not self._idle:  # noqa: ASYNC110 - see below
                await asyncio.sleep(0.001)
            self._ask()
            if (ahead := began + sent / rate - perf_counter()) > 0.002:
                await asyncio.sleep(ahead)
            elif sent % 20 == 0:
                await asyncio.sleep(0)
            if perf_counter() - began > seconds:
                break
        await self._answered_all()
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    async def _answered_all(self) -> None:
        async with asyncio.timeout(20):
            while self._waiting:  # noqa: ASYNC110 - thousands of answers, and no one to count them better
                await asyncio.sleep(0.01)

    def _ask(self) -> None:
        self._waiting += 1
        self._idle.pop().ask(self.request, perf_counter())

    def _answered(self, connection: Connection, status: int, seconds: float, body: bytes) -> None:
        self._waiting -= 1
        self._idle.append(connection)
        self.statuses[status] += 1
        if status == 201:
            self.seconds.append(seconds)
            self.acknowledged.add(msgspec.json.decode(body)["id"])
        elif status == 503:
            assert msgspec.json.decode(body)["code"] == "overloaded"
        if perf_counter() < self._again_until:
            self._ask()


@asynccontextmanager
async def program(home: Home, ground: Path, database: Database) -> AsyncIterator[tuple[str, psutil.Process]]:
    """`pulseops api`; its address and its process."""
    port = free_port(0)
    child = Child(
        [sys.executable, "-m", "pulseops", "api"],
        mark=home.run / f"api-{port}",
        log=home.log(f"api-{port}"),
        account=ourselves(),
        ladder=AT_ONCE,
        cwd=Path.cwd(),
        env={
            **inherited(ground),
            "PULSEOPS_DATABASE_URL": database.app_url,
            "PULSEOPS_PORT": str(port),
            "PULSEOPS_RATE_LIMIT": "0",
        },
    )
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{port}/health/live")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", psutil.Process(child.pid)
    finally:
        await asyncio.to_thread(child.stop)


async def watched(url: str, process: psutil.Process, until: asyncio.Event) -> tuple[list[float], int]:
    """Seconds that the health check and the measurements took all the while, and the most memory."""
    took, most = [], 0
    async with httpx.AsyncClient(trust_env=False, base_url=url, timeout=10) as client:
        while not until.is_set():
            for path in ("/health/live", "/metrics"):
                began = perf_counter()
                assert (await client.get(path)).status_code == 200
                took.append(perf_counter() - began)
                most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.1)
    return took, most


@pytest.mark.skipif(os.name != "posix", reason="the crowd needs many connections")
async def test_at_twice_what_can_be_done_the_rest_is_refused_at_once_and_nothing_is_lost(
    home: Home, ground: Path, database: Database, pool: asyncpg.Pool
) -> None:
    token = await a_key(pool, "crowd")
    async with program(home, ground, database) as (url, process):
        crowd = Crowd(int(url.rpartition(":")[2]), token)
        await crowd.grow(1_200)
        await crowd.closed(64, 0.5)
        sustained = await crowd.closed(64, 1.5)
        unloaded = await crowd.open(sustained / 10, 1.0)
        memory = process.memory_info().rss
        over = asyncio.Event()
        watching = asyncio.create_task(watched(url, process, over))
        loaded = await crowd.open(sustained * 2, 3.0)
        over.set()
        health, most = await watching
        async with httpx.AsyncClient(trust_env=False) as client:
            scraped = (await client.get(f"{url}/metrics")).text
    shed = crowd.statuses[503]
    assert set(crowd.statuses) == {201, 503}
    assert f"pulseops_http_shed_total {float(shed)}" in scraped
    # On a machine that has other work, as long as those who were let in take to be answered.
    assert loaded < max(10 * unloaded, 4 * FREELY / sustained)
    assert max(health) < 2
    assert most < 200 * _MEGABYTE
    assert most - memory < 40 * _MEGABYTE
    rows = await pool.fetch(_REPORTED)
    assert {row["id"] for row in rows} == crowd.acknowledged, "stored is what was acknowledged, and only that"
    assert {row["version"] for row in rows} == {3}
