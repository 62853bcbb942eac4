"""Subscriptions over HTTP: each operator sees and steers the log of their key."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pulseops.access import recording
from pulseops.access.recording import local
from pulseops.eventstore.within import versions
from pulseops.kernel.clock import utc_now
from pulseops.operations import acting
from tests.integration.following import begin
from tests.integration.venom import rounds
from tests.serving import Api

STREAM = UUID(int=(7 << 64) + 7)


@pytest.fixture(autouse=True)
async def _followed(admin: asyncpg.Connection) -> None:
    await rounds(admin, (STREAM,), 3)
    await begin(admin, "deadline")
    await begin(admin, "incident")
    await begin(admin, "follower")


async def test_a_stream_is_parked_seen_and_wanted_again(api: Api, admin: asyncpg.Connection) -> None:
    path = "/subscriptions/deadline"
    made = await api.post(f"{path}/park", json={"streamId": str(STREAM)})
    assert (made.status_code, made.json()) == (200, {"streamId": str(STREAM), "position": 1})
    found = (await api.get("/subscriptions")).json()
    assert found["position"] == 4, "what the operator did is the newest event"
    follows = next(one for one in found["subscriptions"] if one["name"] == "deadline")
    assert (follows["positions"], follows["parked"], follows["owner"]) == (4, 1, None)
    [one] = found["parked"]
    assert (one["streamId"], one["position"], one["wanted"]) == (str(STREAM), 1, False)
    wanted = await api.post(f"{path}/retry")
    assert (wanted.status_code, wanted.json()) == (202, {"streamIds": [str(STREAM)]})
    assert (await api.get("/subscriptions")).json()["parked"][0]["wanted"]
    ready = (await api.get("/health/ready")).json()
    assert "deadline of log default has parked streams: 1" in ready["reasons"]
    labels = 'log="default",shard="0",subscription="deadline"'
    assert f"pulseops_subscription_parked_streams{{{labels}}} 1.0" in (await api.get("/metrics")).text


async def test_a_park_that_is_repeated_finds_the_stream_parked_and_withdraws_a_try(
    api: Api, admin: asyncpg.Connection
) -> None:
    path, body = "/subscriptions/deadline", {"streamId": str(STREAM)}
    first = await api.post(f"{path}/park", json=body)
    await admin.execute("UPDATE eventstore.subscription SET position = 3")
    await api.post(f"{path}/retry")
    again = await api.post(f"{path}/park", json=body)
    assert (again.status_code, again.content) == (200, first.content)
    [one] = (await api.get("/subscriptions")).json()["parked"]
    assert (one["streamId"], one["position"], one["wanted"]) == (str(STREAM), 1, False)


async def test_a_reset_is_confirmed_and_never_for_a_read_model(api: Api, admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE eventstore.subscription SET position = 3")
    path = "/subscriptions/deadline/reset"
    refused = await api.post(path, json={"confirm": False})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/confirm")
    done = await api.post(path, json={"confirm": True, "position": 1})
    assert (done.status_code, done.json()) == (200, {"position": 1})
    forward = await api.post(path, json={"confirm": True, "position": 2})
    assert (forward.status_code, forward.json()["code"]) == (409, "subscription-conflict")
    model = await api.post("/subscriptions/incident/reset", json={"confirm": True})
    assert (model.status_code, "projections rebuild incident" in model.json()["detail"]) == (409, True)


_COMMANDS = {"park": {"streamId": str(STREAM)}, "retry": {}, "reset": {"confirm": True}}
_STANDS = "SELECT name, position, parked, epoch FROM eventstore.subscription ORDER BY name"
# The connection goes while the transaction commits, or before it does.
_LOST = """
    CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
      AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER lost AFTER INSERT OR UPDATE ON eventstore.parked
      DEFERRABLE INITIALLY {when} FOR EACH ROW EXECUTE FUNCTION lost();
    CREATE CONSTRAINT TRIGGER lost AFTER UPDATE ON eventstore.subscription
      DEFERRABLE INITIALLY {when} FOR EACH ROW EXECUTE FUNCTION lost();
"""


@pytest.mark.parametrize("verb", _COMMANDS)
@pytest.mark.parametrize(
    ("when", "answer"), [("DEFERRED", (504, "outcome-unknown")), ("IMMEDIATE", (503, "unavailable"))]
)
async def test_a_connection_that_is_lost_at_the_commit_leaves_the_outcome_unknown(
    api: Api, admin: asyncpg.Connection, verb: str, when: str, answer: tuple[int, str]
) -> None:
    path = "/subscriptions/deadline"
    if verb == "retry":
        await api.post(f"{path}/park", json=_COMMANDS["park"])
    await admin.execute(_LOST.format(when=when))
    lost = await api.post(f"{path}/{verb}", json=_COMMANDS[verb])
    assert (lost.status_code, lost.json()["code"]) == answer
    assert int(lost.headers["retry-after"]) > 0
    told = (await api.get("/openapi.json")).json()["paths"][f"/subscriptions/{{name}}/{verb}"]["post"]
    assert answer[1] in told["responses"][str(answer[0])]["content"]["application/problem+json"]["examples"]


@pytest.mark.parametrize("verb", _COMMANDS)
async def test_what_was_asked_under_a_key_is_done_once_and_answered_the_same(
    api: Api, admin: asyncpg.Connection, verb: str
) -> None:
    path, body, key = "/subscriptions/deadline", _COMMANDS[verb], {"idempotency-key": "once"}
    await admin.execute("UPDATE eventstore.subscription SET position = 2 WHERE name = 'deadline'")
    if verb == "retry":
        await api.post(f"{path}/park", json=_COMMANDS["park"])
    first = await api.post(f"{path}/{verb}", json=body, headers=key)
    assert first.is_success
    assert "idempotency-replayed" not in first.headers
    # Meanwhile the subscription went on, and its stream was taken back: nothing stands as it did.
    await admin.execute("TRUNCATE eventstore.parked")
    await admin.execute("UPDATE eventstore.subscription SET position = 3, parked = '{}'")
    before = await admin.fetch(_STANDS)
    again = await api.post(f"{path}/{verb}", json=body, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await api.post(f"/subscriptions/follower/{verb}", json=body, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await admin.fetch(_STANDS) == before
    acts = (await api.get("/audit?what=ADMIN.ACTED")).json()["items"]
    assert len([one for one in acts if one["subject"].startswith(f"subscription:deadline {verb}")]) == 1


async def test_of_what_is_asked_twice_at_once_under_a_key_one_is_done(
    api: Api, admin: asyncpg.Connection
) -> None:
    body, key = {"confirm": True, "position": 1}, {"idempotency-key": "once"}
    await admin.execute("UPDATE eventstore.subscription SET position = 3")
    asked = (api.post("/subscriptions/deadline/reset", json=body, headers=key) for _ in range(8))
    answers = await asyncio.gather(*asked)
    assert {(one.status_code, one.content) for one in answers} == {(200, b'{"position":1}')}
    assert sum("idempotency-replayed" in one.headers for one in answers) == 7
    assert len((await api.get("/audit?what=ADMIN.ACTED")).json()["items"]) == 1


async def test_the_audit_trail_says_what_was_done_to_which_stream(api: Api) -> None:
    await api.post("/subscriptions/deadline/park", json=_COMMANDS["park"])
    [act] = (await api.get("/audit?what=ADMIN.ACTED")).json()["items"]
    assert act["subject"] == f"subscription:deadline park {STREAM}"
    assert (act["streamIds"], act["fromPosition"], act["action"]) == (
        [str(STREAM)],
        1,
        "subscriptions.operate",
    )
    assert (act["action"], act["method"], act["path"]) == (
        "subscriptions.operate",
        "POST",
        "/subscriptions/{name}/park",
    )


async def test_an_act_is_recorded_after_whoever_came_between(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, others = api.app.state.pool, ["ci"]

    async def late(*streams: Any, log_id: int) -> Any:
        found = await versions(*streams, log_id=log_id)
        if others:
            made = await api.post("/keys", json={"name": others.pop(), "role": "viewer"})
            assert made.status_code == 201
        return found

    monkeypatch.setattr(recording, "versions", late)
    assert await acting.shard(pool, local("cli", now=utc_now()), "deadline", 2, log_id=1) == 0
    acts = (await api.get("/audit?what=ADMIN.ACTED")).json()["items"]
    assert [act["who"] for act in acts] == ["system:cli", "key:admin"]


@pytest.mark.parametrize("verb", _COMMANDS)
async def test_a_name_that_postgresql_cannot_hold_is_not_found(api: Api, verb: str) -> None:
    answer = await api.post(f"/subscriptions/%00/{verb}", json=_COMMANDS[verb])
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_what_there_is_not_is_not_found(api: Api) -> None:
    assert (await api.post("/subscriptions/nobody/retry")).status_code == 404
    body = {"streamId": str(STREAM)}
    assert (await api.post("/subscriptions/deadline/retry", json=body)).status_code == 404
    assert (await api.get("/subscriptions", headers={"authorization": ""})).status_code == 401
