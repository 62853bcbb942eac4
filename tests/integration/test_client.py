"""The Python client against a real server, blocking and awaited."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from pulseops.client import (
    AsyncPulseOps,
    Create,
    KeyDefinition,
    OutcomeUnknown,
    PulseOps,
    Refused,
    ServiceValue,
    TeamValue,
    Terms,
    UserGrant,
)
from pulseops.incidents.board import BOARD
from pulseops.subscriptions.slices import Slice
from tests.conftest import Database
from tests.integration.relay import Relay
from tests.serving import listening

LATER = datetime.now(UTC) + timedelta(hours=2)
_LONG_AGO, _THEN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 9, tzinfo=UTC)
Calls = Callable[[Any, dict[str, Any]], Any]
"""Given a client and what came of the calls before: a call, or an awaitable of it."""

TABLE: tuple[tuple[str, Calls], ...] = (
    ("one", lambda api, _: api.incidents.create("Postgres is down", service="orders", labels={"y": "2"})),
    ("two", lambda api, _: api.incidents.create("Redis is down", dedup_key="redis")),
    ("joined", lambda api, _: api.incidents.create("Redis again", dedup_key="redis")),
    ("many", lambda api, _: api.incidents.create_many([Create(title="a"), Create(title="")])),
    ("ack", lambda api, had: api.incidents.acknowledge(had["one"].id, note="on it", if_match=3)),
    ("stale", lambda api, had: api.incidents.resolve(had["one"].id, if_match=3)),
    ("unack", lambda api, had: api.incidents.unacknowledge(had["one"].id)),
    ("snooze", lambda api, had: api.incidents.snooze(had["one"].id, LATER)),
    ("unsnooze", lambda api, had: api.incidents.unsnooze(had["one"].id)),
    ("team", lambda api, _: api.teams.put("network", TeamValue(lead="ada"))),
    ("service", lambda api, _: api.services.put("dns", ServiceValue(team="network", tier=1))),
    ("assign", lambda api, had: api.incidents.assign(had["one"].id, team="network", responder="ada")),
    ("priority", lambda api, had: api.incidents.priority(had["one"].id, "critical")),
    ("category", lambda api, had: api.incidents.category(had["one"].id, "network", note="DNS")),
    ("edit", lambda api, had: api.incidents.edit(had["one"].id, title="b", labels={"y": None, "x": "1"})),
    ("comment", lambda api, had: api.incidents.comment(had["one"].id, "The deploy?")),
    ("link", lambda api, had: api.incidents.link(had["one"].id, incident=had["two"].id, relation="causes")),
    ("impact", lambda api, had: api.incidents.impact(had["one"].id, services=["shop"], customers=7)),
    ("merge", lambda api, had: api.incidents.merge(had["two"].id, had["one"].id)),
    ("impossible", lambda api, had: api.incidents.snooze(had["two"].id, LATER)),
    ("split", lambda api, had: api.incidents.split(had["two"].id)),
    ("resolve", lambda api, had: api.incidents.resolve(had["one"].id, resolution="fixed", cause="a deploy")),
    ("reopen", lambda api, had: api.incidents.reopen(had["one"].id)),
    ("get", lambda api, had: api.incidents.get(had["one"].id)),
    ("same", lambda api, had: api.incidents.get_if_changed(had["one"].id, had["get"].version)),
    ("other", lambda api, had: api.incidents.get_if_changed(had["one"].id, 1)),
    ("none", lambda api, _: api.incidents.get("01990000-0000-7000-8000-000000000001")),
    ("get_team", lambda api, _: api.teams.get("network")),
    ("get_service", lambda api, _: api.services.get("dns")),
    ("retire", lambda api, _: api.services.delete("dns", note="gone", if_match=1)),
    ("whoami", lambda api, _: api.whoami()),
    ("key", lambda api, _: api.keys.create(KeyDefinition(name="bot", role="responder", teams=("network",)))),
    ("rotate", lambda api, had: api.keys.rotate(had["key"].id, overlap_seconds=60)),
    ("keys", lambda api, _: api.keys.list()),
    ("granted", lambda api, _: api.users.grant("ada@example.com", UserGrant(role="viewer"))),
    ("user", lambda api, _: api.users.get("ada@example.com")),
    ("users", lambda api, _: api.users.list()),
    ("barred", lambda api, _: api.users.revoke("ada@example.com")),
    ("revoke", lambda api, had: api.keys.revoke(had["key"].id)),
    ("audit", lambda api, _: api.audit.list(what="ADMIN.ACTED")),
    ("escalations", lambda api, _: api.escalations.list(priority="critical")),
    ("mtta", lambda api, _: api.reports.mtta(since=_LONG_AGO, until=_THEN, by="service", rows=3)),
    ("mttr", lambda api, _: api.reports.mttr(since=_LONG_AGO, until=_THEN, zone="Europe/Berlin")),
    ("load", lambda api, _: api.reports.load(since=_LONG_AGO, until=_THEN)),
    ("noise", lambda api, _: api.reports.noise(since=_LONG_AGO, until=_THEN, by="team")),
    ("weekly", lambda api, _: api.reports.weekly(zone="Europe/Berlin")),
    ("no_team", lambda api, _: api.reports.mtta(team="nobody's")),
    ("health", lambda api, _: api.health()),
    ("list", lambda api, _: api.incidents.list(status="open", limit=1)),
)


@pytest.fixture
async def served_twin(twin: Database) -> AsyncIterator[tuple[str, str]]:
    async with listening(twin.app_url) as (port, key):
        yield f"http://127.0.0.1:{port}", key


@pytest.fixture
async def served(database: Database) -> AsyncIterator[tuple[str, str]]:
    async with listening(database.app_url) as (port, key):
        yield f"http://127.0.0.1:{port}", key


def blocking(url: str, key: str) -> dict[str, Any]:
    had: dict[str, Any] = {}
    with PulseOps(url, key) as api:
        for name, call in TABLE:
            try:
                had[name] = call(api, had)
            except Refused as refused:
                had[name] = refused.problem
    return had


async def awaited(url: str, key: str) -> dict[str, Any]:
    had: dict[str, Any] = {}
    async with AsyncPulseOps(url, key) as api:
        for name, call in TABLE:
            try:
                had[name] = await call(api, had)
            except Refused as refused:
                had[name] = refused.problem
    return had


def scrubbed(had: dict[str, Any]) -> dict[str, str]:
    """What came, without what differs from one run to the next: identities, times, secrets."""
    changing = (
        r"[0-9a-f]{8}-[0-9a-f-]{27}",
        r"pulseops_\w[\w-]+",
        r"\b[0-9a-f]{12}\b",
        r"[\d-]{10}T[\d:.]+Z",
    )
    return {
        name: re.sub("|".join(changing), "*", msgspec.json.encode(value).decode())
        for name, value in had.items()
    }


async def test_each_call_comes_to_the_same_blocking_and_awaited(
    served: tuple[str, str], served_twin: tuple[str, str]
) -> None:
    one, two = await asyncio.to_thread(blocking, *served), await awaited(*served_twin)
    for name, found in scrubbed(one).items():
        assert found == scrubbed(two)[name], name
    assert [one[name].code for name in ("stale", "impossible", "none")] == [
        "version-conflict",
        "invalid-transition",
        "not-found",
    ]
    assert one["impossible"].current == "merged"
    assert (one["one"].version, one["joined"].deduplicated, one["joined"].id) == (3, True, one["two"].id)
    assert [item.status for item in one["many"].items] == [201, 422]
    assert one["many"].items[1].problem.code == "invalid-input"
    assert (one["same"], one["other"].id) == (None, one["one"].id)
    assert one["get"].timeline[-1].event == "REOPENED"
    assert all(entry.text for entry in one["get"].timeline)
    assert one["edit"].labels == {"x": "1"}
    assert one["merge"].merged_into == one["one"].id
    assert (one["category"].category, one["resolve"].resolution) == ("network", "fixed")
    assert (one["team"].version, one["retire"].version, one["service"].tier) == (1, 2, 1)
    assert one["key"].key
    assert one["key"].key not in repr(one["key"])
    assert one["whoami"].role == "admin"


async def reported(api: AsyncPulseOps, database: Database, count: int) -> None:
    """So many incidents, which lists show."""
    made = await api.incidents.create_many([Create(title=f"incident {number}") for number in range(count)])
    position = max(item.incident.position for item in made.items if item.incident)
    connection = await asyncpg.connect(database.app_url)
    await BOARD.project(connection, Slice(log_id=1, after=0, up_to=position))
    await connection.close()


async def test_an_iteration_goes_on_through_a_restart_of_the_server(database: Database) -> None:
    async with AsyncExitStack() as before, AsyncExitStack() as after:
        port, key = await before.enter_async_context(listening(database.app_url))
        async with AsyncPulseOps(f"http://127.0.0.1:{port}", key) as api:
            await reported(api, database, 7)
            titles, back = [], None
            async for incident in api.incidents.iterate(limit=2):
                titles.append(incident.title)
                if back is None:
                    await before.aclose()
                    back = asyncio.create_task(after.enter_async_context(listening(database.app_url, port)))
            assert back is not None
            await back
    assert titles == [f"incident {number}" for number in reversed(range(7))]


async def test_a_blocking_iteration_does_so_too(database: Database) -> None:
    loop, seen, stopped = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def iterate(url: str, key: str) -> list[str]:
        titles = []
        with PulseOps(url, key) as api:
            for number, incident in enumerate(api.incidents.iterate(limit=2)):
                titles.append(incident.title)
                if number == 0:
                    loop.call_soon_threadsafe(seen.set)
                    asyncio.run_coroutine_threadsafe(stopped.wait(), loop).result(30)
        return titles

    async with AsyncExitStack() as before, AsyncExitStack() as after:
        port, key = await before.enter_async_context(listening(database.app_url))
        url = f"http://127.0.0.1:{port}"
        async with AsyncPulseOps(url, key) as api:
            await reported(api, database, 5)
        iterating = asyncio.create_task(asyncio.to_thread(iterate, url, key))
        await seen.wait()
        await before.aclose()
        stopped.set()
        await after.enter_async_context(listening(database.app_url, port))
        assert await iterating == [f"incident {number}" for number in reversed(range(5))]


async def test_a_report_whose_answer_was_lost_is_one_incident(served: tuple[str, str]) -> None:
    url, key = served
    async with Relay(url).running() as relay, AsyncPulseOps(relay.url, key) as api:
        await api.whoami()
        relay.lose_answers()
        reporting = asyncio.create_task(api.incidents.create.answer("Slow"))
        await relay.answered.wait()
        relay.cut()
        answer = await reporting
        assert answer.replayed
        again = await api.incidents.create.answer("Slow")
    assert (answer.value.position, again.value.position) == (3, 6), "the first was recorded once"


async def test_an_outcome_that_stays_unknown_names_the_key_under_which_it_is_one(
    served: tuple[str, str],
) -> None:
    url, key = served
    impatient = Terms(tries=1)
    async with Relay(url).running() as relay, AsyncPulseOps(relay.url, key) as api:
        await api.whoami()
        relay.lose_answers()
        reporting = asyncio.create_task(api.under(impatient).incidents.create("Slow"))
        await relay.answered.wait()
        relay.cut()
        with pytest.raises(OutcomeUnknown) as unknown:
            await reporting
        known = unknown.value.idempotency_key
        assert known in str(unknown.value)
        answer = await api.incidents.create.answer("Slow", idempotency_key=known)
        assert (answer.replayed, answer.value.position) == (True, 3)


async def test_the_key_is_shown_nowhere(served: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    url, key = served
    caplog.set_level("DEBUG")
    async with AsyncPulseOps(url, key) as api:
        await api.whoami()
        assert key not in repr(api)
        assert key not in repr(api.wire.http.headers)
    async with AsyncPulseOps(url, f"{key}x") as stranger:
        with pytest.raises(Refused) as refused:
            await stranger.whoami()
    assert refused.value.status == 401
    assert key not in caplog.text + str(refused.value) + repr(refused.value)
