"""Keys over HTTP: made, limited, rotated, revoked, and everything about it written down without a secret."""

import asyncio
import json
from datetime import timedelta

import pytest

from pulseops.access.keys import parsed
from pulseops.access.permissions import ROLES, Role
from pulseops.access.usage import Usage
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.bearing import bearing, flushed
from tests.keys import a_key
from tests.serving import Api, serving

_EVENTS = "SELECT type, data::text AS data, meta::text AS meta FROM eventstore.event ORDER BY position"


@pytest.mark.parametrize("role", ROLES)
async def test_a_route_is_open_to_the_roles_that_may_and_403_to_the_others(api: Api, role: Role) -> None:
    token = await a_key(api.app.state.pool, "other", role=role)
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    asked: dict[tuple[str, str], set[str]] = {
        ("POST", "/incident"): {"responder", "manager", "admin", "ingest"},
        ("GET", "/incidents"): {"viewer", "responder", "manager", "auditor", "admin"},
        ("GET", "/subscriptions"): {"auditor", "admin"},
        ("GET", "/keys"): {"auditor", "admin"},
        ("POST", "/keys"): {"admin"},
        ("GET", "/audit"): {"auditor", "admin"},
        ("GET", "/audit/checkpoint"): {"auditor", "admin"},
        ("GET", "/audit/tile/0/000"): {"auditor", "admin"},
        ("GET", "/audit/proofs/inclusion"): {"auditor", "admin"},
        ("GET", "/audit/proofs/consistency"): {"auditor", "admin"},
        ("GET", "/users"): {"auditor", "admin"},
        ("GET", "/users/nobody"): {"auditor", "admin"},
        ("POST", "/users/somebody/grant"): {"admin"},
        ("POST", "/users/somebody/revoke"): {"admin"},
        ("GET", "/whoami"): set(ROLES),
    }
    for (method, path), may in asked.items():
        body = {"title": "a", "name": "b", "role": "viewer"} if method == "POST" else None
        answer = await api.request(method, path, json=body, headers=bearing(token))
        assert (answer.status_code == 403) is (role not in may), (method, path, answer.text)
        if answer.status_code == 403:
            assert answer.json()["code"] == "forbidden"
            assert role in answer.json()["detail"]


async def test_a_secret_is_told_once_and_stands_nowhere_else(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"idempotency-key": "k"}
    body = {"name": "grafana", "role": "ingest", "source": "grafana", "rate": 50}
    made = await api.post("/keys", json=body, headers=key)
    again = await api.post("/keys", json=body, headers=key)
    assert (made.status_code, again.status_code) == (201, 201)
    token = made.json()["key"]
    assert again.json() == made.json() | {"key": None}
    assert again.headers["idempotency-replayed"] == "true"
    assert (await api.post("/keys", json=body)).json()["code"] == "name-taken"
    other = await api.post("/keys", json=body | {"rate": 1}, headers=key)
    assert other.json()["code"] == "idempotency-key-reused"
    pair = parsed(token)
    assert pair is not None
    rotated = (await api.post(f"/keys/{pair[0]}/rotate")).json()
    await api.get("/keys", headers=bearing(token))
    await api.delete(f"/keys/{pair[0]}")
    trail = await flushed(api)
    shown = [await api.get("/keys"), await api.get(f"/keys/{pair[0]}")]
    rows = await api.app.state.pool.fetch(_EVENTS)
    kinds = [row["type"] for row in rows if row["type"].startswith("KEY.")]
    assert kinds == ["KEY.CREATED", "KEY.ROTATED", "KEY.REVOKED"]
    said = capsys.readouterr()
    everything = [str(dict(row)) for row in rows] + [one.text for one in shown]
    everything += [json.dumps(trail), said.out, said.err]
    for secret in (pair[1], rotated["key"].rpartition("_")[2]):
        assert not any(secret in text for text in everything)


async def test_no_two_names_look_the_same_in_history(api: Api) -> None:
    for name in ("ci\n", "\nci", "ci ", "ci\u200b", "\u0441i", "key:ci", "ci/..", "", "-ci", "c" * 65):
        answer = await api.post("/keys", json={"name": name, "role": "viewer"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input"), name


async def test_a_rotated_key_opens_with_both_secrets_until_the_overlap_ends(api: Api) -> None:
    made = (await api.post("/keys", json={"name": "ci", "role": "viewer"})).json()
    longer = (await api.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 3600})).json()
    await asyncio.sleep(0.1)
    for token in (made["key"], longer["key"]):
        assert (await api.get("/whoami", headers=bearing(token))).status_code == 200
    last = (await api.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 0})).json()
    await asyncio.sleep(1)  # the promise itself
    found = [
        (await api.get("/whoami", headers=bearing(token))).status_code
        for token in (made["key"], longer["key"], last["key"])
    ]
    assert found == [401, 401, 200]


async def test_a_key_that_was_just_made_or_rotated_opens_at_once(api: Api) -> None:
    for name in ("one", "two", "three"):
        made = (await api.post("/keys", json={"name": name, "role": "viewer"})).json()
        assert (await api.get("/whoami", headers=bearing(made["key"]))).is_success
        rotated = (await api.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 0})).json()
        assert (await api.get("/whoami", headers=bearing(rotated["key"]))).is_success


async def test_an_expired_key_opens_nothing(api: Api) -> None:
    token = await a_key(api.app.state.pool, "old", expires_at=utc_now() - timedelta(seconds=1))
    await asyncio.sleep(0.1)
    assert (await api.get("/whoami", headers=bearing(token))).status_code == 401


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00"])
async def test_a_key_that_would_expire_at_no_time_is_refused(api: Api, at: str) -> None:
    answer = await api.post("/keys", json={"name": "ci", "role": "viewer", "expiresAt": at})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/expiresAt"), answer.text


async def test_a_revoked_key_is_refused_by_every_process_within_a_second(database: Database) -> None:
    async with serving(database.app_url) as one:
        made = (await one.post("/keys", json={"name": "ci", "role": "admin"})).json()
        other = await a_key(one.app.state.pool, "other")
        await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
        async with serving(database.app_url, token=other) as two:
            for api in (one, two):
                assert (await api.get("/whoami", headers=bearing(made["key"]))).status_code == 200
            assert (await one.delete(f"/keys/{made['id']}")).json()["status"] == "revoked"
            await asyncio.sleep(1)  # the promise itself
            for api in (one, two):
                assert (await api.get("/whoami", headers=bearing(made["key"]))).status_code == 401


async def test_the_last_key_that_administers_stays(api: Api) -> None:
    mine = (await api.get("/whoami")).json()["keyId"]
    second = (await api.post("/keys", json={"name": "second", "role": "admin"})).json()
    both = await asyncio.gather(api.delete(f"/keys/{mine}"), api.delete(f"/keys/{second['id']}"))
    assert sorted(one.status_code for one in both) == [200, 409]
    assert {one.json().get("code") for one in both} == {None, "last-admin"}


async def test_a_key_that_is_limited_to_teams_makes_and_sees_no_others(api: Api) -> None:
    token = await a_key(api.app.state.pool, "lead", teams=("payments",))
    await asyncio.sleep(0.1)
    wide = {"name": "wide", "role": "viewer"}
    for teams in ({}, {"teams": ["payments", "search"]}):
        answer = await api.post("/keys", json=wide | teams, headers=bearing(token))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    made = await api.post("/keys", json=wide | {"teams": ["payments"]}, headers=bearing(token))
    assert made.status_code == 201
    names = {one["name"] for one in (await api.get("/keys", headers=bearing(token))).json()["items"]}
    assert names == {"lead", "wide"}
    mine = (await api.get("/whoami")).json()["keyId"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        answer = await api.request(method, f"/keys/{mine}{path}", headers=bearing(token))
        assert answer.status_code == 404


async def test_what_belongs_to_another_team_is_not_there(api: Api) -> None:
    made = (await api.post("/incident", json={"title": "Disk full on db-1"})).json()
    inside = await a_key(api.app.state.pool, "inside", role="responder", teams=(made["assignedTeam"],))
    outside = await a_key(api.app.state.pool, "outside", role="responder", teams=("nobody",))
    await asyncio.sleep(0.1)
    path = f"/incident/{made['id']}"
    for method, what in (("GET", path), ("POST", f"{path}/acknowledge"), ("POST", f"{path}/resolve")):
        refused = await api.request(method, what, headers=bearing(outside))
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found"), what
    assert (await api.get(path)).json()["version"] == made["version"]
    for method, what in (("GET", path), ("POST", f"{path}/acknowledge"), ("POST", f"{path}/resolve")):
        assert (await api.request(method, what, headers=bearing(inside))).status_code == 200, what


async def test_a_flood_of_refusals_is_a_bounded_number_of_events(api: Api) -> None:
    token = await a_key(api.app.state.pool, "viewer", role="viewer")
    await asyncio.sleep(0.1)
    for _ in range(40):
        assert (await api.get("/keys?secret=x", headers=bearing(token))).status_code == 403
    for n in range(120):
        unknown = f"pulseops_{n:012x}_{'A' * 43}"
        assert (await api.get("/incidents", headers=bearing(unknown))).status_code == 401
    trail = await flushed(api)
    trail += (await api.get("/audit?limit=200")).json()["items"][len(trail) :]
    assert len(trail) == 101
    assert [one["count"] for one in trail if one["who"] == "key:viewer"] == [40]
    assert [one["count"] for one in trail if one["who"] == "others"] == [21]
    assert "secret" not in json.dumps(trail)
    first = (await api.get("/audit?limit=1&who=anonymous&what=ACCESS.DENIED")).json()
    second = (await api.get(f"/audit?limit=1&who=anonymous&cursor={first['nextCursor']}")).json()
    assert first["items"][0]["eventId"] != second["items"][0]["eventId"]


async def test_what_operators_do_is_told(api: Api) -> None:
    pool = api.app.state.pool
    insert = "INSERT INTO eventstore.subscription (log_id, name, epoch, updated_at) VALUES (1, 'x', 0, $1)"
    await pool.execute(insert, utc_now())
    await api.post("/subscriptions/x/retry")
    [told] = await flushed(api)
    assert (told["who"], told["subject"]) == ("key:admin", "subscription:x retry")


async def test_the_last_use_of_a_key_is_written_at_most_once_a_minute(api: Api) -> None:
    pool = api.app.state.pool
    key_id = (await api.get("/whoami")).json()["keyId"]
    usage, now = Usage(pool), utc_now()
    found = []
    for seconds in (0, 30, 90):
        usage.saw(key_id, 1)
        await usage.flush(now + timedelta(seconds=seconds))
        found.append((await api.get(f"/keys/{key_id}")).json()["lastUsedAt"])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(("role", "teams"), [("ingest", None), ("responder", ("elsewhere",))])
async def test_who_joins_an_incident_they_may_not_see_is_told_what_they_said(
    api: Api, role: Role, teams: tuple[str, ...] | None
) -> None:
    secret = {"title": "the vault is open", "description": "inside", "dedupKey": "d", "labels": {"code": "1"}}
    there = (await api.post("/incident", json=secret)).json()
    theirs = bearing(await a_key(api.app.state.pool, "other", role=role, teams=teams))
    api.app.state.doorkeeper.forget()
    body = {"title": "I saw something", "dedupKey": "d"}
    keyed = theirs | {"idempotency-key": "k"}
    single = [await api.post("/incident", json=body, headers=headers) for headers in (theirs, keyed, keyed)]
    batch = await api.post("/incidents:batch", json=[body], headers=theirs)
    told = [one.json() for one in single] + [batch.json()["items"][0]["incident"] | {"deduplicated": True}]
    assert {one.status_code for one in single} == {200}
    for one in told:
        assert (one["id"], one["status"], one["title"], one["deduplicated"]) == (
            there["id"],
            "open",
            "I saw something",
            True,
        )
        assert (one["description"], one["labels"], one["assignedTeam"]) == ("", {}, None)
    ours = (await api.post("/incident", json=body)).json()
    assert (ours["title"], ours["assignedTeam"]) == ("the vault is open", there["assignedTeam"])


@pytest.mark.parametrize(("role", "part"), [("manager", ""), ("admin", " to one who is limited to teams")])
async def test_a_refusal_blames_the_teams_only_where_they_are_the_reason(
    api: Api, role: Role, part: str
) -> None:
    limited = bearing(await a_key(api.app.state.pool, "lead", role=role, teams=("payments",)))
    refused = await api.get("/audit", headers=limited)
    assert refused.json()["detail"] == f"The role {role} does not allow audit.read{part}."


async def test_what_is_about_a_whole_log_is_not_for_a_key_that_is_limited_to_teams(api: Api) -> None:
    whole = {"audit.read", "subscriptions.read", "subscriptions.operate"}
    limited = bearing(await a_key(api.app.state.pool, "lead", teams=("payments",)))
    await asyncio.sleep(0.1)
    for method, path, body in (
        ("GET", "/audit", None),
        ("GET", "/subscriptions", None),
        ("POST", "/subscriptions/timeline/park", {"streamId": str(new_id())}),
        ("POST", "/subscriptions/assignment/reset", {"confirm": True}),
    ):
        answer = await api.request(method, path, json=body, headers=limited)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    told = (await api.get("/whoami", headers=limited)).json()["actions"]
    assert (whole & set(told), "incident.respond" in told) == (set(), True)
    assert whole <= set((await api.get("/whoami")).json()["actions"])


async def test_a_refusal_of_the_catalog_is_put_on_record(api: Api) -> None:
    limited = bearing(await a_key(api.app.state.pool, "lead", role="manager", teams=("payments",)))
    await asyncio.sleep(0.1)
    assert (await api.put("/teams/search", json={}, headers=limited)).status_code == 403
    (entry,) = [one for one in await flushed(api) if one["what"] == "ACCESS.DENIED"]
    assert (entry["who"], entry["code"], entry["action"], entry["path"]) == (
        "key:lead",
        "forbidden",
        "catalog.write",
        "/teams/{name}",
    )
