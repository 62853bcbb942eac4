"""What append_v2 has that append_v1 has not: requests without events, and groups of requests."""

import asyncpg
import pytest

from pulseops.eventstore.append import AppendRequest
from pulseops.kernel.ids import new_id
from tests.integration.appending import V1, append, positions, request, verdicts

_HELD = "SELECT name FROM eventstore.claim ORDER BY name"
_COMMANDS = "SELECT count(*) FROM eventstore.command"


async def held(connection: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(_HELD)]


async def test_a_request_without_events_is_recorded_and_takes_no_position(app: asyncpg.Connection) -> None:
    stream, mark = new_id(), new_id()
    await append(app, request(stream, events=3), request())
    nothing = request(stream, at=3, events=0, fingerprint=mark)
    (first,) = await append(app, nothing)
    assert (first.verdict, first.stream_id, first.version, first.position) == ("stored", stream, 3, 3)
    assert await positions(app) == [1, 2, 3, 4]
    await append(app, request(stream, at=3))
    (again,) = await append(app, nothing)
    assert (again.verdict, again.version, again.position) == ("replayed", 3, 3)
    assert again.recorded_at == first.recorded_at
    other = request(stream, at=4, command_id=nothing.command_id, fingerprint=new_id())
    assert await verdicts(app, other) == ["reused"]
    assert await positions(app) == [1, 2, 3, 4, 5]


async def test_of_a_stream_that_is_not_there_nothing_can_be_recorded_as_well(app: asyncpg.Connection) -> None:
    nothing = request(events=0)
    for verdict in ("stored", "replayed"):
        (answer,) = await append(app, nothing)
        assert (answer.verdict, answer.version, answer.position) == (verdict, 0, 0)
    assert await app.fetchval("SELECT count(*) FROM eventstore.stream") == 0
    assert await verdicts(app, request(nothing.stream_id)) == ["stored"], "it is new still"


async def test_without_events_the_version_counts_all_the_same(app: asyncpg.Connection) -> None:
    stream = new_id()
    await append(app, request(stream, events=2))
    for at in (0, 1, 3):
        assert await verdicts(app, request(stream, at=at, events=0)) == ["conflict"]
    assert await app.fetchval(_COMMANDS) == 1


async def test_without_events_no_name_is_taken_or_given_back(app: asyncpg.Connection) -> None:
    holder = new_id()
    await append(app, request(holder, take="disk"))
    assert await verdicts(app, request(take="memory", events=0)) == ["stored"]
    assert await verdicts(app, request(holder, at=1, release="disk", events=0)) == ["stored"]
    assert await held(app) == ["disk"]


async def test_a_request_that_does_not_say_its_events_is_refused(app: asyncpg.Connection) -> None:
    batch = f'[{{"stream_id": "{new_id()}", "command_id": "{new_id()}", "expected_version": 0}}]'
    with pytest.raises(asyncpg.NotNullViolationError):
        await app.fetch("SELECT * FROM eventstore.append_v2(1::smallint, $1)", batch)


async def test_those_before_and_after_one_without_events_have_their_positions(
    app: asyncpg.Connection,
) -> None:
    stream = new_id()
    await append(app, request(stream))
    answers = await append(
        app, request(events=2), request(stream, at=1, events=0), request(events=0), request()
    )
    assert [answer.verdict for answer in answers] == ["stored"] * 4
    assert [answer.position for answer in answers] == [3, 1, 0, 4]
    assert await positions(app) == [1, 2, 3, 4]


async def test_a_group_is_stored_together_among_others(app: asyncpg.Connection) -> None:
    answers = await append(
        app, request(), request(bundle=1, events=2), request(), request(bundle=1), request(bundle=2)
    )
    assert [answer.verdict for answer in answers] == ["stored"] * 5
    assert [answer.position for answer in answers] == [1, 3, 4, 5, 6]


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_where_one_of_a_group_is_refused_nothing_of_it_is_stored(
    app: asyncpg.Connection, bad: int
) -> None:
    holder = new_id()
    await append(app, request(holder, take="disk"))
    group = [
        request(take="memory", bundle=7),
        request(holder, at=1, release="disk", bundle=7),
        request(bundle=7, events=0),
    ]
    group[bad] = request(at=5, bundle=7)
    answers = await append(app, request(), *group, request(bundle=8))
    expected = ["void"] * 3
    expected[bad] = "conflict"
    assert [answer.verdict for answer in answers] == ["stored", *expected, "stored"]
    assert [answer.position for answer in answers] == [2, 0, 0, 0, 3]
    assert await held(app) == ["disk"]
    assert await positions(app) == [1, 2, 3]
    assert await app.fetchval(_COMMANDS) == 3


async def test_each_way_to_be_refused_brings_its_group_down(app: asyncpg.Connection) -> None:
    mark, known = new_id(), request(fingerprint=new_id(), take="disk")
    await append(app, known)
    refused: dict[str, AppendRequest] = {
        "replayed": request(command_id=known.command_id, fingerprint=known.fingerprint, bundle=1),
        "reused": request(command_id=known.command_id, fingerprint=mark, bundle=1),
        "taken": request(take="disk", bundle=1),
        "conflict": request(at=1, bundle=1),
    }
    for verdict, one in refused.items():
        assert await verdicts(app, request(bundle=1), one) == ["void", verdict]
    assert await positions(app) == [1]


async def test_a_group_that_is_repeated_is_replayed(app: asyncpg.Connection) -> None:
    stream = new_id()
    await append(app, request(stream))
    group = [request(bundle=1), request(stream, at=1, bundle=1), request(bundle=1, events=0)]
    first = await append(app, *group)
    again = await append(app, *group)
    assert [answer.verdict for answer in again] == ["replayed"] * 3
    assert [answer.position for answer in again] == [answer.position for answer in first]


async def test_append_v1_of_the_release_before_answers_for_what_append_v2_stored(
    app: asyncpg.Connection,
) -> None:
    stream = new_id()
    group = [request(stream, bundle=1), request(bundle=1, events=0, fingerprint=new_id())]
    await append(app, *group)
    answers = await append(app, *group, request(stream, at=1), by=V1)
    assert [answer.verdict for answer in answers] == ["replayed", "replayed", "stored"]
    for empty in (request(events=0), request(stream, at=2, events=0)):
        with pytest.raises(asyncpg.NotNullViolationError):
            await append(app, empty, by=V1)
    assert await verdicts(app, request(stream, at=2), request(stream, at=2, events=0)) == ["stored"] * 2
    assert await positions(app) == [1, 2, 3]
