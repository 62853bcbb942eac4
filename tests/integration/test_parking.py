"""A stream that cannot be dealt with waits, whole and in order; nobody else waits, and nothing is lost."""

from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.eventstore.wake import Doorbell
from pulseops.incidents.board import BOARD
from pulseops.kernel.errors import NotFound
from pulseops.kernel.ids import new_id
from pulseops.subscriptions import subscription
from pulseops.subscriptions.lag import Follower, lag
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.operating import Conflicting, parked, tried
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.subscription import Projector
from tests.integration.appending import request
from tests.integration.following import begin, follower, prepare, running, seen, until
from tests.integration.steering import park, reset, retry
from tests.integration.venom import Venom, rounds, whose

STREAMS = tuple(UUID(int=(n << 64) + n) for n in range(1, 7))
BAD, *GOOD = STREAMS


@pytest.fixture(autouse=True)
async def _table(admin: asyncpg.Connection) -> None:
    await prepare(admin)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_BACKOFF_FIRST": 0.01, "_BACKOFF_LAST": 0.05, "_TRIED_FOR": 0.0}.items():
        monkeypatch.setattr(subscription, name, value)


def worker(pool: asyncpg.Pool, *projectors: Projector, owner: str = "a", lease: float = 0.8) -> Subscriptions:
    return Subscriptions(pool, projectors, owner=owner, doorbell=Doorbell(), lease=lease, batch=100)


async def standing(pool: asyncpg.Pool) -> Follower:
    return (await lag(pool)).followers[0]


async def agree(pool: asyncpg.Pool) -> bool:
    """The row says which streams are parked, and the table why: of the same ones."""
    rows = await pool.fetchval(
        "SELECT array_agg(s ORDER BY s) FROM eventstore.subscription, unnest(parked) s"
    )
    table = await pool.fetchval("SELECT array_agg(stream_id ORDER BY stream_id) FROM eventstore.parked")
    return bool(rows == table)


async def test_a_poisoned_stream_is_parked_with_its_later_events_and_the_others_flow(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    venom = Venom(BAD)
    await rounds(app, STREAMS, 3)
    async with running(worker(pool, follower(check=venom))):
        await wait_for(pool, "follower", 18, within=10)
        end = await rounds(app, STREAMS, 3, since=3)
        await wait_for(pool, "follower", end, within=10)
        [one] = await parked(pool)
        assert (one.stream_id, one.position, one.attempts, one.wanted) == (BAD, 1, 5, False)
        assert one.error == "ValueError at positions 1 to 1: nobody can read this"
        follows = await standing(pool)
        assert (follows.parked, follows.attempts, follows.positions) == (1, 0, 0)
        assert await seen(pool) == await whose(pool, *GOOD)
        assert await agree(pool)


async def test_mended_it_is_tried_again_by_hand_once_in_order_and_flows_on(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    venom = Venom(BAD)
    end = await rounds(app, STREAMS, 3)
    async with running(worker(pool, follower(check=venom))):
        await wait_for(pool, "follower", end, within=10)
        assert await retry(pool, "follower", BAD) == (BAD,)
        [still] = await tried(pool, "follower", (BAD,), within=5)
        assert (still.attempts, still.error) == (6, "ValueError from position 1 on: nobody can read this")
        venom.streams.clear()
        venom.seen.clear()
        assert await retry(pool, "follower") == (BAD,)
        assert await tried(pool, "follower", (BAD,), within=5) == ()
        [piece] = [piece for piece in venom.seen if piece.only]
        assert (piece.only, piece.after, piece.up_to) == ((BAD,), 0, end)
        end = await rounds(app, STREAMS, 2, since=3)
        await wait_for(pool, "follower", end, within=10)
    assert await seen(pool) == list(range(1, end + 1))
    assert await agree(pool)


async def test_who_takes_the_lease_tries_what_is_parked_once_more(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    """As a worker of a new release does, which can deal with it."""
    end = await rounds(app, STREAMS, 2)
    async with running(worker(pool, follower(check=Venom(*STREAMS[:2])), owner="old")):
        await wait_for(pool, "follower", end, within=10)
        assert len(await parked(pool)) == 2
    async with running(worker(pool, follower(check=Venom(BAD)), owner="new")):
        await until(
            lambda: pool.fetchval("SELECT count(*) = 1 AND NOT bool_or(wanted) FROM eventstore.parked")
        )
    assert [one.stream_id for one in await parked(pool)] == [BAD]
    assert await seen(pool) == await whose(pool, *GOOD)


async def test_the_same_fault_in_many_streams_is_tried_for_long_only_once(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    venom = Venom(*STREAMS[:4])
    end = await rounds(app, STREAMS, 2)
    async with running(worker(pool, follower(check=venom))):
        await wait_for(pool, "follower", end, within=10)
    assert {one.stream_id: one.attempts for one in await parked(pool)} == {
        one: 5 if one == BAD else 1 for one in STREAMS[:4]
    }
    assert await seen(pool) == await whose(pool, *STREAMS[4:])


@pytest.mark.parametrize(
    ("kind", "version", "fault"),
    [
        ("CREATED", 2, "History holds CREATED version 2, and this projection knows only: version 1 of"),
        ("ACKNOWLEDGED", 1, "An incident has facts, but was never created"),
    ],
)
async def test_what_our_own_projection_refuses_is_the_same_fault_in_each_stream(
    pool: asyncpg.Pool, app: asyncpg.Connection, kind: str, version: int, fault: str
) -> None:
    """As an old worker does beside new facts: each stream must not hold up all others for seconds."""
    batch = msgspec.json.decode(msgspec.json.encode([request(one) for one in STREAMS]))
    for one in batch:
        one["events"][0] |= {"type": kind, "schema_version": version, "data": {"title": "new ways"}}
    written = msgspec.json.encode(batch).decode()
    await app.fetch("SELECT * FROM eventstore.append_v2(1::smallint, $1)", written)
    async with running(worker(pool, BOARD)):
        await wait_for(pool, BOARD.name, len(STREAMS), within=10)
    left = await parked(pool)
    assert {one.stream_id: one.attempts for one in left} == {one: 5 if one == BAD else 1 for one in STREAMS}
    for one in left:
        where = f"at positions {one.position} to {one.position}: {fault}"
        assert where in (one.error or ""), "an operator sees which it is"


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.DiskFullError("disk"),
        asyncpg.LockNotAvailableError("lock"),
        asyncpg.AdminShutdownError("stop"),
        asyncpg.TooManyConnectionsError("many"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_outage_never_parks(pool: asyncpg.Pool, app: asyncpg.Connection, error: Exception) -> None:
    venom = Venom(BAD, error=error)
    await rounds(app, STREAMS, 1)
    async with running(worker(pool, follower(check=venom))):
        await until(lambda: pool.fetchval("SELECT max(attempts) > 12 FROM eventstore.subscription"))
        assert await parked(pool) == ()
        venom.streams.clear()
        await wait_for(pool, "follower", 6, within=5)
    assert await seen(pool) == [1, 2, 3, 4, 5, 6]


async def test_a_fault_is_given_time_to_pass_before_a_stream_is_parked_for_it(
    pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "_TRIED_FOR", 3_600.0)
    venom = Venom(BAD)
    await rounds(app, STREAMS, 1)
    async with running(worker(pool, follower(check=venom))):
        await until(lambda: pool.fetchval("SELECT max(attempts) > 12 FROM eventstore.subscription"))
        assert await parked(pool) == ()
        venom.streams.clear()
        await wait_for(pool, "follower", 6, within=5)


async def test_a_follower_that_fails_on_nothing_at_all_blames_no_stream(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """Such as one whose table is gone."""
    await rounds(app, STREAMS, 1)
    await admin.execute("ALTER TABLE public.seen RENAME TO unseen")
    async with running(worker(pool, follower())):
        await until(lambda: pool.fetchval("SELECT max(attempts) > 12 FROM eventstore.subscription"))
        assert await parked(pool) == ()
        assert (await standing(pool)).position == 0
        await admin.execute("ALTER TABLE public.unseen RENAME TO seen")
        await wait_for(pool, "follower", 6, within=5)


async def test_past_a_number_of_parked_streams_the_follower_stands_still_instead(
    pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulseops.subscriptions.parking.MOST", 2)
    end = await rounds(app, STREAMS, 1)
    async with running(worker(pool, follower(check=Venom(*STREAMS[:3])))):
        await until(lambda: pool.fetchval("SELECT max(attempts) > 12 FROM eventstore.subscription"))
    follows = await standing(pool)
    assert (follows.position, follows.parked) == (2, 2)
    assert end > 2


async def test_an_operator_parks_a_stream_and_it_waits_from_there(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    end = await rounds(app, STREAMS, 2)
    async with running(worker(pool, follower())):
        await wait_for(pool, "follower", end, within=5)
        assert await park(pool, "follower", BAD) == end + 1
        end = await rounds(app, STREAMS, 2, since=2)
        await wait_for(pool, "follower", end, within=5)
        [one] = await parked(pool, "follower")
        assert (one.stream_id, one.error, one.attempts) == (BAD, None, 0)
        assert set(range(1, end + 1)) - set(await seen(pool)) == set((await whose(pool, BAD))[2:])
        assert await park(pool, "follower", BAD) == one.position, "it is parked, since then"
        await retry(pool, "follower", BAD)
        assert await tried(pool, "follower", (BAD,), within=5) == ()
    assert await seen(pool) == list(range(1, end + 1))


async def test_what_there_is_not_is_not_found(pool: asyncpg.Pool, admin: asyncpg.Connection) -> None:
    await begin(admin)
    for attempt in (park(pool, "nobody", BAD), retry(pool, "nobody"), reset(pool, "nobody")):
        with pytest.raises(NotFound, match="no subscription 'nobody'"):
            await attempt
    with pytest.raises(NotFound, match="no such stream"):
        await park(pool, "follower", new_id())
    with pytest.raises(NotFound, match="not parked"):
        await retry(pool, "follower", BAD)
    assert await retry(pool, "follower") == ()


async def test_a_reset_goes_back_and_never_forward(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    venom = Venom(BAD)
    end = await rounds(app, STREAMS, 3)
    async with running(worker(pool, follower(check=venom))):
        await wait_for(pool, "follower", end, within=5)
    await admin.execute("DELETE FROM public.seen WHERE position > 8")
    with pytest.raises(Conflicting, match="forward"):
        await reset(pool, "follower", end + 1)
    await reset(pool, "follower", 8)
    assert (await standing(pool)).position == 8
    assert [one.position for one in await parked(pool)] == [1], "it has missed what lies before as well"
    async with running(worker(pool, follower(), owner="b")):
        await wait_for(pool, "follower", end, within=5)
        await until(lambda: pool.fetchval("SELECT count(*) = 0 FROM eventstore.parked"))
    assert await seen(pool) == list(range(1, end + 1))
    await admin.execute("DELETE FROM public.seen")
    await reset(pool, "follower")
    async with running(worker(pool, follower(), owner="c")):
        await wait_for(pool, "follower", end, within=5)
    assert await seen(pool) == list(range(1, end + 1))


async def test_a_worker_of_the_release_before_cannot_lead_what_has_parked_streams(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """Its statements know neither shards nor parked streams: it would run over them."""
    take = """
        UPDATE eventstore.subscription SET owner = 'old', epoch = epoch + 1,
          lease_until = clock_timestamp() + interval '4 s' WHERE log_id = 1 AND name = 'follower'
    """
    await rounds(app, STREAMS, 1)
    await begin(admin)
    await app.execute(take)
    assert (await standing(pool)).owner == "old"
    await park(pool, "follower", BAD)
    assert (await standing(pool)).owner is None, "it has lost its lease"
    with pytest.raises(asyncpg.CheckViolationError, match="sliced"):
        await app.execute(take)
    async with running(worker(pool, follower())):
        await until(lambda: pool.fetchval("SELECT count(*) = 0 FROM eventstore.parked"))
        await wait_for(pool, "follower", 6, within=5)
    assert await seen(pool) == [1, 2, 3, 4, 5, 6]
