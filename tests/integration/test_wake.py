"""A ring projects promptly; without one, or without Redis, polling does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import asyncpg
import pytest
from redis.asyncio import Redis

from pulseops.eventstore.wake import Doorbell, channel
from pulseops.subscriptions import subscription
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.positions import wait_for
from pulseops.up.home import Home
from pulseops.up.redis import EmbeddedRedis
from tests.histories import report
from tests.integration.following import follower, prepare, running, until

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def bells() -> AsyncIterator[list[Doorbell]]:
    """Every doorbell that a test hangs here is taken down after it."""
    hung: list[Doorbell] = []
    yield hung
    for bell in hung:
        await bell.close()


@pytest.fixture
def _never_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "_BUSY", 3600)
    monkeypatch.setattr(subscription, "_IDLE", 3600)


def hang(bells: list[Doorbell], redis_url: str | None = None) -> Doorbell:
    bell = Doorbell(redis_url)
    bells.append(bell)
    return bell


async def listening(bell: Doorbell) -> None:
    """Subscribed: the confirmation rings."""
    seen = bell.rings
    bell.listen()
    await bell.wait(seen, 10)
    assert bell.rings > seen


async def led(pool: asyncpg.Pool, bell: Doorbell) -> Subscriptions:
    return Subscriptions(pool, [follower()], owner="a", doorbell=bell, lease=7200)


@pytest.mark.usefixtures("_never_polling")
async def test_a_ring_in_the_process_projects_at_once(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection, bells: list[Doorbell]
) -> None:
    await prepare(admin)
    bell = hang(bells)
    async with running(await led(pool, bell)):
        for _ in range(5):
            position = await report(app, 1)
            bell.on_stored(position)
            await wait_for(pool, "follower", position)


@pytest.mark.usefixtures("_never_polling")
async def test_a_ring_in_another_process_projects_at_once(
    pool: asyncpg.Pool,
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    bells: list[Doorbell],
    redis_url: str,
) -> None:
    await prepare(admin)
    api, worker = hang(bells, redis_url), hang(bells, redis_url)
    await listening(worker)
    async with running(await led(pool, worker)):
        for _ in range(5):
            position = await report(app, 1)
            api.on_stored(position)
            await wait_for(pool, "follower", position)


async def test_without_redis_polling_projects(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection, bells: list[Doorbell]
) -> None:
    await prepare(admin)
    api, worker = hang(bells, NOWHERE), hang(bells, NOWHERE)
    worker.listen()
    async with running(await led(pool, worker)):
        position = await report(app, 3)
        api.on_stored(position)
        await wait_for(pool, "follower", position, within=5)
    await until(lambda: _failed(api))
    await until(lambda: _failed(worker))


async def _failed(bell: Doorbell) -> bool:
    return bell.failures > 0


async def test_a_burst_of_rings_is_few_publications_without_data(
    bells: list[Doorbell], redis_url: str
) -> None:
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as listener:
        await listener.subscribe(channel(""))
        await listener.get_message(timeout=5)
        bell = hang(bells, redis_url)
        began = monotonic()
        for position in range(300):
            bell.on_stored(position)
            await asyncio.sleep(0.001)  # a burst, not one moment
        took = monotonic() - began
        messages = []
        while (message := await listener.get_message(timeout=0.3)) is not None:
            messages.append(message["data"])
    assert bell.rings == 300
    assert set(messages) == {b""}
    assert 1 <= len(messages) <= took / 0.02 + 2


async def test_the_last_ring_of_a_burst_is_heard(bells: list[Doorbell], redis_url: str) -> None:
    api, worker = hang(bells, redis_url), hang(bells, redis_url)
    await listening(worker)
    heard = worker.rings
    api.on_stored(1)
    await worker.wait(heard, 5)
    heard = worker.rings
    api.on_stored(2)
    await worker.wait(heard, 5)
    assert worker.rings > heard


async def test_a_ring_between_the_look_and_the_wait_is_not_missed(bells: list[Doorbell]) -> None:
    bell = hang(bells)
    seen = bell.rings
    bell.ring()
    async with asyncio.timeout(1):
        await bell.wait(seen, 3600)


@pytest.fixture
def own_redis(ground: Path) -> Iterator[EmbeddedRedis]:
    """A server that a test may kill."""
    redis = EmbeddedRedis.find(Home(ground / "mortal"))
    if redis is None:
        pytest.skip("there is no Redis server for this platform")
    redis.start()
    yield redis
    redis.stop()


async def test_a_flushed_or_killed_redis_is_polled_around_and_heard_again_when_it_is_back(
    pool: asyncpg.Pool,
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    bells: list[Doorbell],
    own_redis: EmbeddedRedis,
) -> None:
    await prepare(admin)
    api, worker = hang(bells, own_redis.url), hang(bells, own_redis.url)
    await listening(worker)
    async with running(await led(pool, worker)):
        async with Redis.from_url(own_redis.url) as redis:
            await redis.flushall()
        position = await report(app, 1)
        api.on_stored(position)
        await wait_for(pool, "follower", position, within=5)

        own_redis.stop()
        position = await report(app, 1)
        api.on_stored(position)
        await wait_for(pool, "follower", position, within=5)
        await until(lambda: _failed(worker))

        heard = worker.rings
        await asyncio.to_thread(own_redis.start)
        await worker.wait(heard, 10)  # subscribed again: that rings
        assert worker.rings > heard
        heard = worker.rings
        api.on_stored(position)
        await worker.wait(heard, 5)
        assert worker.rings > heard
