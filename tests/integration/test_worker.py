"""The worker at work, with Redis, without it, and with a Redis that forgets or goes away."""

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from pulseops.db.ground import BadGround
from pulseops.db.identity import identity
from pulseops.db.pools import open_pool
from pulseops.settings import Settings, SettingsError
from pulseops.subscriptions import heartbeat
from pulseops.subscriptions.ending import ended
from pulseops.up.home import Home
from pulseops.up.redis import EmbeddedRedis
from pulseops.worker import queue, working
from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, MovedClock, on_duty


class Night:
    """Somebody reports, workers work, and the clock is moved for all of them."""

    def __init__(self, duty: Duty, database: Database) -> None:
        self.duty, self.url = duty, database.app_url

    def settings(self, redis_url: str | None) -> Settings:
        return Settings(database_url=self.url, redis_url=redis_url, pool_size=4)

    def clock(self, _pool: asyncpg.Pool) -> MovedClock:
        return self.duty.clock

    async def escalated(self, incidents: list[UUID], level: int) -> None:
        """Until each of them was escalated so far."""
        await self.until(
            """
            SELECT count(DISTINCT stream_id) = cardinality($1::uuid[]) FROM eventstore.event
            WHERE type = 'ESCALATED' AND stream_id = ANY ($1) AND (data->>'level')::int = $2
            """,
            incidents,
            level,
        )

    async def waiting(self, incidents: list[UUID]) -> None:
        """Until the worker has set their deadlines."""
        await self.until(
            """
            SELECT count(*) = cardinality($1::uuid[]) FROM escalation.deadline WHERE incident_id = ANY ($1)
            """,
            incidents,
        )

    async def until(self, question: str, *arguments: Any) -> None:
        async with asyncio.timeout(20):
            while True:
                if await self.duty.pool.fetchval(question, *arguments):
                    return
                await asyncio.sleep(0.05)

    async def report(self, count: int) -> list[UUID]:
        return list(await asyncio.gather(*(self.duty.report("critical") for _ in range(count))))

    async def levels(self, incident: UUID) -> int:
        return (await self.duty.types(incident)).count("ESCALATED")


@pytest.fixture
async def night(database: Database) -> AsyncIterator[Night]:
    async with on_duty(database.app_url) as duty:
        yield Night(duty, database)


async def test_two_workers_escalate_what_nobody_answers_and_only_that(night: Night, redis_url: str) -> None:
    settings = night.settings(redis_url)
    async with working(settings, clock=night.clock), working(settings, clock=night.clock):
        incidents = await night.report(30)
        await night.waiting(incidents)
        answered, *open_ = incidents
        night.duty.clock.forward(5 * MINUTE)
        await night.escalated(incidents, 1)
        await night.duty.acknowledge(answered)
        for level in (2, 3):
            night.duty.clock.forward(5 * MINUTE + timedelta(seconds=5))
            await night.escalated(open_, level)
        night.duty.clock.forward(timedelta(days=1))
        await night.until("SELECT NOT EXISTS (SELECT FROM escalation.deadline)")
    assert [await night.levels(one) for one in incidents] == [1] + [3] * 29


async def test_without_redis_it_escalates_by_polling_and_says_so(night: Night) -> None:
    with capture_logs() as lines:
        async with working(night.settings(None), clock=night.clock):
            incidents = await night.report(3)
            await night.waiting(incidents)
            night.duty.clock.forward(6 * MINUTE)
            await night.escalated(incidents, 1)
    assert [one["event"] for one in lines].count("there is no redis: everything goes by polling") == 1
    told = [one for one in lines if one.get("types") == ["ESCALATED"]]
    assert {UUID(one["incidentId"]) for one in told} == set(incidents)
    assert all(one["position"] > 0 for one in told)


async def test_a_redis_that_forgets_loses_and_doubles_nothing(night: Night, redis_url: str) -> None:
    async def forget() -> None:
        async with Redis.from_url(redis_url) as redis:
            while True:
                await redis.flushall()
                await asyncio.sleep(0.02)

    settings = night.settings(redis_url)
    async with working(settings, clock=night.clock), working(settings, clock=night.clock):
        forgetting = asyncio.create_task(forget())
        incidents = await night.report(40)
        await night.waiting(incidents)
        for level in (1, 2):
            night.duty.clock.forward(5 * MINUTE + timedelta(seconds=5))
            await night.escalated(incidents, level)
        forgetting.cancel()
        await asyncio.wait([forgetting])
    assert {await night.levels(one) for one in incidents} == {2}


@pytest.fixture
def own_redis(ground: Path) -> Any:
    """A Redis that may be killed."""
    redis = EmbeddedRedis.find(Home(ground / "second"))
    if redis is None:
        pytest.skip("there is no Redis server for this platform")
    redis.start()
    yield redis
    redis.stop()


async def test_when_redis_dies_escalation_goes_on_and_with_redis_the_ticks_come_back(
    night: Night, own_redis: EmbeddedRedis
) -> None:
    with capture_logs() as lines:
        async with working(night.settings(own_redis.url), clock=night.clock):
            first = await night.report(2)
            await night.waiting(first)
            await asyncio.to_thread(own_redis.stop)
            night.duty.clock.forward(6 * MINUTE)
            await night.escalated(first, 1)
            await said(lines, "redis does not tick: sweeping by polling")
            await asyncio.to_thread(own_redis.start)
            await said(lines, "redis ticks again")
            night.duty.clock.forward(6 * MINUTE)
            await night.escalated(first, 2)
    assert [one["event"] for one in lines].count("redis does not tick: sweeping by polling") == 1


async def said(lines: list[Any], event: str) -> None:
    async with asyncio.timeout(20):
        while True:
            if event in [one["event"] for one in lines]:
                return
            await asyncio.sleep(0.05)


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


async def test_who_can_write_to_redis_cannot_run_code(night: Night, redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "broken-in"
    async with Redis.from_url(redis_url) as redis, working(night.settings(redis_url)):
        await redis.set("arq:job:bomb", pickle.dumps(Bomb(folder)))
        await redis.zadd(queue(await identity(night.duty.pool)), {"bomb": 1})
        async with asyncio.timeout(10):
            while True:
                if not await redis.exists("arq:job:bomb"):
                    break
                await asyncio.sleep(0.05)
    assert not folder.exists()


async def test_who_shares_a_redis_shares_no_ticks_and_no_rings(
    night: Night, database: Database, redis_url: str
) -> None:
    """A tick that another installation's worker takes would be one that nobody heard here."""
    mine = await identity(night.duty.pool)
    elsewhere = await open_pool(database.admin_url.replace(f"/{database.name}", "/postgres"), role=None)
    assert await identity(elsewhere) != mine
    await elsewhere.close()
    async with (
        Redis.from_url(redis_url) as redis,
        redis.monitor() as watching,
        working(night.settings(redis_url)),
    ):
        said: set[str] = set()
        async with asyncio.timeout(10):
            while not any("pulseops:sweep" in one for one in said):
                said.add((await watching.next_command())["command"])
    ours = [one for one in said if "pulseops:" in one]
    assert ours
    assert [one for one in ours if mine not in one] == []


async def test_it_can_be_seen_alive_and_leaves_nothing_behind(night: Night, redis_url: str) -> None:
    pool = night.duty.pool
    async with working(night.settings(redis_url)) as name:
        await night.until("SELECT count(*) = 8 FROM eventstore.subscription WHERE owner = $1", name)
        await night.until("SELECT swept_at IS NOT NULL FROM eventstore.worker WHERE worker_id = $1", name)
        async with Redis.from_url(redis_url) as redis, asyncio.timeout(10):
            while True:
                if await redis.keys("arq:in-progress:pulseops:sweep:*"):
                    break  # arq rings, not only the poller
                await asyncio.sleep(0.05)
        age = await heartbeat.since_sweep(pool)
        assert age is not None
        assert age < 5
        assert await pool.fetchval("SELECT seen_at FROM eventstore.worker WHERE worker_id = $1", name)
    assert await pool.fetchval("SELECT count(*) FROM eventstore.worker") == 0
    assert await pool.fetchval("SELECT count(*) FROM eventstore.subscription WHERE owner IS NOT NULL") == 0


async def test_it_refuses_another_schema(database: Database, admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '0001_eventstore'")
    with pytest.raises(BadGround, match="0001_eventstore"):
        async with working(Settings(database_url=database.app_url)):
            pass


async def test_it_refuses_to_work_without_a_database() -> None:
    with pytest.raises(SettingsError, match="PULSEOPS_DATABASE_URL"):
        async with working(Settings()):
            pass


async def test_told_to_stop_the_process_ends_soon_and_gives_its_leases_back(
    night: Night, redis_url: str
) -> None:
    program = "import os; from pulseops.settings import Settings as S; from pulseops.worker import main"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{program}; main(S.from_environment(os.environ))",
        env={**os.environ, "PULSEOPS_DATABASE_URL": night.url, "PULSEOPS_REDIS_URL": redis_url},
        stderr=asyncio.subprocess.PIPE,
    )
    await night.until("SELECT count(owner) = 8 FROM eventstore.subscription")
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert time.monotonic() - begun < 3
    assert await night.duty.pool.fetchval("SELECT count(owner) FROM eventstore.subscription") == 0
    events = [json.loads(line)["event"] for line in told.decode().splitlines()]
    assert (events[-1], "working" in events) == ("stopped", True)
    assert "Traceback" not in told.decode()


async def test_who_takes_being_told_to_end_for_something_else_is_told_again() -> None:
    swallowed = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)  # until it waits
    await ended([task])
    assert (task.cancelled(), swallowed.is_set()) == (True, True)
