"""Shards: each event once, whatever becomes of the workers and however the streams are dealt meanwhile."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import pytest

from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.lag import lag
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.leases import Lease, LeaseLost
from pulseops.subscriptions.operating import Conflicting
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.sharding import deal
from pulseops.subscriptions.slices import Slice
from tests.histories import report
from tests.integration.following import begin, follower, kill, prepare, running, seen, until
from tests.integration.steering import park, retry
from tests.integration.venom import Venom, rounds, whose

STREAMS = tuple(UUID(int=(n << 64) + n) for n in range(1, 9))
LEASE = 0.8


@pytest.fixture(autouse=True)
async def _table(admin: asyncpg.Connection) -> None:
    await prepare(admin)


def worker(
    pool: asyncpg.Pool, owner: str = "a", *, venom: Venom | None = None, batch: int = 7
) -> Subscriptions:
    leads = [follower(check=venom)]
    return Subscriptions(pool, leads, owner=owner, doorbell=Doorbell(), lease=LEASE, batch=batch)


async def led(pool: asyncpg.Pool) -> Counter[str | None]:
    return Counter(one.owner for one in (await lag(pool)).followers)


async def ends_at(pool: asyncpg.Pool, owners: dict[str, int]) -> None:
    async def so() -> bool:
        return await led(pool) == owners

    await until(so)


async def test_shards_pass_through_history_side_by_side_and_each_event_once(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await begin(app)
    assert await deal(pool, "follower", 4) == 0
    venom = Venom()
    end = await rounds(app, STREAMS, 5)
    async with running(worker(pool, venom=venom)):
        await wait_for(pool, "follower", end, within=10)
    assert {piece.shard for piece in venom.seen} == {0, 1, 2, 3}
    assert await seen(pool) == list(range(1, end + 1))


async def test_two_workers_lead_half_of_the_shards_each_and_one_leads_all_when_the_other_is_gone(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await begin(app)
    await deal(pool, "follower", 4)
    async with running(worker(pool, "a")) as [first]:
        await ends_at(pool, {"a": 4})
        # They know of each other by the heartbeat of their processes.
        async with running(worker(pool, "b")), alive(pool, "a", "b"):
            await ends_at(pool, {"a": 2, "b": 2})
            end = await rounds(app, STREAMS, 3)
            await kill(first)
            end = await rounds(app, STREAMS, 3, since=3)
            await wait_for(pool, "follower", end, within=LEASE + 3)
            await ends_at(pool, {"b": 4})
    assert await seen(pool) == list(range(1, end + 1))


def alive(pool: asyncpg.Pool, *owners: str) -> AsyncExitStack:
    """Their hearts beat until the end."""
    stack = AsyncExitStack()

    async def beat() -> None:
        while True:
            for owner in owners:
                await pool.execute(
                    "INSERT INTO eventstore.worker (worker_id, seen_at) VALUES ($1, clock_timestamp()) "
                    "ON CONFLICT (worker_id) DO UPDATE SET seen_at = excluded.seen_at",
                    owner,
                )
            await asyncio.sleep(0.2)

    stack.push_async_callback(kill, asyncio.create_task(beat()))
    return stack


async def test_a_shard_that_its_owner_does_not_take_is_led_by_another(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    """Its heart beats, but it takes nothing."""
    await begin(app)
    await deal(pool, "follower", 4)
    async with alive(pool, "idle"), running(worker(pool, "busy")):
        await ends_at(pool, {"busy": 4})


async def test_a_zombie_of_one_shard_cannot_checkpoint_and_disturbs_no_other(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as a, pool.acquire() as b:
        await begin(a)
        await deal(pool, "follower", 2)
        zombie = Lease(log_id=1, name="follower", shard=1, owner="zombie", seconds=0.05)
        beside = Lease(log_id=1, name="follower", shard=0, owner="zombie", seconds=60)
        heir = Lease(log_id=1, name="follower", shard=1, owner="heir", seconds=60)
        assert await zombie.take(a)
        assert await beside.take(a)
        await until(lambda: heir.take(b))
        with pytest.raises(LeaseLost):
            await zombie.checkpoint(a, 9)
        await beside.checkpoint(a, 3)
        assert ((await heir.look(b)).position, (await beside.look(a)).position) == (0, 3)
        await deal_anyhow(pool, 2, 4)
        for late in (beside.lock(a, 1), heir.lock(b, 1)):
            with pytest.raises(LeaseLost):
                await late


async def deal_anyhow(pool: asyncpg.Pool, before: int, after: int) -> None:
    """The shards at one position, and then dealt anew."""
    assert before != after
    await pool.execute("UPDATE eventstore.subscription SET position = 3")
    await deal(pool, "follower", after)


async def test_dealing_anew_under_load_leaves_nothing_out_and_does_nothing_twice(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    end = 0

    async def load() -> None:
        nonlocal end
        while True:
            end = await report(app, 5)
            await asyncio.sleep(0.02)

    async def unequally(_: asyncpg.Connection, piece: Slice) -> None:
        """So that shards seldom stand at one position by themselves."""
        await asyncio.sleep(0.02 * piece.shard)

    leads, bell = [follower(check=unequally)], Doorbell()
    workers = [Subscriptions(pool, leads, owner=one, doorbell=bell, lease=LEASE, batch=40) for one in "ab"]
    await begin(pool)
    loading = asyncio.create_task(load())
    async with running(*workers):
        for shards in (3, 8, 2, 1):
            await deal(pool, "follower", shards)
            followers = (await lag(pool)).followers
            assert len(followers) == shards
            await wait_for(pool, "follower", followers[0].position + 20, within=10)
        await kill(loading)
        end = await report(app, 1)
        await wait_for(pool, "follower", end, within=20)
    assert await seen(pool) == list(range(1, end + 1))
    assert await pool.fetchval("SELECT count(halt_at) FROM eventstore.subscription") == 0


async def test_shards_that_do_not_meet_stay_as_they_are(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    await begin(app)
    await deal(pool, "follower", 2)
    await app.execute("UPDATE eventstore.subscription SET position = 5 WHERE shard = 1")
    with pytest.raises(Conflicting, match="did not come to one position"):
        await deal(pool, "follower", 4, within=0.3)
    with pytest.raises(Conflicting, match="1 to 64"):
        await deal(pool, "follower", 65)
    assert [(one.shard, one.position) for one in (await lag(pool)).followers] == [(0, 0), (1, 5)]
    assert await pool.fetchval("SELECT count(halt_at) FROM eventstore.subscription") == 0


async def test_a_halt_whose_author_died_ends_by_itself(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    end = await rounds(app, STREAMS, 1)
    await begin(app)
    await app.execute(
        "UPDATE eventstore.subscription SET halt_at = 3, halt_until = clock_timestamp() + interval '1 s'"
    )
    async with running(worker(pool)):
        await wait_for(pool, "follower", 3, within=5)
        assert (await lag(pool)).followers[0].position == 3
        await wait_for(pool, "follower", end, within=5)


async def test_parked_streams_move_with_their_shards(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    end = await rounds(app, STREAMS, 2)
    async with running(worker(pool)):
        await wait_for(pool, "follower", end)
        for stream_id in STREAMS[:3]:
            await park(pool, "follower", stream_id)
        await deal(pool, "follower", 4)
        # Whoever takes a shard tries them again: they are told apart from those that stay parked by then.
        await until(lambda: pool.fetchval("SELECT count(*) = 0 FROM eventstore.parked"))
        for stream_id in STREAMS[:3]:
            await park(pool, "follower", stream_id)
        end = await rounds(app, STREAMS, 2, since=2)
        await wait_for(pool, "follower", end)
        assert set(range(1, end + 1)) - set(await seen(pool)) == {
            position for one in STREAMS[:3] for position in (await whose(pool, one))[2:]
        }
        await retry(pool, "follower")
        await until(lambda: pool.fetchval("SELECT count(*) = 0 FROM eventstore.parked"))
    assert await seen(pool) == list(range(1, end + 1))
