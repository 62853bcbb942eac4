"""Several sweeps at once, killed at any moment, racing with answers: each level exactly once."""

import asyncio
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from pulseops.db.pools import open_connection
from pulseops.escalation import sweep
from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty

_fork = multiprocessing.get_context("fork")


async def report(duty: Duty, count: int) -> list[UUID]:
    incidents = await asyncio.gather(*(duty.report("critical") for _ in range(count)))
    await duty.project()
    return list(incidents)


async def levels(url: str) -> Counter[tuple[UUID, int]]:
    """How often each level of each incident was escalated."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT stream_id, (data->>'level')::int AS level FROM eventstore.event WHERE type = 'ESCALATED'"
        )
    finally:
        await connection.close()
    return Counter((row["stream_id"], row["level"]) for row in rows)


async def escalated_after_an_answer(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval(
            """
            SELECT count(*) FROM eventstore.event e JOIN eventstore.event a USING (log_id, stream_id)
            WHERE e.type = 'ESCALATED' AND a.type IN ('ACKNOWLEDGED', 'RESOLVED') AND a.version < e.version
            """
        )
        return found
    finally:
        await connection.close()


def once_each(incidents: Iterable[UUID], count: int = 3) -> Counter[tuple[UUID, int]]:
    return Counter((incident, level) for incident in incidents for level in range(1, count + 1))


async def test_sweeps_side_by_side_fire_each_level_once(database: Database) -> None:
    async with on_duty(database.app_url, size=8) as duty:
        incidents = await report(duty, 300)
        for _ in range(3):
            duty.clock.forward(5 * MINUTE + timedelta(seconds=30))
            while True:
                swept = await asyncio.gather(*(duty.sweep(limit=20) for _ in range(6)))
                if not any(one.claimed for one in swept):
                    break
        assert await levels(database.admin_url) == once_each(incidents)
        assert await duty.deadlines() == {}


async def test_answers_that_race_with_sweeps_are_never_followed_by_an_escalation(database: Database) -> None:
    async with on_duty(database.app_url, size=8) as duty:
        incidents = await report(duty, 300)
        duty.clock.forward(5 * MINUTE + timedelta(seconds=30))
        answering = random.Random(7).sample(incidents, 150)

        async def answer() -> None:
            for number, incident in enumerate(answering):
                await (duty.acknowledge if number % 2 else duty.resolve)(incident)

        async def sweep() -> None:
            while (await duty.sweep(limit=15)).claimed:
                pass

        await asyncio.gather(answer(), sweep(), sweep())
        assert await escalated_after_an_answer(database.admin_url) == 0
        fired = await levels(database.admin_url)
        assert set(fired.values()) == {1}
        assert {incident for incident, _ in fired} >= set(incidents) - set(answering)


async def fired_by_another(duty: Duty) -> None:
    """As soon as the claims are free."""
    async with asyncio.timeout(10):
        while True:
            if (await duty.sweep()).fired:
                return
            await asyncio.sleep(0.05)


async def test_a_sweep_that_froze_keeps_its_claims_for_seconds_only(database: Database) -> None:
    async with on_duty(database.app_url) as duty:
        (incident,) = await report(duty, 1)
        duty.clock.forward(6 * MINUTE)
        connection = await open_connection(database.app_url)
        try:
            await connection.execute("BEGIN")
            (claimed,) = await connection.fetch(sweep._CLAIM, 1, await duty.clock.now(), 10)
            assert claimed["incident_id"] == incident
            assert (await duty.sweep()).claimed == 0, "left to the one that has it"
            await fired_by_another(duty)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
                await connection.execute("COMMIT")
        finally:
            connection.terminate()


async def test_a_sweep_that_froze_while_it_prepared_a_statement_keeps_its_claims_for_seconds_only(
    database: Database, admin: asyncpg.Connection
) -> None:
    """PostgreSQL calls it active then: no limit on idle sessions or on statements ends that in time."""
    if admin.get_server_version().major < 17:
        pytest.skip("before PostgreSQL 17 nothing limits a whole transaction")
    async with on_duty(database.app_url) as duty:
        (incident,) = await report(duty, 1)
        duty.clock.forward(6 * MINUTE)
        connection = await open_connection(database.app_url)
        try:
            await connection.execute("BEGIN")
            (claimed,) = await connection.fetch(sweep._CLAIM, 1, await duty.clock.now(), 10)
            assert claimed["incident_id"] == incident
            await connection.prepare("SELECT 'what comes next'")
            state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
            assert await admin.fetchval(state, connection.get_server_pid()) == "active"
            await fired_by_another(duty)
        finally:
            connection.terminate()


def sweep_until_killed(url: str, ahead: timedelta) -> None:
    """A process that sweeps without end, its claims small so that it dies in the middle of one."""

    async def work() -> None:
        async with on_duty(url, size=1) as duty:
            duty.clock.forward(ahead)
            while True:
                if not (await duty.sweep(limit=9)).claimed:
                    await asyncio.sleep(0.02)

    asyncio.run(work())
    os._exit(0)


def test_processes_killed_at_any_moment_leave_nothing_out_and_nothing_twice(database: Database) -> None:
    dice = random.Random(11)
    incidents = asyncio.run(_reported(database.app_url, 400))
    for level in range(1, 4):
        ahead = level * timedelta(minutes=6)
        for _ in range(6):
            pair = [
                _fork.Process(target=sweep_until_killed, args=(database.app_url, ahead), daemon=True)
                for _ in range(2)
            ]
            for one in pair:
                one.start()
            for one in pair:
                one.join(dice.uniform(0.03, 0.12))
                os.kill(one.pid or 0, signal.SIGKILL)
                one.join()
        asyncio.run(_swept_out(database.app_url, ahead))
    assert asyncio.run(levels(database.admin_url)) == once_each(incidents)


async def _reported(url: str, count: int) -> list[UUID]:
    async with on_duty(url) as duty:
        return await report(duty, count)


async def _swept_out(url: str, ahead: timedelta) -> None:
    """What the killed ones left, once the server has noticed that they are gone."""
    async with on_duty(url) as duty, asyncio.timeout(10):
        duty.clock.forward(ahead)
        while await duty.pool.fetchval(
            "SELECT EXISTS (SELECT FROM escalation.deadline WHERE due_at <= $1)", await duty.clock.now()
        ):
            await duty.sweep()
