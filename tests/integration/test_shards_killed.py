"""Worker processes, killed with SIGKILL while they lead shards; and any mix of what may befall a shard."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from uuid import UUID

import asyncpg
import pytest

from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.lag import lag
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.sharding import deal
from pulseops.subscriptions.subscription import Subscription
from tests.conftest import Database
from tests.histories import report
from tests.integration.following import begin, follower, kill, prepare, seen, until
from tests.integration.steering import park, retry
from tests.integration.venom import rounds

LEASE = 4.0
STREAMS = tuple(UUID(int=(n << 64) + n) for n in range(1, 9))
_PROGRAM = """
import asyncio, sys
from pulseops.db.pools import open_pool
from pulseops.subscriptions import heartbeat
from pulseops.subscriptions.leading import Subscriptions
from pulseops.eventstore.wake import Doorbell
from tests.integration.following import follower

async def main(url, owner):
    pool = await open_pool(url, size=6)
    Subscriptions(pool, [follower()], owner=owner, doorbell=Doorbell(), batch=11).start()
    while True:
        await heartbeat.beat(pool, owner)
        await asyncio.sleep(0.5)

asyncio.run(main(sys.stdin.readline().strip(), sys.argv[1]))
"""


@pytest.fixture(autouse=True)
async def _table(admin: asyncpg.Connection) -> None:
    await prepare(admin)


@asynccontextmanager
async def process(url: str, owner: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker of its own, killed at the end."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, owner, stdin=asyncio.subprocess.PIPE
    )
    assert started.stdin is not None
    started.stdin.write(f"{url}\n".encode())
    started.stdin.close()
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def led_by(pool: asyncpg.Pool, owner: str, least: int) -> bool:
    return sum(one.owner == owner for one in (await lag(pool)).followers) >= least


async def test_shards_of_a_killed_process_are_taken_over_within_seconds_and_each_event_comes_once(
    database: Database, pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    end = 0

    async def load() -> None:
        nonlocal end
        while True:
            end = await report(app, 5)
            await asyncio.sleep(0.01)

    await begin(pool)
    await deal(pool, "follower", 4)
    loading = asyncio.create_task(load())
    async with AsyncExitStack() as stack:
        doomed = await stack.enter_async_context(process(database.app_url, "doomed"))
        await until(lambda: led_by(pool, "doomed", 4), within=20)
        await stack.enter_async_context(process(database.app_url, "heir"))
        await until(lambda: led_by(pool, "heir", 2), within=20)
        assert await led_by(pool, "doomed", 2)
        doomed.kill()
        killed = monotonic()
        await until(lambda: led_by(pool, "heir", 4), within=LEASE + 10)
        taken = monotonic() - killed
        await kill(loading)
        end = await report(app, 1)
        await wait_for(pool, "follower", end, within=10)
    assert taken < LEASE + 4
    assert await seen(pool) == list(range(1, end + 1))


class Shards:
    """The shards as one worker has them in hand, moved by hand: a lease each, and a batch when asked."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool, self.count, self.led = pool, 1, list[Subscription]()

    async def take(self, count: int) -> None:
        """Dealt anew, and taken by another worker."""
        await self.catch_up()
        await deal(self.pool, "follower", count)
        self.count, self.led = count, []
        for shard in range(count):
            one = Subscription(
                self.pool, follower(), owner=f"w{count}", doorbell=Doorbell(), shard=shard, lease=60
            )
            assert await one.take()
            self.led.append(one)

    async def step(self, shard: int, size: int) -> None:
        one = self.led[shard % self.count]
        one._size = size
        await one._work()

    async def catch_up(self) -> None:
        for one in self.led:
            one._size = 1_000
            while await one._work():
                pass


@pytest.mark.parametrize("seed", range(4))
async def test_any_mix_of_shards_batches_parks_and_retries_passes_each_event_once(
    seed: int, pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    chance = random.Random(seed)
    await begin(pool)
    shards, parked, versions, end = Shards(pool), set[UUID](), 0, 0
    await shards.take(1)
    for _ in range(60):
        match chance.choice(("append", "step", "step", "step", "park", "retry", "deal")):
            case "append":
                end, versions = await rounds(app, STREAMS, 1, since=versions), versions + 1
            case "step":
                await shards.step(chance.randrange(8), chance.randint(1, 9))
            case "park" if end and len(parked) < len(STREAMS):
                stream_id = chance.choice([one for one in STREAMS if one not in parked])
                await park(pool, "follower", stream_id)
                parked.add(stream_id)
            case "retry":
                parked -= set(await retry(pool, "follower"))
                await shards.catch_up()
            case "deal" if chance.random() < 0.4:
                await shards.take(chance.randint(1, 5))
                # Whoever takes a shard tries what is parked there.
                await shards.catch_up()
                parked.clear()
            case _:
                pass
    await retry(pool, "follower")
    await shards.catch_up()
    assert await seen(pool) == list(range(1, end + 1))
    assert await pool.fetchval("SELECT count(*) FROM eventstore.parked") == 0


async def test_a_skip_that_is_planted_is_found(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    """What the tests above look at tells when one shard passes over one event."""
    await begin(pool)
    shards = Shards(pool)
    await shards.take(2)
    end = await rounds(app, STREAMS, 2)
    await pool.execute("UPDATE eventstore.subscription SET position = 1 WHERE shard = 1")
    await shards.catch_up()
    assert await seen(pool) == list(range(2, end + 1))
