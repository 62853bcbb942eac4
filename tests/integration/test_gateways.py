"""A writer for each log: opened when it is needed, few at a time, and none that loses what it was given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import pytest

from pulseops.eventstore import metrics
from pulseops.eventstore.directory import create_log
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.gateways import Gateways
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import Overloaded, Unavailable
from tests.conftest import Database
from tests.integration.appending import positions, request, until
from tests.integration.tenants import held

# In this test's database nobody else appends.
_WRITERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%append_v2%'
  AND pid <> pg_backend_pid()
"""
_AT_WORK = f"{_WRITERS} AND state = 'active'"  # one that was given up may be a moment in leaving


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Gateways]:
    def make(log_id: int) -> Gateway:
        return Gateway(url, log_id=log_id)

    gateways = Gateways(make, **options)
    gateways.start()
    try:
        yield gateways
    finally:
        await gateways.stop()


@pytest.fixture
async def logs(pool: asyncpg.Pool) -> list[int]:
    return [1, *[await create_log(pool, f"log-{number}", now=utc_now()) for number in range(5)]]


async def test_more_logs_than_writers_are_all_written_to(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection, logs: list[int]
) -> None:
    async with opened(database.app_url, most=2) as gateways:
        seen = most = 0

        async def watch() -> None:
            nonlocal seen, most
            while True:
                seen = max(seen, await admin.fetchval(_WRITERS))
                most = max(most, await admin.fetchval(_AT_WORK))

        watching = asyncio.create_task(watch())
        answers = await asyncio.gather(
            *(gateways.append(log, request()) for _ in range(20) for log in logs),
            *(gateways.of(log).append(request()) for log in logs),
        )
        watching.cancel()
        assert {answer.verdict for answer in answers} == {"stored"}
        assert len(gateways.logs) == 2
        assert seen >= 1
        assert most <= 2
    for log in logs:
        assert await positions(app, log) == list(range(1, 22))


async def test_a_writer_that_is_left_alone_lets_go_of_its_connection(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with opened(database.app_url, idle=0.1) as gateways:
        await gateways.append(1, request())
        assert await admin.fetchval(_WRITERS) == 1
        await until(partial(admin.fetchval, _WRITERS.replace("count(*)", "count(*) = 0")))
        assert gateways.logs == ()
        assert (await gateways.append(1, request())).position == 2


async def test_a_log_that_finds_no_writer_in_time_is_told_so_and_nothing_is_stored(
    database: Database, app: asyncpg.Connection, logs: list[int]
) -> None:
    async with opened(database.app_url, most=1, patience=0.3) as gateways:
        async with held(database.admin_url, 1):
            waits = asyncio.create_task(gateways.append(1, request()))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await gateways.append(2, request())
        # What had been asked before is answered all the same, and then it is the other's turn.
        assert (await waits).verdict == "stored"
        assert (await gateways.append(2, request())).position == 1
    assert await positions(app, 1) == [1]


async def test_stopping_answers_what_waits_in_every_log(
    database: Database, app: asyncpg.Connection, logs: list[int]
) -> None:
    async with opened(database.app_url) as gateways:
        await asyncio.gather(*(gateways.append(log, request()) for log in logs))
        waiting = [asyncio.create_task(gateways.append(log, request())) for log in logs for _ in range(10)]
        await asyncio.sleep(0)  # each has come to its queue
        await gateways.stop()
        assert {(await one).verdict for one in waiting} == {"stored"}
        with pytest.raises(Unavailable):
            await gateways.append(1, request())
    for log in logs:
        assert await positions(app, log) == list(range(1, 12))


async def test_what_waits_is_measured_over_all_logs(database: Database, logs: list[int]) -> None:
    def measured() -> float:
        return next(iter(metrics.WAITING.collect())).samples[0].value

    async with opened(database.app_url) as gateways:
        await asyncio.gather(*(gateways.append(log, request()) for log in logs[:2]))
        assert measured() == 0

        async def taken() -> bool:
            return gateways.waiting == 0

        async with held(database.admin_url, logs[0]), held(database.admin_url, logs[1]):
            flying = [asyncio.create_task(gateways.append(log, request())) for log in logs[:2]]
            await asyncio.sleep(0)
            await until(taken)
            waiting = [asyncio.create_task(gateways.append(log, request())) for log in logs[:2] * 3]
            await asyncio.sleep(0)
            assert measured() == 6
        await asyncio.gather(*flying, *waiting)
        assert measured() == 0
