"""append_v2, and append_v1 of the release before: what is asked of both, one batch at a time."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from tests.integration import appending
from tests.integration.appending import V1, V2, append, positions, request, verdicts


@pytest.fixture(params=[V1, V2], ids=["v1", "v2"], autouse=True)
def _by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "BY", request.param)


async def test_a_batch_takes_positions_without_gaps_in_the_order_of_its_requests(
    app: asyncpg.Connection,
) -> None:
    first = await append(app, request(events=2), request(events=1))
    second = await append(app, request(events=3))
    assert [answer.ordinal for answer in first] == [1, 2]
    assert [answer.position for answer in (*first, *second)] == [2, 3, 6]
    assert await positions(app) == [1, 2, 3, 4, 5, 6]


async def test_a_stream_counts_its_versions_without_gaps(app: asyncpg.Connection) -> None:
    stream = new_id()
    await append(app, request(stream, events=2))
    (answer,) = await append(app, request(stream, at=2, events=2))
    assert (answer.verdict, answer.stream_id, answer.version) == ("stored", stream, 4)
    rows = await app.fetch("SELECT version FROM eventstore.event WHERE stream_id = $1 ORDER BY 1", stream)
    assert [row["version"] for row in rows] == [1, 2, 3, 4]
    where = await app.fetchrow("SELECT * FROM eventstore.stream WHERE stream_id = $1", stream)
    assert (where["version"], where["first_position"], where["last_position"]) == (4, 1, 4)


async def test_an_event_is_stored_as_it_was_sent(app: asyncpg.Connection) -> None:
    sent = request(text="Ünïcode, \"quotes\" and a \\ backslash, 100 % 'safe'")
    (answer,) = await append(app, sent)
    row = await app.fetchrow("SELECT *, data->>'text' AS text, meta->>'actor' AS actor FROM eventstore.event")
    assert row["text"] == "Ünïcode, \"quotes\" and a \\ backslash, 100 % 'safe'"
    assert row["actor"] == "user:ada"
    assert (row["type"], row["schema_version"], row["event_id"]) == ("NOTED", 1, sent.events[0].event_id)
    assert (row["command_id"], row["occurred_at"]) == (sent.command_id, sent.events[0].occurred_at)
    assert row["recorded_at"] == answer.recorded_at


async def test_a_stale_request_fails_alone_and_takes_no_position(app: asyncpg.Connection) -> None:
    stream = new_id()
    await append(app, request(stream, events=3))
    before, stale, after = await append(app, request(), request(stream, at=2), request())
    assert [before.verdict, stale.verdict, after.verdict] == ["stored", "conflict", "stored"]
    assert (stale.stream_id, stale.version, stale.recorded_at) == (stream, 3, None)
    assert [before.position, after.position] == [4, 5]
    assert await positions(app) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("at", [0, 1, 3])
async def test_only_the_current_version_is_no_conflict(app: asyncpg.Connection, at: int) -> None:
    stream = new_id()
    await append(app, request(stream, events=2))
    assert await verdicts(app, request(stream, at=at)) == ["conflict"]
    assert await verdicts(app, request(stream, at=2)) == ["stored"]


async def test_a_stream_that_does_not_exist_is_at_version_0(app: asyncpg.Connection) -> None:
    assert await verdicts(app, request(at=1)) == ["conflict"]
    assert await verdicts(app, request(at=0)) == ["stored"]


async def test_a_request_without_a_version_is_never_stored(app: asyncpg.Connection) -> None:
    batch = json.dumps([{"stream_id": str(new_id()), "command_id": str(new_id()), "events": [{}]}])
    row = await app.fetchrow(appending.BY, 1, batch)
    assert row["verdict"] == "conflict"


async def test_a_repeated_command_is_answered_with_its_first_result(app: asyncpg.Connection) -> None:
    stream, mark = new_id(), new_id()
    once = request(stream, events=2, fingerprint=mark)
    (first,) = await append(app, once)
    await append(app, request(stream, at=2))
    elsewhere = request(command_id=once.command_id, fingerprint=mark)
    again, moved = (await append(app, once)) + (await append(app, elsewhere))
    for answer in (again, moved):
        assert answer.verdict == "replayed"
        assert (answer.stream_id, answer.version, answer.position) == (stream, 2, 2)
        assert answer.recorded_at == first.recorded_at
    assert await positions(app) == [1, 2, 3]


@pytest.mark.parametrize("mark", [None, UUID(int=2)])
async def test_a_command_id_with_another_fingerprint_is_reused(
    app: asyncpg.Connection, mark: UUID | None
) -> None:
    once = request(fingerprint=UUID(int=1))
    await append(app, once)
    assert await verdicts(app, request(command_id=once.command_id, fingerprint=mark)) == ["reused"]
    assert await positions(app) == [1]


async def test_a_name_is_held_by_one_stream_until_it_is_released(app: asyncpg.Connection) -> None:
    holder, stranger = new_id(), new_id()
    await append(app, request(holder, take="disk"))
    (taken,) = await append(app, request(stranger, take="disk"))
    assert (taken.verdict, taken.stream_id, taken.position) == ("taken", holder, 0)
    assert await verdicts(app, request(stranger, release="disk")) == ["stored"], (
        "to release in vain is no error"
    )
    assert await verdicts(app, request(take="disk")) == ["taken"], "only its holder can give a name back"
    assert await verdicts(app, request(holder, at=1, take="disk")) == ["stored"]
    assert await verdicts(app, request(holder, at=2, release="disk")) == ["stored"]
    assert await verdicts(app, request(stranger, at=1, take="disk")) == ["stored"]
    assert await positions(app) == [1, 2, 3, 4, 5]


async def test_a_name_taken_and_released_by_one_request_ends_up_free(app: asyncpg.Connection) -> None:
    assert await verdicts(app, request(take="disk", release="disk")) == ["stored"]
    assert await verdicts(app, request(take="disk")) == ["stored"]


async def test_a_name_released_and_taken_by_one_batch_is_taken_still(app: asyncpg.Connection) -> None:
    holder = new_id()
    await append(app, request(holder, take="disk"))
    assert await verdicts(app, request(holder, at=1, release="disk"), request(take="disk")) == [
        "stored",
        "taken",
    ]


async def test_what_is_in_one_batch_twice_is_refused_as_a_whole(app: asyncpg.Connection) -> None:
    stream, command = new_id(), new_id()
    for pair in (
        (request(stream), request(stream)),
        (request(command_id=command), request(command_id=command)),
        (request(take="disk"), request(take="disk")),
    ):
        with pytest.raises(asyncpg.PostgresError):
            await append(app, *pair)
    assert await positions(app) == []


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_an_older_snapshot_than_the_lock_is_refused(app: asyncpg.Connection, isolation: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="READ COMMITTED"):
        async with app.transaction(isolation=isolation):
            await append(app, request())


async def test_a_log_must_exist(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="There is no log 7"):
        await append(app, request(), log=7)


async def test_each_log_has_its_own_positions_streams_commands_and_names(
    app: asyncpg.Connection,
) -> None:
    assert await create_log(app, "second", now=utc_now()) == 2
    same = request(events=2, take="disk")
    for log in (1, 2):
        assert [answer.verdict for answer in await append(app, same, log=log)] == ["stored"]
        assert await positions(app, log) == [1, 2]


async def test_time_never_runs_backwards_in_a_log(app: asyncpg.Connection, admin: asyncpg.Connection) -> None:
    (first,) = await append(app, request())
    assert first.recorded_at is not None
    ahead = first.recorded_at + timedelta(hours=1)
    await admin.execute(
        """
        INSERT INTO eventstore.event SELECT log_id, position + 1, gen_random_uuid(), 1, type, schema_version,
          gen_random_uuid(), gen_random_uuid(), occurred_at, $1, data, meta FROM eventstore.event
        """,
        ahead,
    )
    (later,) = await append(app, request())
    assert (later.position, later.recorded_at) == (3, ahead)


async def test_events_are_recorded_at_the_time_of_the_commit_not_of_the_transaction(
    app: asyncpg.Connection,
) -> None:
    async with app.transaction():
        began = await app.fetchval("SELECT now()")
        answers = [(await append(app, request()))[0] for _ in range(3)]
    times = [answer.recorded_at or datetime.min.replace(tzinfo=UTC) for answer in answers]
    assert all(earlier < later for earlier, later in pairwise([began, *times]))


async def test_an_archived_log_goes_on_after_its_floor(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await admin.execute("UPDATE eventstore.log SET floor_position = 41, floor_time = '2100-01-01+00'")
    (answer,) = await append(app, request())
    assert (answer.position, answer.recorded_at) == (42, datetime(2100, 1, 1, tzinfo=UTC))


async def test_a_rolled_back_append_leaves_no_gap(app: asyncpg.Connection) -> None:
    await append(app, request())
    transaction = app.transaction()
    await transaction.start()
    await append(app, request(events=5))
    await transaction.rollback()
    (answer,) = await append(app, request())
    assert answer.position == 2
    assert await positions(app) == [1, 2]
