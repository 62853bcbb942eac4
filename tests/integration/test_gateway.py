"""The gateway: who shares a commit, and who hears what when PostgreSQL does not answer."""

import asyncio

import asyncpg
import pytest

from pulseops.kernel.errors import OutcomeUnknown, Unavailable
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.appending import positions, request, until
from tests.integration.gating import Open, gather, locked, open_gateway, outcomes, waiters
from tests.integration.relay import Relay

__all__ = ["open_gateway"]


_COMMITS = "SELECT count(DISTINCT xmin::text) FROM eventstore.event"


async def test_what_queued_up_during_a_commit_shares_the_next_one(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    async with locked(admin):
        first = asyncio.create_task(gateway.append(request()))
        await waiters(admin)
        others = [asyncio.create_task(gateway.append(request())) for _ in range(50)]
        await asyncio.sleep(0)
    results = await asyncio.gather(first, *others)
    assert [result.position for result in results] == list(range(1, 52))
    assert await admin.fetchval(_COMMITS) == 2


async def test_a_crowd_that_comes_at_once_takes_turns(open_gateway: Open, admin: asyncpg.Connection) -> None:
    """So that one half can decide what to ask next while PostgreSQL works on the other."""
    gateway = await open_gateway()
    await gateway.append(request())

    async def caller() -> None:
        for _ in range(3):
            await gateway.append(request())

    await asyncio.gather(*(caller() for _ in range(64)))
    commits = "SELECT count(*) FROM eventstore.event GROUP BY xmin::text ORDER BY max(position)"
    sizes = await admin.fetch(commits)
    assert [row["count"] for row in sizes] == [1, *[32] * 6]


async def test_a_commit_takes_no_more_than_500_requests_or_a_megabyte(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    await gather(gateway, *(request() for _ in range(1_100)))
    assert await admin.fetchval(_COMMITS) == 3
    await gather(gateway, *(request(text="x" * 400_000) for _ in range(4)))
    assert await admin.fetchval(_COMMITS) == 3 + 2


async def test_a_request_of_more_than_a_megabyte_goes_alone(open_gateway: Open) -> None:
    gateway = await open_gateway()
    big = request(text="x" * 2_000_000)
    assert outcomes(await gather(gateway, request(), big, request())) == ["stored"] * 3


async def test_one_batch_has_a_stream_a_command_and_a_name_only_once(open_gateway: Open) -> None:
    gateway = await open_gateway()
    stream, command = new_id(), new_id()
    assert outcomes(await gather(gateway, request(stream), request(stream))) == ["stored", "conflict"]
    assert outcomes(await gather(gateway, request(stream, at=1), request(stream, at=2))) == ["stored"] * 2
    twice = request(command_id=command)
    assert outcomes(await gather(gateway, twice, twice)) == ["stored", "replayed"]
    assert outcomes(await gather(gateway, request(take="disk"), request(take="disk"))) == ["stored", "taken"]


async def test_a_stale_request_fails_alone(open_gateway: Open, admin: asyncpg.Connection) -> None:
    gateway = await open_gateway()
    answers = await gather(gateway, request(), request(at=7), request())
    assert outcomes(answers) == ["stored", "conflict", "stored"]
    assert await positions(admin) == [1, 2]


async def test_what_postgresql_cannot_hold_fails_alone(open_gateway: Open, admin: asyncpg.Connection) -> None:
    gateway = await open_gateway()
    answers = await gather(gateway, request(), request(text="a\0b"), request(), request())
    assert outcomes(answers) == ["stored", "InvalidInput", "stored", "stored"]
    assert await positions(admin) == [1, 2, 3]


async def test_requests_without_events_share_a_batch_and_wake_nobody(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    heard: list[int] = []
    gateway = await open_gateway(on_stored=heard.append)
    stream = new_id()
    await gateway.append(request(stream))
    async with locked(admin):
        first = asyncio.create_task(gateway.append(request(stream, at=1, events=0)))
        await waiters(admin)
        others = [asyncio.create_task(gateway.append(request(stream, at=1, events=0))) for _ in range(20)]
        await asyncio.sleep(0)
    assert set(outcomes(await asyncio.gather(first, *others))) == {"stored"}
    assert await admin.fetchval("SELECT count(DISTINCT xmin::text) FROM eventstore.command") == 3
    await gateway.stop()
    assert heard == [1]


@pytest.mark.parametrize("limits", [{"most_requests": 3}, {"most_bytes": 3_800}])
async def test_more_than_can_wait_is_shed_and_the_rest_is_stored(
    open_gateway: Open, admin: asyncpg.Connection, limits: dict[str, int]
) -> None:
    gateway = await open_gateway(**limits)
    async with locked(admin):
        first = asyncio.create_task(gateway.append(request(text="x" * 700)))
        await waiters(admin)
        rest = [asyncio.create_task(gateway.append(request(text="x" * 700))) for _ in range(9)]
        await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
    answers = await asyncio.gather(first, *rest, return_exceptions=True)
    assert outcomes(answers) == ["stored"] * 4 + ["Overloaded"] * 6
    assert await positions(admin) == [1, 2, 3, 4]
    assert (await gateway.append(request())).verdict == "stored"


async def test_who_waits_too_long_behind_others_is_not_told_that_the_database_is_away(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway(patience=2.0)
    # One commit each: a batch has a name once.
    asked = [asyncio.create_task(gateway.append(request(take="the same"))) for _ in range(4_000)]
    answers = outcomes(await asyncio.gather(*asked, return_exceptions=True))
    assert (answers.count("stored"), "Overloaded" in answers, "Unavailable" in answers) == (1, True, False)
    assert await positions(admin) == [1]


async def test_without_a_database_nothing_was_stored(open_gateway: Open, database: Database) -> None:
    gateway = await open_gateway("postgresql://pulseops:x@127.0.0.1:1/none", patience=0.3)
    with pytest.raises(Unavailable):
        await gateway.append(request())
    wrong = await open_gateway(database.app_url.replace("pulseops:", "pulseops:wrong"), patience=0.3)
    with pytest.raises(Unavailable):
        await wrong.append(request())


async def test_sent_but_not_answered_is_an_unknown_outcome_and_the_repetition_is_stored_once(
    open_gateway: Open, database: Database, admin: asyncpg.Connection
) -> None:
    async with Relay(database.app_url).running() as relay:
        gateway = await open_gateway(relay.url, patience=1.0)
        await gateway.append(request())
        relay.lose_answers()
        sent = request()
        first = asyncio.create_task(gateway.append(sent))
        await until(lambda: admin.fetchval("SELECT count(*) > 1 FROM eventstore.event"))
        never_sent = asyncio.create_task(gateway.append(request()))
        answers = await asyncio.gather(first, never_sent, return_exceptions=True)
        assert outcomes(answers) == ["OutcomeUnknown", "Unavailable"]
        relay.cut()
        assert (await gateway.append(sent)).verdict == "replayed"
        assert await positions(admin) == [1, 2]
        await gateway.stop()


async def test_a_request_in_flight_survives_its_connection(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    async with locked(admin):
        tasks = [asyncio.create_task(gateway.append(request())) for _ in range(3)]
        for pid in await waiters(admin):
            await admin.execute("SELECT pg_terminate_backend($1)", pid)
    assert outcomes(await asyncio.gather(*tasks)) == ["stored"] * 3
    assert await positions(admin) == [1, 2, 3]


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(
    open_gateway: Open, database: Database, admin: asyncpg.Connection
) -> None:
    async with Relay(database.app_url).running() as relay:
        gateway = await open_gateway(relay.url)
        await gateway.append(request())
        relay.lose_answers()
        lost = asyncio.create_task(gateway.append(request()))
        await until(lambda: admin.fetchval("SELECT count(*) > 1 FROM eventstore.event"))
        relay.cut()
        answer = await lost
        assert (answer.verdict, answer.position) == ("stored", 2)
        assert await positions(admin) == [1, 2]
        await gateway.stop()


async def test_a_lost_answer_that_cannot_be_asked_for_is_an_unknown_outcome(
    open_gateway: Open, database: Database, admin: asyncpg.Connection
) -> None:
    async with Relay(database.app_url).running() as relay:
        gateway = await open_gateway(relay.url, patience=0.4)
        await gateway.append(request())
        relay.lose_answers()
        with pytest.raises(OutcomeUnknown):
            await gateway.append(request())
        assert await positions(admin) == [1, 2]
        relay.cut()
        assert (await gateway.append(request())).position == 3
        await gateway.stop()


@pytest.mark.parametrize("options", ["", "?target_session_attrs=read-write"])
async def test_a_standby_is_tried_again_until_it_writes_and_nothing_was_stored_at_the_deadline(
    open_gateway: Open, database: Database, admin: asyncpg.Connection, options: str
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    gateway = await open_gateway(database.app_url + options, patience=0.5)
    with pytest.raises(Unavailable):
        await gateway.append(request())
    await admin.execute(f"ALTER DATABASE {database.name} RESET default_transaction_read_only")
    assert (await gateway.append(request())).position == 1


async def test_a_caller_that_goes_away_harms_nobody(open_gateway: Open, admin: asyncpg.Connection) -> None:
    gateway = await open_gateway()
    async with locked(admin):
        flying = asyncio.create_task(gateway.append(request()))
        await waiters(admin)
        waiting, other = (asyncio.create_task(gateway.append(request())) for _ in range(2))
        await asyncio.sleep(0)
        flying.cancel()
        waiting.cancel()
    assert (await other).position == 2
    assert await positions(admin) == [1, 2], "what nobody waits for any more is not sent"


async def test_listeners_hear_of_the_last_position_after_its_commit(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    heard: list[int] = []
    gateway = await open_gateway(on_stored=heard.append)
    stale = request(at=3)
    await gather(gateway, request(events=2), request(), stale)
    await gather(gateway, stale)
    await gateway.stop()
    assert heard == [3]


async def test_stopping_answers_everybody_who_waits_and_takes_nobody_new(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    tasks = [asyncio.create_task(gateway.append(request())) for _ in range(700)]
    await asyncio.sleep(0)
    await gateway.stop()
    assert set(outcomes(await asyncio.gather(*tasks))) == {"stored"}
    with pytest.raises(Unavailable):
        await gateway.append(request())
    assert len(await positions(admin)) == 700
