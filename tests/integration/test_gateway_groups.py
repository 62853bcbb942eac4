"""Groups of requests through the gateway: never divided, and a result for each request."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.waiting import Pending, Waiting
from pulseops.kernel.errors import InvalidInput, OutcomeUnknown
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.appending import positions, request, until
from tests.integration.gating import Open, gather, locked, open_gateway, outcomes, waiters
from tests.integration.relay import Relay

__all__ = ["open_gateway"]


async def together(gateway: Gateway, *requests: AppendRequest) -> list[str]:
    return outcomes(await gateway.append_together(requests))


async def test_groups_and_single_requests_share_a_commit_and_each_has_its_result(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    async with locked(admin):
        first = asyncio.create_task(gateway.append(request()))
        await waiters(admin)
        whole, broken, single = (
            asyncio.create_task(together(gateway, request(events=2), request())),
            asyncio.create_task(together(gateway, request(), request(at=4), request())),
            asyncio.create_task(gateway.append(request())),
        )
        await asyncio.sleep(0)
    assert (await first).position == 1
    assert await whole == ["stored", "stored"]
    assert await broken == ["void", "conflict", "void"]
    assert (await single).position == 5
    assert await positions(admin) == [1, 2, 3, 4, 5]
    assert await admin.fetchval("SELECT count(DISTINCT xmin::text) FROM eventstore.event") == 2


async def test_a_group_that_shares_a_stream_with_another_request_waits_for_it(open_gateway: Open) -> None:
    gateway = await open_gateway()
    stream = new_id()
    single, group = await asyncio.gather(
        gateway.append(request(stream)), together(gateway, request(), request(stream, at=1))
    )
    assert (single.verdict, group) == ("stored", ["stored", "stored"])


async def test_a_group_has_each_stream_and_command_once_and_takes_a_name_once(open_gateway: Open) -> None:
    gateway = await open_gateway()
    stream, command = new_id(), new_id()
    for pair in (
        (request(stream), request(stream)),
        (request(command_id=command), request(command_id=command, events=0)),
        (request(take="disk"), request(take="disk")),
    ):
        with pytest.raises(ValueError, match="once"):
            await gateway.append_together(pair)
    assert await gateway.append_together([]) == ()


async def test_a_group_that_postgresql_cannot_hold_fails_as_a_whole_and_alone(
    open_gateway: Open, admin: asyncpg.Connection
) -> None:
    gateway = await open_gateway()
    bad = gateway.append_together([request(take="disk"), request(text="a\0b")])
    good = gateway.append_together([request(), request()])
    answers = await asyncio.gather(bad, good, gateway.append(request()), return_exceptions=True)
    assert isinstance(answers[0], InvalidInput)
    assert await positions(admin) == [1, 2, 3]
    assert await admin.fetchval("SELECT count(*) FROM eventstore.claim") == 0


async def test_a_group_whose_answer_was_lost_is_stored_once(
    open_gateway: Open, database: Database, admin: asyncpg.Connection
) -> None:
    async with Relay(database.app_url).running() as relay:
        gateway = await open_gateway(relay.url)
        stream = new_id()
        await gateway.append(request(stream))
        relay.lose_answers()
        group = (request(), request(stream, at=1, events=0))
        lost = asyncio.create_task(gateway.append_together(group))
        await until(lambda: admin.fetchval("SELECT count(*) > 1 FROM eventstore.event"))
        relay.cut()
        assert outcomes(await lost) == ["stored", "stored"], "by this very request"
        assert outcomes(await gateway.append_together(group)) == ["replayed", "replayed"]
        assert await positions(admin) == [1, 2]
        await gateway.stop()


async def test_a_command_without_events_whose_answer_was_lost_is_recorded_once(
    open_gateway: Open, database: Database, admin: asyncpg.Connection
) -> None:
    async with Relay(database.app_url).running() as relay:
        gateway = await open_gateway(relay.url, patience=0.4)
        await gateway.append(request())
        relay.lose_answers()
        nothing = request(events=0)
        with pytest.raises(OutcomeUnknown):
            await gateway.append(nothing)
        relay.cut()
        assert outcomes(await gather(gateway, nothing, nothing)) == ["replayed", "replayed"]
        assert await admin.fetchval("SELECT count(*) FROM eventstore.command") == 2
        await gateway.stop()


async def test_a_batch_takes_a_group_whole_or_leaves_it() -> None:
    loop = asyncio.get_running_loop()

    def pending(count: int) -> Pending:
        answer: asyncio.Future[Sequence[AppendResult]] = loop.create_future()
        return Pending(tuple(request() for _ in range(count)), b"", answer, 0.0)

    waiting = Waiting(most_requests=10, most_bytes=10)
    for count in (1, 2, 3, 1, 7):
        waiting.add(pending(count))
    taken = [[len(one.requests) for one in waiting.take(4)] for _ in range(4)]
    assert taken == [[1, 2], [3, 1], [7], []], "a group that is larger than a batch goes alone"
