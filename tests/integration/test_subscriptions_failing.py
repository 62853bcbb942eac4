"""What fails is seen, retried and never skipped, and nobody else waits for it."""

import asyncio

import asyncpg
import pytest

from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.errors import Behind
from pulseops.subscriptions import subscription
from pulseops.subscriptions.lag import Follower, lag
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from tests.histories import report
from tests.integration.following import follower, prepare, running, seen, until


@pytest.fixture(autouse=True)
async def _table(admin: asyncpg.Connection) -> None:
    await prepare(admin)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "_BACKOFF_FIRST", 0.01)
    monkeypatch.setattr(subscription, "_BACKOFF_LAST", 0.05)


def worker(pool: asyncpg.Pool, *projectors: Projector) -> Subscriptions:
    return Subscriptions(pool, projectors, owner="a", doorbell=Doorbell(), batch=100)


class Poison:
    """Fails on any batch that holds `position`, until it is cured."""

    def __init__(self, position: int) -> None:
        self.position, self.cured, self.failures = position, False, 0

    async def __call__(self, after: int, up_to: int) -> None:
        if after < self.position <= up_to and not self.cured:
            self.failures += 1
            raise ValueError("this position is poison")


async def of(pool: asyncpg.Pool, name: str) -> Follower:
    return next(one for one in (await lag(pool)).followers if one.name == name)


async def test_poison_stops_one_subscription_at_its_position_and_no_other(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await report(app, 250)
    poison = Poison(137)
    poisoned, healthy = follower("poisoned", poison), follower("healthy")
    async with running(worker(pool, poisoned, healthy)):
        await wait_for(pool, "healthy", 250, within=10)
        await wait_for(pool, "poisoned", 136, within=10)

        async def cornered() -> bool:
            stuck = await of(pool, "poisoned")
            return stuck.attempts >= 3 and "at positions 137 to 137" in (stuck.last_error or "")

        await until(cornered)
        stuck = await of(pool, "poisoned")
        assert (stuck.position, stuck.positions, stuck.owner) == (136, 250 - 136, "a")
        assert stuck.last_error == "ValueError at positions 137 to 137: this position is poison"
        assert stuck.seconds > 0
        assert await seen(pool, "poisoned") == list(range(1, 137))

        poison.cured = True
        await wait_for(pool, "poisoned", 250, within=10)
        assert await seen(pool, "poisoned") == list(range(1, 251))
        cured = await of(pool, "poisoned")
        assert (cured.failing, cured.last_error, cured.positions, cured.seconds) == (False, None, 0, 0)


async def test_a_failing_subscription_keeps_its_lease_while_it_waits(
    pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "_BACKOFF_FIRST", 1.0)
    monkeypatch.setattr(subscription, "_BACKOFF_LAST", 1.0)
    await report(app, 1)
    poison, other = Poison(1), Poison(1)
    first = Subscriptions(pool, [follower(before=poison)], owner="a", doorbell=Doorbell(), lease=0.6)
    second = Subscriptions(pool, [follower(before=other)], owner="b", doorbell=Doorbell(), lease=0.6)
    async with running(first):
        await until(lambda: failed(pool, 1))
        async with running(second):
            await until(lambda: failed(pool, 3))
    assert (poison.failures >= 3, other.failures) == (True, 0)


async def failed(pool: asyncpg.Pool, times: int) -> bool:
    standing = (await lag(pool)).followers
    return bool(standing) and standing[0].attempts >= times


async def test_a_failing_subscription_stops_when_it_is_asked_to(
    pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "_BACKOFF_FIRST", 3600)
    monkeypatch.setattr(subscription, "_BACKOFF_LAST", 3600)
    await report(app, 1)
    one = worker(pool, follower(before=Poison(1)))
    async with running(one) as [task]:
        await until(lambda: failed(pool, 1))
        one.end()
        async with asyncio.timeout(5):
            await task
    assert (await of(pool, "follower")).owner is None


async def test_an_error_of_the_database_is_recorded_without_the_row_that_it_refused(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    async def refuse(connection: asyncpg.Connection, piece: Slice) -> None:
        await connection.execute("INSERT INTO public.seen VALUES ('a secret', NULL)")

    await report(app, 1)
    async with running(worker(pool, Projector("refused", refuse))):
        await until(lambda: failed(pool, 2))
        stuck = await of(pool, "refused")
    assert stuck.position == 0
    assert stuck.last_error is not None
    assert stuck.last_error.startswith("NotNullViolationError at positions 1 to 1: null value in column")
    assert "secret" not in stuck.last_error


async def test_a_reader_is_told_when_the_read_model_is_behind(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    with pytest.raises(Behind):
        await wait_for(pool, "never led", 1, within=0.05)
    await report(app, 2)
    async with running(worker(pool, follower(before=Poison(2)))):
        await wait_for(pool, "follower", 1)
        with pytest.raises(Behind):
            await wait_for(pool, "follower", 2, within=0.05)


async def test_a_log_without_events_lags_nowhere(pool: asyncpg.Pool) -> None:
    async with running(worker(pool, follower())):
        await until(lambda: pool.fetchval("SELECT count(*) > 0 FROM eventstore.subscription"))
        standing = await of(pool, "follower")
    assert (standing.position, standing.positions, standing.seconds) == (0, 0, 0)
