"""Who could do what, as of any moment: keys and users folded from history."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from pulseops.access.as_of import Then, users_as_of
from pulseops.access.between import access_between
from pulseops.access.people import sight
from pulseops.access.person import LOG
from pulseops.access.roster import list_users
from pulseops.access.sign_in import Identity
from pulseops.eventstore.differences import place_in
from pulseops.eventstore.history import newest
from pulseops.eventstore.moments import span_of
from pulseops.kernel import cursors
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.moments import At
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api, serving


async def head(api: Api) -> int:
    return await newest(api.app.state.pool, 1)


async def told(api: Api, path: str, **wanted: Any) -> dict[str, Any]:
    answer = await api.get(path, params=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def but_use(keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what history does not tell."""
    return [{**one, "lastUsedAt": None} for one in keys]


async def test_keys_are_told_as_they_were_after_each_thing_that_was_done_to_them(api: Api) -> None:
    body = {"name": "ci", "role": "responder", "teams": ["payments"], "rate": 5, "source": "grafana"}
    made = (await api.post("/keys", json=body)).json()
    listed = [(await head(api), but_use((await told(api, "/keys"))["items"]))]
    for change in ("rotate", "revoke"):
        if change == "rotate":
            assert (await api.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 900})).is_success
        else:
            assert (await api.delete(f"/keys/{made['id']}")).is_success
        listed.append((await head(api), but_use((await told(api, "/keys"))["items"])))
    assert [items[1]["status"] for _, items in listed] == ["open", "open", "revoked"]
    for position, items in listed:
        answer = await api.get("/keys", params={"asOf": f"@{position}"})
        assert answer.headers["x-pulseops-position"] == str(position)
        then = answer.json()
        assert then["items"] == items
        assert then["unrecorded"] == ["admin"], "the key of the tests is a row, and nothing else"
        one = await told(api, f"/keys/{made['id']}", asOf=f"@{position}")
        assert one == items[1]
    before = await told(api, "/keys", asOf="@0")
    assert (before["items"], before["unrecorded"]) == ([], [])
    assert (await api.get(f"/keys/{made['id']}", params={"asOf": "@0"})).status_code == 404
    assert "secret" not in (await api.get("/keys", params={"asOf": f"@{listed[0][0]}"})).text


async def test_a_key_has_expired_by_the_moment_that_is_asked_for(api: Api) -> None:
    body = {"name": "short", "role": "viewer", "expiresAt": "2999-01-01T00:00:00Z"}
    made = (await api.post("/keys", json=body)).json()
    path = f"/keys/{made['id']}"
    assert (await told(api, path, asOf="2998-12-31T23:59:59Z"))["status"] == "open"
    assert (await told(api, path, asOf="2999-01-01T00:00:00Z"))["status"] == "expired"


async def test_users_are_told_as_they_were_after_each_thing_that_was_done_to_them(
    api: Api, pool: asyncpg.Pool
) -> None:
    ada = Identity(name="ada", subject="s-ada", role="viewer", teams=frozenset({"payments"}), expires=0)
    other = Identity(name="ada", subject="s-ada", role=None, teams=None, expires=0)

    async def seen(identity: Identity) -> None:
        await sight(pool, identity, issuer="https://id.example.com", origin="10.0.0.7", now=utc_now())

    stands = []
    for step in (
        lambda: seen(ada),
        lambda: api.post("/users/ada/grant", json={"role": "manager"}),
        lambda: api.post("/users/ada/revoke", json={}),
        lambda: seen(other),
        lambda: api.post("/users/eve/grant", json={"role": "viewer", "teams": ["security"]}),
        lambda: api.post("/users/ada/grant", json={"role": "admin", "newSubject": True}),
        lambda: api.post("/users/eve/revoke", json={}),
    ):
        await step()
        stands.append((await head(api), await list_users(pool)))
    async with pool.acquire() as connection:
        for position, users in stands:
            assert await users_as_of(connection, Then(position=position, at=utc_now())) == users
    granted = stands[1][0]
    assert (await told(api, "/users/ada", asOf=f"@{granted}"))["role"] == "manager"
    assert [one["name"] for one in (await told(api, "/users", asOf=f"@{granted}"))["items"]] == ["ada"]
    assert (await api.get("/users/eve", params={"asOf": f"@{granted}"})).status_code == 404
    assert LOG == 1


async def test_what_changed_about_access_is_told_with_who_did_it(api: Api) -> None:
    before = await head(api)
    kept = (await api.post("/keys", json={"name": "kept", "role": "viewer"})).json()
    gone = (await api.post("/keys", json={"name": "gone", "role": "ingest"})).json()
    await api.post("/users/eve/grant", json={"role": "viewer"})
    middle = await head(api)
    await api.post(f"/keys/{kept['id']}/rotate")
    await api.delete(f"/keys/{gone['id']}")
    await api.post("/users/eve/grant", json={"role": "manager"})

    first = await told(api, "/access/diff", **{"from": f"@{before}", "to": f"@{middle}"})
    assert [(one["kind"], one["name"], one["what"]) for one in first["items"]] == [
        ("key", "gone", "added"),
        ("key", "kept", "added"),
        ("user", "eve", "added"),
    ]
    assert {"field": "role", "before": None, "after": "ingest"} in first["items"][0]["changes"]
    second = await told(api, "/access/diff", **{"from": f"@{middle}"})
    assert [(one["name"], one["what"]) for one in second["items"]] == [
        ("gone", "removed"),
        ("kept", "changed"),
        ("eve", "changed"),
    ]
    assert second["items"][2]["changes"][0] == {"field": "role", "before": "viewer", "after": "manager"}
    assert [(one["event"], one["actor"]) for one in second["items"][0]["events"]] == [
        ("KEY.REVOKED", "key:admin")
    ]
    whole = await told(api, "/access/diff", **{"from": f"@{before}"})
    assert (whole["items"][0]["name"], whole["items"][0]["what"]) == ("gone", "unchanged")
    assert (await told(api, "/access/diff", **{"from": second["to"]["recordedAt"]}))["items"] == []


async def test_the_pages_of_what_changed_are_of_the_moments_of_the_first(
    api: Api, pool: asyncpg.Pool
) -> None:
    for name in ("a", "b", "c"):
        await api.post("/keys", json={"name": name, "role": "viewer"})
    span = await span_of(pool, At(0), None, log_id=1)
    names, after = list[str](), ("", "")
    async with pool.acquire() as connection:
        while True:
            page = await access_between(connection, span, after=after, most=2, log_id=1)
            names += [one.name for one in page.items]
            if page.next_cursor is None:
                break
            await api.post(f"/users/eve{len(names)}/grant", json={"role": "viewer"})
            again, after = await place_in(connection, page.next_cursor, b"", log_id=1)
            assert again == span
        moments = bytes(16)
        # Whoever knows how they are written may write one.
        for forged in (
            "abc",
            *(cursors.written(moments + name, b"") for name in (b"", b"x", b"\xff", b"k:\0")),
        ):
            with pytest.raises(InvalidInput):
                await place_in(connection, forged, b"", log_id=1)
    assert names == ["a", "b", "c"], "others came after the first page"


async def test_a_caller_sees_of_the_past_what_it_sees_now(api: Api) -> None:
    token = await a_key(api.app.state.pool, "limited", role="admin", teams=("payments",))
    await api.post("/keys", json={"name": "theirs", "role": "viewer", "teams": ["security"]})
    await api.post("/keys", json={"name": "ours", "role": "viewer", "teams": ["payments"]})
    viewer = await a_key(api.app.state.pool, "viewer", role="viewer")
    api.app.state.doorkeeper.forget()
    api.headers["authorization"] = f"Bearer {token}"
    now = f"@{await head(api)}"
    assert [one["name"] for one in (await told(api, "/keys", asOf=now))["items"]] == ["limited", "ours"]
    found = (await told(api, "/access/diff", **{"from": "@0"}))["items"]
    assert [one["name"] for one in found] == ["ours"]
    api.headers["authorization"] = f"Bearer {viewer}"
    assert (await api.get("/access/diff", params={"from": "@0"})).status_code == 403


async def test_who_asks_for_much_of_the_past_leaves_connections_to_the_others(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with serving(database.app_url, pool_size=4) as api:
        made = (await api.post("/incident", json={"title": "Disk full"})).json()
        async with admin.transaction():
            await admin.execute("LOCK TABLE access.person")
            paths = ("/access/diff?from=@0", "/users?asOf=@1") * 3
            waiting = [asyncio.create_task(api.get(path)) for path in paths]
            async with asyncio.timeout(5):
                # All of them are there by now: what is too much is refused, the rest waits for the lock.
                while not any(one.done() for one in waiting):  # noqa: ASYNC110 -- or the timeout tells
                    await asyncio.sleep(0.01)
            assert (await api.get(f"/incident/{made['id']}")).status_code == 200
            assert not all(one.done() for one in waiting)
        statuses = {(await one).status_code for one in waiting}
    assert statuses == {200, 503}
