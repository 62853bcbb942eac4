"""Each position once, by one worker at a time, whatever becomes of the workers."""

import asyncio
from datetime import timedelta
from time import monotonic

import asyncpg
import pytest

from pulseops.db.pools import open_connection
from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.lag import lag
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.leases import Lease, LeaseLost
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from tests.conftest import Database
from tests.histories import report
from tests.integration.following import begin, follower, kill, prepare, running, seen, until

LEASE = 0.8


@pytest.fixture(autouse=True)
async def _table(admin: asyncpg.Connection) -> None:
    await prepare(admin)


def worker(
    pool: asyncpg.Pool, projector: Projector, owner: str = "a", *, lease: float = LEASE, batch: int = 5_000
) -> Subscriptions:
    return Subscriptions(pool, [projector], owner=owner, doorbell=Doorbell(), lease=lease, batch=batch)


async def test_history_is_worked_off_in_batches_up_to_its_head(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await report(app, 25)
    batches: list[tuple[int, int]] = []

    async def note(after: int, up_to: int) -> None:
        batches.append((after, up_to))

    async with running(worker(pool, follower(before=note), batch=10)):
        await wait_for(pool, "follower", 25)
        assert await seen(pool) == list(range(1, 26))
        assert batches == [(0, 10), (10, 20), (20, 25)]
        await report(app, 1)
        await wait_for(pool, "follower", 26)
        assert batches[3:] == [(25, 26)]


async def test_two_workers_share_a_list_and_each_position_is_worked_off_once(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    workers = [
        Subscriptions(
            pool, [follower("one"), follower("two")], owner=owner, doorbell=Doorbell(), lease=LEASE, batch=7
        )
        for owner in ("a", "b")
    ]
    for one in workers:
        one.start()
    for _ in range(10):
        await report(app, 10)
    for name in ("one", "two"):
        await wait_for(pool, name, 100, within=10)
        assert await seen(pool, name) == list(range(1, 101))
    for one in workers:
        await one.stop()


async def test_after_a_kill_another_worker_takes_over_when_the_lease_has_run_out(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    first, second = worker(pool, follower(), "first"), worker(pool, follower(), "second")
    async with running(first) as [task]:
        await report(app, 3)
        await wait_for(pool, "follower", 3)
        async with running(second):
            await kill(task)
            killed = monotonic()
            await report(app, 3)
            await wait_for(pool, "follower", 6, within=10)
            assert monotonic() - killed < LEASE + 3
            assert (await lag(pool)).followers[0].owner == "second"
    assert await seen(pool) == [1, 2, 3, 4, 5, 6]


async def test_a_lease_that_ran_out_has_no_owner(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await begin(connection)
        assert await Lease(log_id=1, name="follower", owner="gone", seconds=0.2).take(connection)
    assert (await lag(pool)).followers[0].owner == "gone"

    async def abandoned() -> bool:
        return (await lag(pool)).followers[0].owner is None

    await until(abandoned)


async def test_a_worker_that_stops_hands_over_at_once(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    first = worker(pool, follower(), "first", lease=60)
    second = worker(pool, follower(), "second", lease=60)
    async with running(first) as [task]:
        await report(app, 3)
        await wait_for(pool, "follower", 3)
        async with running(second):
            first.end()
            await task
            await report(app, 3)
            await wait_for(pool, "follower", 6, within=10)


async def test_a_worker_at_work_keeps_its_lease_however_idle_the_log(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await report(app, 1)
    async with running(worker(pool, follower(), "a")):
        await wait_for(pool, "follower", 1)
        async with running(worker(pool, follower(), "b")):
            before = await pool.fetchrow("SELECT owner, epoch, lease_until FROM eventstore.subscription")
            twice = before["lease_until"] + timedelta(seconds=LEASE)
            await until(lambda: pool.fetchval("SELECT clock_timestamp() > $1", twice))
            after = await pool.fetchrow("SELECT owner, epoch, lease_until FROM eventstore.subscription")
    assert (after["owner"], after["epoch"]) == (before["owner"], before["epoch"]) == ("a", 1)
    assert after["lease_until"] > twice


async def test_a_worker_paused_past_its_lease_cannot_checkpoint(pool: asyncpg.Pool) -> None:
    slow = Lease(log_id=1, name="follower", owner="slow", seconds=0.05)
    quick = Lease(log_id=1, name="follower", owner="quick", seconds=60)
    async with pool.acquire() as a, pool.acquire() as b:
        await begin(a)
        assert await slow.take(a)
        await until(lambda: quick.take(b))
        await quick.checkpoint(b, 7)
        for late in (slow.checkpoint(a, 5), slow.lock(a, 1), slow.look(a), slow.fail(a, "late")):
            with pytest.raises(LeaseLost):
                await late
        await slow.release(a)
        assert (await quick.look(b)).position == 7
        assert not await slow.take(a)


async def test_a_worker_frozen_inside_a_batch_is_rolled_back_and_replaced(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    frozen, thaw = asyncio.Event(), asyncio.Event()

    async def freeze(after: int, up_to: int) -> None:
        frozen.set()
        await thaw.wait()

    await report(app, 5)
    async with running(worker(pool, follower(before=freeze), "frozen")):
        await frozen.wait()
        async with running(worker(pool, follower(), "second")):
            await wait_for(pool, "follower", 5, within=LEASE + 3)  # the pool's own limit is higher
            thaw.set()
            await report(app, 5)
            await wait_for(pool, "follower", 10, within=10)
            assert (await lag(pool)).followers[0].owner == "second"
    assert await seen(pool) == list(range(1, 11))


async def test_a_worker_frozen_while_it_prepares_a_statement_is_rolled_back_and_replaced(
    database: Database, admin: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    """PostgreSQL calls it active then: no limit on idle sessions or on statements ends that."""
    frozen = Lease(log_id=1, name="follower", owner="frozen", seconds=0.3)
    second = Lease(log_id=1, name="follower", owner="second", seconds=60)
    doomed = await open_connection(database.app_url)
    await begin(doomed)
    assert await frozen.take(doomed)
    await doomed.transaction().start()
    await frozen.lock(doomed, 1)
    await doomed.prepare("SELECT 'what comes next'")
    state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
    assert await admin.fetchval(state, doomed.get_server_pid()) == "active"
    await until(lambda: second.take(app))
    doomed.terminate()  # PostgreSQL has ended it, and it may not have heard


async def test_a_batch_longer_than_the_lease_is_not_taken_over(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    projector = follower()

    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        await projector.project(connection, piece)
        await connection.execute("SELECT pg_sleep($1)", LEASE * 2)

    await report(app, 5)
    slow = worker(pool, Projector("follower", project), "slow")
    async with running(slow) as [task]:
        await until(lambda: _owned(pool))
        async with running(worker(pool, follower(), "eager")):
            await wait_for(pool, "follower", 5, within=10)
            assert (await lag(pool)).followers[0].owner == "slow"
            slow.end()
            await task


async def _owned(pool: asyncpg.Pool) -> bool:
    return await pool.fetchval("SELECT owner FROM eventstore.subscription") is not None


async def test_when_the_database_drops_every_connection_the_work_goes_on(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 3)
    async with running(worker(pool, follower())):
        await wait_for(pool, "follower", 3)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await report(admin, 3)

        async def caught_up() -> bool:
            return await seen(admin) == [1, 2, 3, 4, 5, 6]

        await until(caught_up)
