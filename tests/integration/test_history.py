"""Reading the log back."""

import asyncio
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from pulseops.db.outages import OUTAGES
from pulseops.eventstore.codec import Codec, UnknownFact
from pulseops.eventstore.history import LogHistory
from pulseops.kernel.envelope import Fact
from pulseops.kernel.ids import new_id
from tests.integration.appending import Noted, append, request


class Renamed(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "NOTED"
    schema_version = 2
    body_text: str


@pytest.fixture
def history(pool: asyncpg.Pool) -> LogHistory:
    return LogHistory(pool, Codec([Noted]))


async def test_a_stream_is_read_in_order_and_as_it_was_written(
    app: asyncpg.Connection, history: LogHistory
) -> None:
    stream = new_id()
    first, second = request(stream, events=2, text="ß"), request(stream, at=2)
    (one,) = await append(app, first)
    await append(app, request(events=3))
    await append(app, second)
    facts = await history.stream(stream)
    assert [(fact.version, fact.position) for fact in facts] == [(1, 1), (2, 2), (3, 6)]
    assert {(fact.log_id, fact.stream_id) for fact in facts} == {(1, stream)}
    sent = first.events[0]
    got = facts[0]
    assert (got.fact, got.meta, got.event_id, got.occurred_at) == (
        sent.data,
        sent.meta,
        sent.event_id,
        sent.occurred_at,
    )
    assert (got.command_id, got.recorded_at) == (first.command_id, one.recorded_at)
    assert [fact.version for fact in await history.stream(stream, up_to_version=2)] == [1, 2]


async def test_a_stream_that_does_not_exist_is_empty(history: LogHistory) -> None:
    assert await history.stream(new_id()) == []


async def test_a_command_is_known_by_its_id_and_fingerprint(
    app: asyncpg.Connection, history: LogHistory
) -> None:
    marked, plain = request(events=2, fingerprint=UUID(int=1)), request()
    stored, _ = await append(app, marked, plain)
    answered = await history.answered(marked.command_id, UUID(int=1))
    assert answered is not None
    assert (answered.verdict, answered.stream_id) == ("replayed", marked.stream_id)
    assert (answered.version, answered.position, answered.recorded_at) == (2, 2, stored.recorded_at)
    for command, mark, verdict in (
        (marked.command_id, UUID(int=2), "reused"),
        (marked.command_id, None, "reused"),
        (plain.command_id, UUID(int=1), "replayed"),
        (plain.command_id, None, "replayed"),
    ):
        other = await history.answered(command, mark)
        assert other is not None
        assert other.verdict == verdict
        again = await append(app, request(command_id=command, fingerprint=mark))
        assert again[0].verdict == verdict, "append_v2 says the same"
    assert await history.answered(new_id(), None) is None


async def test_the_log_is_read_in_pages(
    app: asyncpg.Connection, admin: asyncpg.Connection, history: LogHistory
) -> None:
    assert await history.head() == 0
    await append(app, request(events=3), request(events=2))
    assert await history.head() == 5
    assert [fact.position for fact in await history.read(0, 2)] == [1, 2]
    assert [fact.position for fact in await history.read(2, 10)] == [3, 4, 5]
    assert await history.read(5, 10) == []


async def test_an_archived_log_has_the_head_that_it_had(
    admin: asyncpg.Connection, history: LogHistory
) -> None:
    await admin.execute("UPDATE eventstore.log SET floor_position = 41")
    assert await history.head() == 41


async def test_old_facts_are_read_as_what_they_mean_now(app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    codec = Codec([Renamed], {("NOTED", 1): lambda fields: {"bodyText": fields.get("text", "")}})
    await append(app, request(text="old"))
    (recorded,) = await LogHistory(pool, codec).read(0, 1)
    assert recorded.fact == Renamed(body_text="old")


async def test_facts_that_are_not_known_are_never_passed_over(
    app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    sent = request()
    await append(app, sent)
    with pytest.raises(UnknownFact, match="NOTED version 1"):
        await LogHistory(pool, Codec([])).stream(sent.stream_id)


class _Counted:
    """A pool that counts what is fetched."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.count = pool, 0

    async def fetch(self, *asked: object) -> list[asyncpg.Record]:
        self.count += 1
        return await self._pool.fetch(*asked)  # type: ignore[no-any-return]  # asyncpg has no types


async def test_streams_asked_for_together_are_read_together_and_each_is_its_own(
    app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    requests = [request(events=number % 3 + 1) for number in range(60)]
    await append(app, *requests)
    unknown = [new_id() for _ in range(10)]
    asked = [*(one.stream_id for one in requests), *unknown, requests[0].stream_id]
    readings = _Counted(pool)
    history = LogHistory(readings, Codec([Noted]))
    found = await asyncio.gather(*(history.stream(stream_id) for stream_id in asked))
    assert [[fact.event_id for fact in facts] for facts in found] == [
        *([event.event_id for event in one.events] for one in requests),
        *([] for _ in unknown),
        [event.event_id for event in requests[0].events],
    ]
    assert readings.count <= 3, "two that begin at once, and one for all the others"


async def test_when_reading_fails_everybody_who_waits_hears_of_it(pool: asyncpg.Pool) -> None:
    history = LogHistory(pool, Codec([Noted]))
    waiting = [asyncio.create_task(history.stream(new_id())) for _ in range(5)]
    await asyncio.sleep(0)
    pool.terminate()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, OUTAGES) for one in told), told


class Paired:
    """A pool whose first two answers are handed out together."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.first, self._second = asyncio.Event(), asyncio.Event()

    async def fetch(self, *asked: Any) -> list[asyncpg.Record]:
        rows = await self._pool.fetch(*asked)
        if not self.first.is_set():
            self.first.set()
            await self._second.wait()
        self._second.set()
        return list(rows)


async def test_who_asks_again_in_the_moment_of_an_answer_is_not_forgotten(pool: asyncpg.Pool) -> None:
    paired = Paired(pool)
    history = LogHistory(cast("asyncpg.Pool", paired), Codec([Noted]))
    async with asyncio.timeout(10), asyncio.TaskGroup() as asking:
        asking.create_task(history.stream(new_id()))
        await paired.first.wait()
        for _ in range(2):
            assert await history.stream(new_id()) == []
