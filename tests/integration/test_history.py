"""Reading the log back."""

from uuid import UUID

import asyncpg
import pytest

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
        (plain.command_id, UUID(int=1), "reused"),
        (plain.command_id, None, "replayed"),
    ):
        other = await history.answered(command, mark)
        assert other is not None
        assert other.verdict == verdict
        again = await append(app, request(command_id=command, fingerprint=mark))
        assert again[0].verdict == verdict, "append_v1 says the same"
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
