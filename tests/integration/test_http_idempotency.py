"""One key, one answer: also where nothing was recorded, while the first is under way, or when it was lost."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import httpx
import pytest
from msgspec.structs import replace

from pulseops.db.pools import open_connection
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.gating import locked, waiters
from tests.integration.relay import Relay
from tests.serving import Api, serving

KEY = {"idempotency-key": "k-1"}


async def _events(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def _incidents(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.stream"))


async def report(api: Api, *, key: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await api.post("/incident", json={"title": "a", **fields}, headers=key)


def replays(again: httpx.Response, first: httpx.Response) -> bool:
    same = (again.status_code, again.content) == (first.status_code, first.content)
    return same and again.headers.get("idempotency-replayed") == "true"


async def test_many_at_once_under_one_key_are_one_incident_and_equal_answers(
    api: Api, database: Database
) -> None:
    async with serving(database.app_url) as other:
        other.headers["authorization"] = api.headers["authorization"]
        answers = await asyncio.gather(*(report(one, key=KEY) for _ in range(15) for one in (api, other)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await _incidents(api) == 1


@pytest.mark.parametrize("offset", ["Z", "+02:00", "-23:59"])
async def test_a_report_is_replayed_in_the_same_words_wherever_its_clock_stands(
    api: Api, offset: str
) -> None:
    claimed = f"2026-01-01T12:00:00{offset}"
    first = await report(api, key=KEY, occurredAt=claimed)
    assert datetime.fromisoformat(first.json()["occurredAt"]) == datetime.fromisoformat(claimed)
    assert replays(await report(api, key=KEY, occurredAt=claimed), first)


async def test_another_body_is_refused_while_the_first_is_under_way_and_afterwards(
    api: Api, admin: asyncpg.Connection
) -> None:
    async with locked(admin):
        first = asyncio.create_task(report(api, key=KEY))
        await waiters(admin)
        other = asyncio.create_task(report(api, key=KEY, source="another"))
        await asyncio.sleep(0)
    assert (await first).status_code == 201
    for answer in (await other, await report(api, key=KEY, source="another")):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await _incidents(api) == 1


async def test_a_change_that_had_been_made_is_replayed_as_it_was(api: Api) -> None:
    path = f"/incident/{(await report(api)).json()['id']}"
    await api.post(f"{path}/acknowledge")
    first = await api.post(f"{path}/acknowledge", headers=KEY)
    assert first.status_code == 200
    assert "idempotency-replayed" not in first.headers
    await api.post(f"{path}/resolve")
    before = await _events(api)
    again = await api.post(f"{path}/acknowledge", headers=KEY)
    assert replays(again, first)
    assert again.headers["etag"] == first.headers["etag"]
    other = await api.post(f"{path}/acknowledge", headers=KEY, json={"note": "on it"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await _events(api) == before


async def test_a_report_that_joined_an_incident_joins_it_still_when_that_is_over(api: Api) -> None:
    holder = await report(api, dedupKey="d")
    joined = await report(api, key=KEY, dedupKey="d")
    assert (joined.status_code, joined.json()["deduplicated"]) == (200, True)
    assert "idempotency-replayed" not in joined.headers
    assert replays(await report(api, key=KEY, dedupKey="d"), joined)
    await api.post(f"{holder.headers['location']}/resolve")
    again = await report(api, key=KEY, dedupKey="d")
    assert replays(again, joined)
    assert again.json()["status"] == "open"
    assert again.headers["location"] == holder.headers["location"]
    other = await report(api, key=KEY, dedupKey="d", source="another")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await _incidents(api) == 1
    assert (await report(api, dedupKey="d")).status_code == 201, "without the key it is a new one"


async def test_many_at_once_that_join_under_one_key_have_equal_answers(api: Api) -> None:
    await report(api, dedupKey="d")
    answers = await asyncio.gather(*(report(api, key=KEY, dedupKey="d") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_a_report_decides_again_when_what_it_would_join_changes_meanwhile(api: Api) -> None:
    holder = await report(api, dedupKey="d")
    incidents = api.app.state.logs(1)
    history = incidents.history

    class Meanwhile:
        """After the look at who holds the name, the holder is resolved."""

        async def stream(self, stream_id: Any, **options: int | None) -> object:
            incidents.history = history
            past = await history.stream(stream_id, **options)
            await api.post(f"{holder.headers['location']}/resolve")
            return past

    incidents.history = Meanwhile()
    made = await report(api, key=KEY, dedupKey="d")
    assert made.status_code == 201
    assert replays(await report(api, key=KEY, dedupKey="d"), made)


async def test_a_repeated_batch_joins_as_it_did(api: Api) -> None:
    holder = await report(api, dedupKey="d")
    items = [{"title": "one", "dedupKey": "d"}, {"title": "two"}, {"title": "three", "dedupKey": "d"}]
    first = (await api.post("/incidents:batch", json=items, headers=KEY)).json()
    assert [item["status"] for item in first["items"]] == [200, 201, 200]
    await api.post(f"{holder.headers['location']}/resolve")
    again = (await api.post("/incidents:batch", json=items, headers=KEY)).json()
    assert again["items"] == [{**item, "replayed": True} for item in first["items"]]
    assert again["stored"] == 0


@pytest.mark.parametrize("joins", [False, True])
async def test_a_report_whose_answers_were_lost_is_stored_once(
    database: Database, admin: asyncpg.Connection, *, joins: bool
) -> None:
    """The gateway's connection is cut after the commit, and so is the one of whoever asked."""
    async with Relay(database.app_url).running() as relay, serving(relay.url) as api:
        await report(api, dedupKey="d")
        fields = {"dedupKey": "d"} if joins else {}
        commands = "SELECT count(*) FROM eventstore.command"
        direct = await open_connection(database.app_url)
        relay.lose_answers()
        lost = asyncio.create_task(report(api, key=KEY, **fields))
        if joins:
            await relay.asked.wait()
        else:
            await until(lambda: direct.fetchval(f"{commands} HAVING count(*) > 1"))
        relay.cut()
        answers = [await lost, await report(api, key=KEY, **fields)]
        assert {answer.status_code for answer in answers} == {200 if joins else 201}
        assert answers[0].content == answers[1].content
        assert await direct.fetchval(commands) == 2
        await direct.close()


async def test_a_report_follows_a_merged_holder_to_where_it_lives_on(api: Api) -> None:
    paths = [(await report(api, dedupKey=key)).headers["location"] for key in ("d", "e", "f")]
    for one, into in (paths[:2], paths[1:]):
        assert (await api.post(f"{one}/merge", json={"into": into[-36:]})).status_code == 200
    first = await report(api, key=KEY, dedupKey="d")
    assert (first.status_code, first.json()["id"], first.json()["deduplicated"]) == (
        200,
        paths[2][-36:],
        True,
    )
    assert (await report(api, dedupKey="e")).headers["location"] == paths[2]
    await api.post(f"{paths[2]}/resolve")
    assert replays(await report(api, key=KEY, dedupKey="d"), first)
    anew = await asyncio.gather(*(report(api, dedupKey="d") for _ in range(10)))
    assert sorted(answer.status_code for answer in anew) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in anew} - {path[-36:] for path in paths}) == 1
    over = (await api.get(paths[0])).json()
    assert (over["status"], [step["event"] for step in over["timeline"]][-1]) == ("resolved", "RESOLVED")
    assert (await api.get(paths[1])).json()["status"] == "merged", "nobody asked for its key"


async def test_what_a_command_named_may_be_gone_by_its_repetition(api: Api) -> None:
    team = (await api.post("/incident", json={"title": "a"})).json()["assignedTeam"]
    made = await api.post(
        "/keys", json={"name": "mine", "role": "responder", "teams": [team], "expiresAt": None}
    )
    mine = {"authorization": f"Bearer {made.json()['key']}"}
    for kind, field in (
        ("merge", "into"),
        ("link", "incident"),
        ("split", ""),
        ("escalate", ""),
        ("assign", ""),
    ):
        one, other = [(await api.post("/incident", json={"title": "a"})).json()["id"] for _ in range(2)]
        body = {field: other} if field else {"team": "network"} if kind == "assign" else {}
        if kind == "split":
            await api.post(f"/incident/{one}/merge", json={"into": other})
        path, headers = f"/incident/{one}/{kind}", mine | {"idempotency-key": kind}
        first = await api.post(path, json=body, headers=headers)
        assert first.status_code == 200, first.text
        for gone in (other, one):
            await api.post(f"/incident/{gone}/assign", json={"team": "network"})
        if kind == "assign":
            api.app.state.defaults = replace(api.app.state.defaults, teams={})
        again = await api.post(path, json=body, headers=headers)
        assert replays(again, first), (kind, again.text)


async def test_a_split_of_what_was_not_merged_is_repeated_as_such(api: Api) -> None:
    one, other = [(await api.post("/incident", json={"title": "a"})).json()["id"] for _ in range(2)]
    key = {"idempotency-key": "k"}
    first = await api.post(f"/incident/{one}/split", headers=key)
    await api.post(f"/incident/{one}/merge", json={"into": other})
    again = await api.post(f"/incident/{one}/split", headers=key)
    assert replays(again, first), again.text
    bad = await api.post(f"/incident/{one}/split", headers=key | {"if-match": "3"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid-header")


async def test_an_instant_is_told_in_one_way_whatever_offset_it_was_given_in(api: Api) -> None:
    first = await report(api, key=KEY, occurredAt="2026-01-01T10:00:00+05:30")
    again = await report(api, key=KEY, occurredAt="2026-01-01T10:00:00+05:30")
    assert replays(again, first), (first.json()["occurredAt"], again.json()["occurredAt"])
    assert first.json()["occurredAt"] == "2026-01-01T04:30:00Z"
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    path, east = f"/incident/{first.json()['id']}", timezone(timedelta(hours=5, minutes=30))
    body = {"until": until.astimezone(east).isoformat()}
    snoozed = await api.post(f"{path}/snooze", json=body)
    assert snoozed.json()["snoozedUntil"] == f"{until:%Y-%m-%dT%H:%M:%SZ}"
    assert (
        (await api.get(path))
        .json()["timeline"][-1]["text"]
        .startswith(f"Snoozed until {until:%Y-%m-%d %H:%M} UTC,")
    )
