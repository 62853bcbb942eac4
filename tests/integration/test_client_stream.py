"""The client follows the real stream across restarts of the server: nothing missed, nothing doubled."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from itertools import islice
from typing import Any

import pytest

from pulseops.client import AsyncPulseOps, Create, PulseOps, Refused, Terms
from pulseops.incidents.entries import EventEntry
from tests.conftest import Database
from tests.serving import listening

Follow = Callable[..., Coroutine[Any, Any, list[EventEntry]]]


@pytest.fixture(params=["blocking", "awaited"])
def follow(request: pytest.FixtureRequest) -> Follow:
    """So many events, as they come."""

    async def blocking(url: str, key: str, most: int, **wanted: Any) -> list[EventEntry]:
        def run() -> list[EventEntry]:
            with PulseOps(url, key) as api:
                return list(islice(api.stream(**wanted), most))

        return await asyncio.to_thread(run)

    async def awaited(url: str, key: str, most: int, **wanted: Any) -> list[EventEntry]:
        found: list[EventEntry] = []
        async with AsyncPulseOps(url, key) as api:
            async for one in api.stream(**wanted):
                found.append(one)
                if len(found) == most:
                    break
        return found

    return blocking if request.param == "blocking" else awaited


async def test_restarts_of_the_server_leave_no_trace(database: Database, follow: Follow) -> None:
    port, reports, following = 0, 0, None
    for _ in range(3):
        async with listening(database.app_url, port) as (port, key):
            url = f"http://127.0.0.1:{port}"
            following = following or asyncio.create_task(follow(url, key, 36, after=0))
            async with AsyncPulseOps(url, key) as api:
                for _ in range(2):
                    await api.incidents.create_many([Create(title=f"{reports}"), Create(title="twin")])
                    reports += 1
    async with listening(database.app_url, port):
        assert following is not None
        events = await asyncio.wait_for(following, 30)
    assert [one.position for one in events] == list(range(1, 37))
    assert [one.type for one in events[:3]] == ["CREATED", "CLASSIFIED", "ASSIGNED"]


async def test_from_now_on_is_from_the_first_connection_on_also_when_nothing_came(
    database: Database, follow: Follow
) -> None:
    async with AsyncExitStack() as first:
        port, key = await first.enter_async_context(listening(database.app_url))
        url = f"http://127.0.0.1:{port}"
        async with AsyncPulseOps(url, key) as api:
            await api.incidents.create("before")
            following = asyncio.create_task(follow(url, key, 1, type="CREATED"))
            await listened(api)
            await first.aclose()
    async with listening(database.app_url, port) as (_, other), AsyncPulseOps(url, other) as api:
        await api.incidents.create("while it was away, or after")
        (event,) = await asyncio.wait_for(following, 30)
    assert event.position == 4


async def listened(api: AsyncPulseOps) -> None:
    """Until the server has a listener."""
    async with asyncio.timeout(20):
        while True:
            metrics = (await api.wire.http.get("/metrics")).text
            if "pulseops_stream_clients 1.0" in metrics:
                return
            await asyncio.sleep(0.01)  # nothing tells


async def test_what_one_may_not_follow_is_refused_once(database: Database, follow: Follow) -> None:
    async with listening(database.app_url) as (port, key):
        with pytest.raises(Refused) as refused:
            await follow(f"http://127.0.0.1:{port}", key, 1, type="NEVER_HEARD_OF")
        assert refused.value.code == "invalid-input"
        with pytest.raises(Refused) as refused:
            await follow(f"http://127.0.0.1:{port}", key, 1, after=10**6)
        assert refused.value.code == "ahead"


async def test_an_incidents_events_are_the_streams(database: Database) -> None:
    async with AsyncExitStack() as stack:
        port, key = await stack.enter_async_context(listening(database.app_url))
        async with AsyncPulseOps(f"http://127.0.0.1:{port}", key, terms=Terms(deadline=10)) as api:
            one = await api.incidents.create("one")
            await api.incidents.create("two")
            await api.incidents.resolve(one.id)
            told = []
            async for event in api.stream(after=0, incident=one.id, type=("CREATED", "RESOLVED")):
                told.append((event.type, event.version))
                if event.type == "RESOLVED":
                    break
    assert told == [("CREATED", 1), ("RESOLVED", 4)]
