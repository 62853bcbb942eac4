"""Workers and several logs: each is led and swept as if it were alone, also one that was made just now."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.db.clock import DatabaseClock
from pulseops.escalation import rounds
from pulseops.escalation.rounds import Rounds
from pulseops.eventstore.directory import create_log
from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.clock import utc_now
from pulseops.settings import Settings
from pulseops.subscriptions.lookout import Lookout
from pulseops.worker import working
from tests.conftest import Database
from tests.integration.appending import append, request, until
from tests.integration.duty import MINUTE, Duty, MovedClock, on_duty
from tests.integration.tenants import held

_LED = """
SELECT count(*) = 8 AND min(s.position) = $2 FROM eventstore.subscription s WHERE s.log_id = $1
"""
_ESCALATED = """
SELECT count(DISTINCT stream_id) = $2 FROM eventstore.event WHERE log_id = $1 AND type = 'ESCALATED'
"""
_WAITING = "SELECT count(*) = $2 FROM escalation.deadline WHERE log_id = $1"
_FIRINGS = """
SELECT stream_id, count(*) FROM eventstore.event WHERE log_id = $1 AND type = 'ESCALATED' GROUP BY 1
"""


@pytest.fixture
async def duties(database: Database, pool: asyncpg.Pool) -> AsyncIterator[list[Duty]]:
    """Two logs, somebody on duty in each, and one clock."""
    second = await create_log(pool, "second", now=utc_now())
    async with on_duty(database.app_url) as first, on_duty(database.app_url, log_id=second) as other:
        other.clock = first.clock
        yield [first, other]


async def holds(pool: asyncpg.Pool, question: str, *arguments: object) -> None:
    await until(lambda: pool.fetchval(question, *arguments))


async def report(duty: Duty, count: int) -> list[UUID]:
    return list(await asyncio.gather(*(duty.report("critical") for _ in range(count))))


async def test_a_log_made_while_a_worker_works_is_led_within_seconds(
    database: Database, pool: asyncpg.Pool
) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        await holds(pool, "SELECT count(owner) = 8 FROM eventstore.subscription WHERE log_id = $1", 1)
        begun = time.monotonic()
        log_id = await create_log(pool, "second", now=utc_now())
        async with on_duty(database.app_url, log_id=log_id) as duty:
            await duty.report("critical")
        await holds(pool, _LED, log_id, 3)
        assert time.monotonic() - begun < 5
        assert await pool.fetchval("SELECT count(*) FROM incidents.incident WHERE log_id = $1", log_id) == 1
        assert await pool.fetchval("SELECT count(*) FROM incidents.incident WHERE log_id <> $1", log_id) == 0


async def test_two_workers_escalate_once_in_each_log(
    duties: list[Duty], database: Database, pool: asyncpg.Pool
) -> None:
    settings = Settings(database_url=database.app_url, pool_size=4)
    first, second = duties

    def clock(_pool: asyncpg.Pool) -> MovedClock:
        return first.clock

    async with working(settings, clock=clock), working(settings, clock=clock):
        for duty in duties:
            await report(duty, 10)
            await holds(pool, _WAITING, duty.log_id, 10)
        first.clock.forward(6 * MINUTE)
        for duty in duties:
            await holds(pool, _ESCALATED, duty.log_id, 10)
        await second.acknowledge((await pool.fetchrow(_FIRINGS, second.log_id))["stream_id"])
        await holds(pool, _WAITING, second.log_id, 9)
        assert await pool.fetchval(_WAITING, first.log_id, 10)
    for duty in duties:
        assert {row["count"] for row in await pool.fetch(_FIRINGS, duty.log_id)} == {1}


async def test_a_log_that_others_hold_keeps_no_other_from_its_escalations(
    duties: list[Duty], database: Database, pool: asyncpg.Pool
) -> None:
    first, second = duties
    for duty in duties:
        await report(duty, 3)
        await duty.project()
    first.clock.forward(6 * MINUTE)
    stores = {duty.log_id: duty.store for duty in duties}
    going = Rounds(
        pool, stores.__getitem__, first.codec, clock=first.clock, doorbell=Doorbell(), worker_id="w"
    )
    with capture_logs() as lines:
        async with held(database.admin_url, first.log_id):
            async with asyncio.timeout(4):
                await going.sweep()
            assert await pool.fetchval(_ESCALATED, second.log_id, 3)
            assert await pool.fetchval(_ESCALATED, first.log_id, 0)
            await going.sweep()
        assert await pool.fetchval("SELECT swept_at FROM eventstore.worker") is not None
        await going.sweep()
    assert await pool.fetchval(_ESCALATED, first.log_id, 3)
    told = [(one["event"], one["logId"]) for one in lines if one["event"].startswith("sweep ")]
    assert told == [("sweep fails", first.log_id), ("sweep succeeds again", first.log_id)]


async def test_a_log_with_much_to_fire_takes_turns_with_the_others(
    duties: list[Duty], pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = duties
    await report(first, 40)
    await report(second, 1)
    for duty in duties:
        await duty.project()
    first.clock.forward(6 * MINUTE)
    monkeypatch.setattr(rounds, "_LIMIT", 5)
    monkeypatch.setattr(rounds, "_BUSY", 0.0)
    stores = {duty.log_id: duty.store for duty in duties}
    going = Rounds(
        pool, stores.__getitem__, first.codec, clock=first.clock, doorbell=Doorbell(), worker_id="w"
    )
    await going.sweep()
    assert await pool.fetchval(_ESCALATED, second.log_id, 1)
    assert await pool.fetchval(_ESCALATED, first.log_id, 5)


async def test_only_the_log_that_grew_is_woken(database: Database, pool: asyncpg.Pool) -> None:
    second = await create_log(pool, "second", now=utc_now())
    doorbell = Doorbell()
    lookout = Lookout(pool, doorbell=doorbell)
    lookout.start()

    async def both_seen() -> bool:
        return lookout.logs == {1, second}

    await until(both_seen)
    async with pool.acquire() as connection:
        await append(connection, request(), log=second)
    doorbell.on_stored(1)
    async with asyncio.timeout(5):
        await lookout.bell(second).wait(0, within=5)
    await lookout.stop()
    assert (lookout.bell(1).rings, lookout.bell(second).rings) == (0, 1)


@asynccontextmanager
async def process(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker of its own, killed at the end."""
    program = "import os; from pulseops.settings import Settings as S; from pulseops.worker import main"
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{program}; main(S.from_environment(os.environ))",
        env={**os.environ, "PULSEOPS_DATABASE_URL": url},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def test_a_worker_is_killed_and_both_logs_go_on_with_nothing_lost_or_doubled(
    duties: list[Duty], database: Database, pool: asyncpg.Pool
) -> None:
    async with AsyncExitStack() as stack:
        doomed, _ = [await stack.enter_async_context(process(database.app_url)) for _ in range(2)]
        await holds(pool, "SELECT count(owner) = 12 FROM eventstore.subscription")
        reporting = [asyncio.create_task(report(duty, 30)) for duty in duties]
        await holds(pool, "SELECT count(*) > 5 FROM incidents.incident")
        doomed.kill()
        await asyncio.gather(*reporting)
        for duty in duties:
            await holds(pool, _LED, duty.log_id, 91)  # and the rules
            await holds(pool, _WAITING, duty.log_id, 30)
        now = await DatabaseClock(pool).now()
        await pool.execute("UPDATE escalation.deadline SET due_at = $1", now)
        for duty in duties:
            await holds(pool, _ESCALATED, duty.log_id, 30)
    for duty in duties:
        assert {row["count"] for row in await pool.fetch(_FIRINGS, duty.log_id)} == {1}
        found = await pool.fetch("SELECT id, version FROM incidents.incident WHERE log_id = $1", duty.log_id)
        assert len(found) == 30
