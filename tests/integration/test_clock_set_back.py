"""A clock that was set back an hour: what the dead have left behind of the hour to come holds nobody up."""

from collections.abc import Awaitable, Callable

import asyncpg

from pulseops.eventstore.wake import Doorbell
from pulseops.settings import Settings
from pulseops.subscriptions import heartbeat
from pulseops.subscriptions.lag import lag
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.positions import wait_for
from pulseops.worker import working
from tests.conftest import Database
from tests.histories import report
from tests.integration.following import begin, follower, prepare, running, seen, until

LEASE = 0.8
_KILLED = """
UPDATE eventstore.subscription
SET owner = 'killed', epoch = 7, sliced_epoch = 7, lease_until = clock_timestamp() + interval '1 hour',
  updated_at = clock_timestamp() + interval '1 hour'
"""
_WAS_ALIVE = """
INSERT INTO eventstore.worker (worker_id, seen_at, swept_at)
VALUES ('killed', clock_timestamp() + interval '1 hour', clock_timestamp() + interval '1 hour')
"""


async def test_leases_of_the_dead_are_over_and_they_have_no_share(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await prepare(admin)
    names = [f"follower {number}" for number in range(4)]
    for name in names:
        await begin(admin, name)
    await admin.execute(_KILLED)
    await admin.execute(_WAS_ALIVE)
    await report(app, 3)
    assert {one.owner for one in (await lag(pool)).followers} == {None}
    worker = Subscriptions(
        pool, [follower(name) for name in names], owner="ours", doorbell=Doorbell(), lease=LEASE
    )
    async with running(worker):
        for name in names:
            await wait_for(pool, name, 3)
            assert await seen(pool, name) == [1, 2, 3]
        assert [one.kept_until for one in worker._led.values()] == [0.0] * 4, "all are its share"


async def test_a_holder_that_lives_keeps_its_lease(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await prepare(admin)
    await begin(admin)
    one, other = (
        Subscriptions(pool, [follower()], owner=owner, doorbell=Doorbell(), lease=LEASE) for owner in "ab"
    )
    async with running(one):
        await report(app, 1)
        await wait_for(pool, "follower", 1)
        await admin.execute(
            "UPDATE eventstore.subscription SET lease_until = clock_timestamp() + interval '1 hour'"
        )
        async with running(other):
            await report(app, 3)
            await wait_for(pool, "follower", 4)
            assert await seen(pool) == [1, 2, 3, 4], "each position once, whoever led"
            await until(_soon(admin))


def _soon(admin: asyncpg.Connection) -> Callable[[], Awaitable[bool]]:
    return lambda: admin.fetchval(
        "SELECT bool_and(lease_until < clock_timestamp() + interval '10 s') FROM eventstore.subscription"
    )


async def test_without_redis_somebody_sweeps_all_the_same(database: Database, pool: asyncpg.Pool) -> None:
    await pool.execute(_WAS_ALIVE)
    assert await heartbeat.since_sweep(pool) is None
    swept = "SELECT swept_at > $1 FROM eventstore.worker WHERE worker_id = $2"
    async with working(Settings(database_url=database.app_url, pool_size=4)) as name:
        first = await pool.fetchval("SELECT clock_timestamp()")
        await until(lambda: pool.fetchval(swept, first, name))
        second = await pool.fetchval("SELECT clock_timestamp()")
        await until(lambda: pool.fetchval(swept, second, name))
        assert (await heartbeat.since_sweep(pool) or 60) < 5
