"""Teams and services over HTTP, on the real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from pulseops.access.guards import Doorkeeper
from pulseops.access.keys import open_keys
from pulseops.catalog.service import SERVICES
from pulseops.catalog.team import TEAMS
from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.leading import Subscriptions
from tests.conftest import Database
from tests.integration.following import running
from tests.serving import Api, serving

LINK = {"title": "Wiki", "url": "https://wiki.example.com/a?b#c"}
TEAM = {
    "displayName": "Payments",
    "description": "Takes the money.",
    "lead": "ada",
    "email": "payments@example.com",
    "chat": "https://chat.example.com/payments",
    "members": [{"name": "ada", "role": "lead"}, {"name": "grace"}],
    "runbooks": [LINK],
    "links": [LINK],
}
SERVICE = {
    "team": "till",
    "displayName": "Checkout",
    "description": "Sells.",
    "tier": 1,
    "repository": "https://git.example.com/checkout",
    "runbooks": [LINK],
    "dashboards": [LINK],
    "links": [LINK],
    "labels": {"language": "python"},
    "environments": ["production"],
}


@asynccontextmanager
async def worked(api: Api) -> AsyncIterator[None]:
    """With a worker that brings the read models on."""
    bell = Doorbell()
    worker = Subscriptions(api.app.state.pool, (TEAMS, SERVICES), owner="a", doorbell=bell, lease=1.0)
    async with running(worker):
        yield
        worker.end()


@pytest.fixture
async def led(api: Api) -> AsyncIterator[Api]:
    async with worked(api):
        yield api


async def listed(api: Api, path: str, after: httpx.Response | None = None, **query: Any) -> list[Any]:
    """All pages, three entries each."""
    params = {"limit": 3, **query}
    if after is not None:
        params["min_position"] = after.headers["x-pulseops-position"]
    found: list[Any] = []
    while True:
        answer = await api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["nextCursor"] is None:
            return found
        params["cursor"] = answer.json()["nextCursor"]


async def events(api: Api) -> int:
    count: int = await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event")
    return count


def teams_of(api: Api, *teams: str) -> None:
    """From now on the key is for these teams alone."""

    async def load() -> Any:
        found = await open_keys(api.app.state.pool)
        return {
            name: replace(key, principal=replace(key.principal, teams=frozenset(teams)))
            for name, key in found.items()
        }

    api.app.state.doorkeeper = Doorkeeper(load)


@pytest.mark.parametrize("path", ["/teams", "/services"])
async def test_a_list_is_known_by_its_tag_until_it_changes(led: Api, path: str) -> None:
    tag = (await led.get(path)).headers["etag"]
    same = await led.get(path, headers={"if-none-match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    made = await led.put(f"{path}/new", json={"team": "database"} if path == "/services" else {})
    after = {"min_position": made.headers["x-pulseops-position"]}
    assert (await led.get(path, params=after, headers={"if-none-match": tag})).status_code == 200


async def test_what_is_defined_is_answered_shown_and_listed_as_it_was_said(led: Api) -> None:
    made = await led.put("/teams/till", json=TEAM)
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, "/teams/till", '"1"')
    assert made.json() | TEAM | {"members": made.json()["members"]} == made.json()
    assert made.json()["source"] == "defined"
    assert made.json()["updatedBy"] == "key:admin"
    service = await led.put("/services/checkout", json=SERVICE)
    assert service.status_code == 201
    assert service.json() | SERVICE == service.json()
    for answer, path in ((made, "/teams"), (service, "/services")):
        shown = await led.get(answer.headers["location"])
        assert (shown.status_code, shown.json()) == (200, answer.json())
        assert shown.headers["etag"] == answer.headers["etag"]
        assert shown.headers["x-pulseops-position"] == answer.headers["x-pulseops-position"]
        same = {"if-none-match": shown.headers["etag"]}
        assert (await led.get(answer.headers["location"], headers=same)).status_code == 304
        name = answer.json()["name"]
        [row] = [one for one in await listed(led, path, answer) if one["name"] == name]
        assert row == answer.json()


async def test_the_same_again_records_nothing_and_a_change_replaces_the_whole(api: Api) -> None:
    await api.put("/teams/till", json=TEAM)
    again = await api.put("/teams/till", json={**TEAM, "note": "just to be sure"})
    assert (again.status_code, again.headers["etag"], await events(api)) == (200, '"1"', 1)
    other = await api.put("/teams/till", json={"lead": "grace"})
    assert (other.status_code, other.headers["etag"]) == (200, '"2"')
    assert (other.json()["lead"], other.json()["email"], other.json()["members"]) == ("grace", None, [])


async def test_teams_of_the_rules_are_there_until_somebody_defines_them(led: Api) -> None:
    before = {one["name"]: one for one in await listed(led, "/teams")}
    assert {one["source"] for one in before.values()} == {"rules"}
    shown = await led.get("/teams/database")
    assert shown.json() == before["database"]
    tag = shown.headers["etag"]
    assert (await led.get("/teams/database", headers={"if-none-match": tag})).status_code == 304
    refused = await led.delete("/teams/database")
    assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
    assert "default-1" in refused.json()["detail"]
    nothing_yet = await led.put("/teams/database", json=TEAM, headers={"if-none-match": "*"})
    assert nothing_yet.status_code == 412
    made = await led.put("/teams/database", json=TEAM, headers={"if-match": tag})
    assert (made.status_code, made.json()["source"]) == (200, "defined")
    late = await led.put("/teams/database", json={}, headers={"if-match": tag})
    assert late.status_code == 412
    after = {one["name"]: one for one in await listed(led, "/teams", made)}
    assert after.keys() == before.keys()
    assert after["database"] == made.json()
    assert (await led.delete("/teams/database")).status_code == 409


async def test_services_that_routes_name_are_there_too(database: Database, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "assignment:\n  version: mine\n  routes:\n"
        '    - {name: search, when: {service: ["find-*", lookup]}, team: application}\n'
    )
    async with serving(database.app_url, rules=rules) as api:
        [one] = await listed(api, "/services")
        assert (one["name"], one["team"], one["source"]) == ("lookup", "application", "rules")
        assert (await api.get("/services/lookup")).json() == one
        assert (await api.delete("/services/lookup")).status_code == 409
        made = await api.put("/services/lookup", json={"team": "web"})
        assert (made.status_code, made.json()["team"]) == (200, "web")


async def test_a_list_is_in_order_and_shows_what_was_asked_for(led: Api) -> None:
    last = await led.put("/teams/till", json=TEAM)
    for number in range(7):
        body = {**SERVICE, "team": "till" if number % 2 else "web", "tier": 1 + number % 4}
        last = await led.put(f"/services/s{number}", json={**body, "description": f"Number {number}%"})
    retired = await led.delete("/services/s5")
    assert retired.json() == {
        "name": "s5",
        "version": 2,
        "position": int(last.headers["x-pulseops-position"]) + 1,
    }
    assert [one["name"] for one in await listed(led, "/services", retired)] == [
        "s0",
        "s1",
        "s2",
        "s3",
        "s4",
        "s6",
    ]
    assert [one["name"] for one in await listed(led, "/services", team="till")] == ["s1", "s3"]
    assert [one["name"] for one in await listed(led, "/services", tier=1)] == ["s0", "s4"]
    assert [one["name"] for one in await listed(led, "/services", text="NUMBER 3%")] == ["s3"]
    assert await listed(led, "/services", text="_") == []
    cursor = (await led.get("/services", params={"limit": 1})).json()["nextCursor"]
    for other in (f"{cursor}A", cursor[:-1], "!", "AAAA", "\u00e9", ""):
        answer = await led.get("/services", params={"cursor": other})
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "cursor"), other
    assert (await led.get("/teams", params={"cursor": cursor})).status_code == 422
    for query in ({"tier": 5}, {"limit": 0}, {"limit": 201}, {"text": ""}, {"owner": "a"}, {"text": "\0"}):
        assert (await led.get("/services", params=query)).status_code == 422, query


async def test_an_owner_must_be_there_and_a_mistaken_one_is_told(led: Api) -> None:
    await led.put("/teams/till", json=TEAM)
    gone = await led.put("/teams/old-till", json=TEAM)
    gone = await led.delete("/teams/old-till")
    await listed(led, "/teams", gone)
    for owner, near in (("tilll", "till"), ("databse", "database"), ("old-till", None), ("Till", "till")):
        answer = await led.put("/services/checkout", json={**SERVICE, "team": owner})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/team"), owner
        assert near is None or f"Did you mean {near}?" in answer.json()["detail"]
    assert (await led.get("/services/checkout")).status_code == 404


async def test_a_team_that_owns_services_stays(led: Api) -> None:
    await led.put("/teams/till", json=TEAM)
    for number in range(12):
        await led.put(f"/services/s{number:02}", json=SERVICE)
    refused = await led.delete("/teams/till")
    assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
    assert "s00, s01" in refused.json()["detail"]
    assert "s09 and more" in refused.json()["detail"]
    for number in range(12):
        path = f"/services/s{number:02}"
        assert (
            await led.delete(path) if number % 2 else await led.put(path, json={"team": "web"})
        ).status_code == 200
    retired = await led.delete("/teams/till", params={"note": "Nobody is left."})
    assert retired.status_code == 200
    count = await events(led)
    assert (await led.delete("/teams/till")).json() == retired.json()
    assert await events(led) == count
    assert (await led.get("/teams/till")).status_code == 404
    assert (await led.put("/teams/till", json=TEAM, headers={"if-match": '"1"'})).status_code == 412
    anew = await led.put("/teams/till", json=TEAM, headers={"if-none-match": "*"})
    assert (anew.status_code, anew.headers["etag"]) == (201, '"3"')


async def test_what_was_never_there_cannot_be_retired(api: Api) -> None:
    for path in (
        "/teams/nobody",
        "/services/nothing",
        "/teams/No%20Body",
        "/teams/%00",
        "/services/%F0%9F%92%A9",
    ):
        assert (await api.delete(path)).status_code == 404, path
        assert (await api.get(path)).status_code == 404, path


async def test_without_a_worker_nobody_can_tell_that_a_team_owns_nothing(api: Api) -> None:
    await api.put("/teams/till", json=TEAM)
    answer = await api.delete("/teams/till")
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")


async def test_of_many_who_write_on_the_same_version_one_wins(api: Api) -> None:
    await api.put("/teams/till", json=TEAM)
    for condition in ({"if-match": '"1"'}, {"if-none-match": "*"}):
        path = "/teams/till" if "if-match" in condition else "/teams/new"
        answers = await asyncio.gather(
            *(api.put(path, json={"lead": f"lead {n}"}, headers=condition) for n in range(8))
        )
        won = [one for one in answers if one.is_success]
        assert sorted(one.status_code for one in answers if not one.is_success) == [412] * 7
        assert (await api.get(path)).json() == won[0].json()
    open_to_all = await asyncio.gather(*(api.put("/teams/till", json={"lead": f"{n}"}) for n in range(4)))
    assert {one.status_code for one in open_to_all} == {200}
    assert (await api.get("/teams/till")).json()["version"] == 6


async def test_conditions_are_the_entitys_tag_as_it_was_sent(api: Api) -> None:
    made = await api.put("/teams/till", json=TEAM)
    for header, status in (
        ({"if-match": "*"}, 200),
        ({"if-match": made.headers["etag"]}, 200),
        ({"if-match": f"W/{made.headers['etag']}"}, 412),
        ({"if-match": '"0"'}, 412),
        ({"if-match": "1"}, 400),
        ({"if-none-match": "*"}, 412),
        ({"if-none-match": '"9", "1"'}, 412),
        ({"if-none-match": '"9"'}, 200),
    ):
        assert (await api.put("/teams/till", json=TEAM, headers=header)).status_code == status, header
    assert (await api.put("/teams/new", json=TEAM, headers={"if-match": "*"})).status_code == 412
    assert await events(api) == 1


async def test_a_repetition_under_a_key_is_answered_as_the_first_time(led: Api) -> None:
    headers = {"idempotency-key": "k", "if-none-match": "*"}
    made = await led.put("/teams/till", json=TEAM, headers=headers)
    await led.put("/teams/till", json={})
    again = await led.put("/teams/till", json=TEAM, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (
        201,
        "true",
        made.json(),
    )
    other = await led.put("/teams/till", json={"lead": "b"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    parallel = await asyncio.gather(
        *(led.put("/teams/new", json=TEAM, headers={"idempotency-key": "p"}) for _ in range(5))
    )
    assert {one.headers["etag"] for one in parallel} == {'"1"'}
    gone = await led.delete("/teams/till", headers={"idempotency-key": "d", "if-match": '"2"'})
    once_more = await led.delete("/teams/till", headers={"idempotency-key": "d", "if-match": '"2"'})
    assert (gone.status_code, once_more.json()) == (200, gone.json())
    assert once_more.headers["idempotency-replayed"] == "true"


async def test_a_key_for_some_teams_sees_all_and_writes_its_own(led: Api) -> None:
    for team in ("till", "stock"):
        await led.put(f"/teams/{team}", json=TEAM)
    await led.put("/services/checkout", json=SERVICE)
    await led.put("/services/shelf", json={"team": "stock"})
    teams_of(led, "till", "web")
    assert (await led.get("/teams/stock")).status_code == 200
    assert (await led.get("/services/shelf")).status_code == 200
    for method, path, body in (
        ("PUT", "/teams/stock", TEAM),
        ("PUT", "/teams/third", TEAM),
        ("DELETE", "/teams/stock", None),
        ("PUT", "/services/shelf", {"team": "till"}),
        ("PUT", "/services/checkout", {"team": "stock"}),
        ("PUT", "/services/new", {"team": "stock"}),
        ("DELETE", "/services/shelf", None),
    ):
        answer = await led.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
    assert (await led.put("/teams/till", json={})).status_code == 200
    assert (await led.put("/services/checkout", json={"team": "web"})).status_code == 200
    assert (await led.put("/services/new", json={"team": "till"})).status_code == 201
    assert (await led.delete("/services/new")).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"links": [LINK] * 51}, "/links"),
        ({"members": [{"name": "a"}] * 201}, "/members"),
        ({"description": "a" * 5_001}, "/description"),
        ({"displayName": "a\0b"}, "/displayName"),
        ({"lead": " "}, "/lead"),
        ({"owner": "a"}, "/owner"),
        ({"name": "till"}, "/name"),
        ({"email": "nobody"}, "/email"),
        ({"chat": "javascript:alert(1)"}, "/chat"),
        ({"chat": "https://user:secret@example.com/"}, "/chat"),
        ({"chat": "https://example.com/\n"}, "/chat"),
        ({"links": [{"title": "a", "url": "https://a", "target": "b"}]}, "/links/0/target"),
        ({"members": [{"role": "lead"}]}, "/members/0/name"),
    ],
)
async def test_a_team_that_cannot_be_is_refused_with_the_place(api: Api, body: Any, pointer: str) -> None:
    answer = await api.put("/teams/till", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert "secret" not in answer.text
    assert await events(api) == 0


async def test_bad_bodies_and_names_are_refused_and_nothing_is_stored(api: Api) -> None:
    for path in (
        "/teams/a%20b",
        "/teams/A",
        "/teams/%D1%80ay",
        "/teams/a%00",
        f"/teams/{'a' * 64}",
        "/services/%C3%A9",
    ):
        answer = await api.put(path, json=SERVICE if path.startswith("/services") else TEAM)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "name"), path
    ten_thousand = {"links": [LINK] * 10_000}
    assert (await api.put("/teams/till", json=ten_thousand)).status_code == 413
    deep = b'{"links":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    for content, status in (
        (b"", 400),
        (b"{", 400),
        (deep, {400, 422}),
        (b"[]", 422),
        (b'{"lead":"\xff"}', 400),
    ):
        answer = await api.put("/teams/till", content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (status if isinstance(status, set) else {status}), content[:20]
    for tier in (0, 5, 1.5, "1", True):
        assert (await api.put("/services/s", json={"team": "web", "tier": tier})).status_code == 422, tier
    injected = await api.put("/services/s", json={"team": "web'; DROP TABLE catalog.team; --"})
    assert injected.status_code == 422
    assert await events(api) == 0
