"""Users: by their groups, by what an administrator granted, and no more once they are revoked."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from pulseops.access import users as door
from pulseops.access.permissions import ROLES, Action, allowed
from tests.conftest import Database
from tests.integration.bearing import bearing, flushed
from tests.integration.following import until
from tests.issuer import Issuer, sign_in_file
from tests.keys import a_key
from tests.serving import Api, serving

_FACTS = "SELECT type, data::text AS data FROM eventstore.event WHERE type LIKE 'USER.%' ORDER BY position"


async def as_user(api: Api, token: str, path: str = "/whoami") -> tuple[int, dict[str, object]]:
    answer = await api.get(path, headers=bearing(token))
    return answer.status_code, answer.json()


async def test_the_first_group_that_is_listed_decides_and_no_group_is_no_access(
    api: Api, issuer: Issuer
) -> None:
    both = issuer.token(groups=["auditors", "sre"])
    assert (await as_user(api, both))[1]["role"] == "responder"
    nobody = issuer.token(sub="s-eve", preferred_username="eve", groups=["sales"])
    for token in (nobody, issuer.token(sub="s-eve", preferred_username="eve", groups=None)):
        status, told = await as_user(api, token)
        assert (status, told["code"]) == (403, "no-access")
    nameless = issuer.token(sub="s-x", preferred_username="a\nb")
    assert (await as_user(api, nameless))[1]["code"] == "no-access"
    trail = await flushed(api)
    assert {(one["who"], one.get("count")) for one in trail if one.get("code") == "no-access"} == {
        ("user:eve", 2),
        ("anonymous", 1),
    }
    facts = await api.app.state.pool.fetch(_FACTS)
    assert [(row["type"], json.loads(row["data"])["name"]) for row in facts] == [("USER.SEEN", "ada")]
    assert [one["name"] for one in (await api.get("/users")).json()["items"]] == ["ada"]


async def test_what_is_granted_counts_more_than_the_groups_and_waits_for_the_user(
    api: Api, issuer: Issuer
) -> None:
    body = {"role": "manager", "teams": ["payments"]}
    key = {"idempotency-key": "k"}
    granted = await api.post("/users/eve/grant", json=body, headers=key)
    assert (granted.status_code, granted.json()["status"]) == (200, "awaited")
    again = await api.post("/users/eve/grant", json=body, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (granted.json(), "true")
    assert (await api.post("/users/eve/grant", json=body)).json() == granted.json()
    other = await api.post("/users/eve/grant", json={"role": "admin"}, headers=key)
    assert other.json()["code"] == "idempotency-key-reused"
    eve = issuer.token(sub="s-eve", preferred_username="eve", groups=["admins"])
    told = (await as_user(api, eve))[1]
    assert (told["role"], told["teams"]) == ("manager", ["payments"])
    shown = (await api.get("/users/eve")).json()
    assert (shown["status"], shown["subject"], shown["granted"]) == ("active", "s-eve", True)
    facts = [row["type"] for row in await api.app.state.pool.fetch(_FACTS)]
    assert facts == ["USER.GRANTED", "USER.SEEN"]
    acts = [one for one in await flushed(api) if one["what"] == "ADMIN.ACTED"]
    assert [(one["who"], one["action"], one["subject"]) for one in acts] == [
        ("key:admin", "users.write", "user:eve grant")
    ]


@pytest.mark.parametrize("verb", ["grant", "revoke"])
async def test_a_key_remembers_what_changed_nothing_of_a_user_too(api: Api, verb: str) -> None:
    body, other = {"role": "viewer"}, "revoke" if verb == "grant" else "grant"
    await api.post("/users/eve/grant", json=body)

    async def ask(what: str, **key: str) -> httpx.Response:
        return await api.post(f"/users/eve/{what}", json=body if what == "grant" else {}, headers=key)

    await ask(verb)
    first = await ask(verb, **{"idempotency-key": "k"})
    assert "idempotency-replayed" not in first.headers
    await ask(other)
    again = await ask(verb, **{"idempotency-key": "k"})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    stands = (await api.get("/users/eve")).json()["status"]
    assert stands == ("revoked" if other == "revoke" else "awaited")
    facts = [row["type"] for row in await api.app.state.pool.fetch(_FACTS)]
    assert facts == ["USER.GRANTED", "USER.REVOKED", "USER.GRANTED"][: 2 if verb == "grant" else 3]


async def test_a_name_stays_with_its_subject_and_a_subject_with_its_name(api: Api, issuer: Issuer) -> None:
    assert (await as_user(api, issuer.token()))[0] == 200
    thief = issuer.token(sub="s-eve")
    assert (await as_user(api, thief))[1]["code"] == "no-access"
    renamed = issuer.token(preferred_username="lovelace")
    assert (await as_user(api, renamed))[1]["actor"] == "user:ada"
    await api.post("/users/ada/revoke")
    await asyncio.sleep(1)  # the promise itself
    assert (await as_user(api, renamed))[1]["code"] == "no-access"
    await api.post("/users/ada/grant", json={"role": "viewer", "newSubject": True})
    await asyncio.sleep(1)
    assert (await as_user(api, thief))[1]["role"] == "viewer"


async def test_who_is_revoked_is_refused_by_every_process_within_a_second(
    database: Database, issuer: Issuer, tmp_path: Path
) -> None:
    path = sign_in_file(tmp_path, issuer.url)
    async with serving(database.app_url, oidc=path) as one:
        other = await a_key(one.app.state.pool, "other")
        async with serving(database.app_url, token=other, oidc=path) as two:
            token = issuer.token()
            for api in (one, two):
                assert (await as_user(api, token))[0] == 200
            revoked = (await one.post("/users/ada/revoke")).json()
            assert revoked["status"] == "revoked"
            assert (await one.post("/users/ada/revoke")).json() == revoked
            await asyncio.sleep(1)  # the promise itself
            for api in (one, two):
                status, told = await as_user(api, token)
                assert (status, told["code"]) == (403, "no-access")
            await two.post("/users/ada/grant", json={"role": "viewer"})
            await asyncio.sleep(1)
            for api in (one, two):
                assert (await as_user(api, token))[1]["role"] == "viewer"


async def test_an_administrator_of_some_teams_sees_and_grants_those_alone(api: Api, issuer: Issuer) -> None:
    limited = bearing(await a_key(api.app.state.pool, "limited", teams=("payments",)))
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    await as_user(api, issuer.token())
    await api.post("/users/bob/grant", json={"role": "viewer", "teams": ["payments"]})
    listed = (await api.get("/users", headers=limited)).json()["items"]
    assert [one["name"] for one in listed] == ["bob"]
    everything = {"role": "viewer"}
    assert (await api.post("/users/eve/grant", json=everything, headers=limited)).status_code == 403
    for name in ("ada", "nobody", "no%20name", "a" * 200):
        assert (await api.get(f"/users/{name}", headers=limited)).status_code == 404, name
        assert (await api.post(f"/users/{name}/revoke", headers=limited)).status_code == 404, name
    mine = {"role": "viewer", "teams": ["payments"]}
    assert (await api.post("/users/ada/grant", json=mine, headers=limited)).status_code == 404


async def test_other_claims_than_before_count_at_once_and_are_recorded_in_time(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await as_user(api, issuer.token())
    later = issuer.token(groups=["auditors"])
    assert (await as_user(api, later))[1]["role"] == "auditor"
    assert len(await api.app.state.pool.fetch(_FACTS)) == 1
    monkeypatch.setattr(door, "_ANEW", door._ANEW * 0)
    assert (await as_user(api, later))[1]["role"] == "auditor"
    facts = [json.loads(row["data"]) for row in await api.app.state.pool.fetch(_FACTS)]
    assert [one["role"] for one in facts] == ["responder", "auditor"]
    gone = issuer.token(groups=[])
    assert (await as_user(api, gone))[1]["code"] == "no-access"
    assert (await api.get("/users/ada")).json()["status"] == "idle"


async def test_a_user_may_do_what_the_role_allows_and_nothing_else(api: Api, issuer: Issuer) -> None:
    asked: dict[tuple[str, str], Action] = {
        ("POST", "/incident"): "incident.report",
        ("GET", "/incidents"): "incident.read",
        ("GET", "/teams"): "catalog.read",
        ("GET", "/subscriptions"): "subscriptions.read",
        ("GET", "/keys"): "keys.read",
        ("POST", "/keys"): "keys.write",
        ("GET", "/users"): "users.read",
        ("POST", "/users/nobody/revoke"): "users.write",
        ("GET", "/audit"): "audit.read",
        ("GET", "/whoami"): "whoami",
    }
    for role in ROLES:
        await api.post(f"/users/{role}/grant", json={"role": role})
    for role in ROLES:
        user = bearing(issuer.token(sub=role, preferred_username=role, groups=["admins"]))
        for (method, path), action in asked.items():
            body = {"title": "a", "name": "b"} if method == "POST" else None
            answer = await api.request(method, path, json=body, headers=user)
            refused = answer.status_code == 403 and answer.json()["code"] == "forbidden"
            assert refused is not allowed(role, action), (role, method, path, answer.text)


async def test_what_a_user_administers_is_on_record_under_their_name(api: Api, issuer: Issuer) -> None:
    admin = bearing(issuer.token(groups=["admins"]))
    made = await api.post("/keys", json={"name": "ci", "role": "viewer"}, headers=admin)
    assert made.status_code == 201, made.text
    assert (await api.post("/users/bob/grant", json={"role": "viewer"}, headers=admin)).status_code == 200
    acts = [one for one in await flushed(api) if one["what"] == "ADMIN.ACTED"]
    assert {(one["who"], one.get("keyId")) for one in acts} == {("user:ada", None)}
    assert {one["action"] for one in acts} == {"keys.write", "users.write"}


async def test_a_stream_ends_with_the_access_of_whoever_follows_it(api: Api, issuer: Issuer) -> None:
    doorkeeper, head = api.app.state.doorkeeper, {b"authorization": f"Bearer {issuer.token()}".encode()}
    who = await doorkeeper.admit(head[b"authorization"])
    assert await doorkeeper.still(head, who)
    await api.post("/users/ada/grant", json={"role": "viewer"})
    await asyncio.sleep(1)  # the promise itself
    assert not await doorkeeper.still(head, who), "it may see other things than before"
    who = await doorkeeper.admit(head[b"authorization"])
    await api.post("/users/ada/revoke")
    await asyncio.sleep(1)
    assert not await doorkeeper.still(head, who)


async def test_who_is_renamed_and_has_other_groups_is_still_the_same(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await as_user(api, issuer.token())
    monkeypatch.setattr(door, "_ANEW", door._ANEW * 0)
    renamed = issuer.token(preferred_username="lovelace", groups=["auditors"])
    assert (await as_user(api, renamed))[1]["actor"] == "user:ada"
    [one] = (await api.get("/users")).json()["items"]
    assert (one["name"], one["role"]) == ("ada", "auditor")


async def test_many_who_come_first_at_the_same_time_are_one_user(api: Api, issuer: Issuer) -> None:
    tokens = [issuer.token(jti=str(one)) for one in range(8)]
    found = await asyncio.gather(*(as_user(api, token) for token in tokens))
    assert {status for status, _ in found} == {200}
    assert {row["type"] for row in await api.app.state.pool.fetch(_FACTS)} == {"USER.SEEN"}
    assert [one["name"] for one in (await api.get("/users")).json()["items"]] == ["ada"]


async def test_who_comes_first_from_two_places_at_once_is_one_user(api: Api, issuer: Issuer) -> None:
    pool = api.app.state.pool
    async with pool.acquire() as other:
        elsewhere = other.transaction()
        await elsewhere.start()
        await other.execute(_SEEN, issuer.url)
        here = asyncio.create_task(as_user(api, issuer.token()))
        await until(lambda: pool.fetchval(_WAITING))
        await elsewhere.commit()
    status, told = await here
    assert (status, told["actor"]) == (200, "user:lovelace"), "under the name that was there first"


_SEEN = """
INSERT INTO access.person (log_id, name, issuer, subject, claimed_role, created_at, seen_at)
VALUES (1, 'lovelace', $1, 's-ada', 'responder', now(), now())
"""
_WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"


async def test_without_the_setting_a_token_opens_nothing_and_nobody_signs_in(database: Database) -> None:
    async with serving(database.app_url) as api:
        assert (await as_user(api, "ey.ey.ey"))[0] == 401
        for method, path in (("GET", "/login"), ("GET", "/login/callback"), ("POST", "/logout")):
            answer = await api.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
