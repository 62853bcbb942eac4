"""Proofs over HTTP: each holds by a few lines of the RFC, and none is given that would not."""

import asyncio
import json
from base64 import b64decode
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.access.permissions import Role
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.cloudevent import CloudEvent
from pulseops.audit.notary import Keys
from pulseops.audit.note import NotSigned, Signer
from pulseops.audit.proof import Consistency, Inclusion, Proof
from pulseops.eventstore.cloudevents import LINES
from pulseops.eventstore.export import Wanted
from pulseops.kernel.ids import new_id
from tests.integration.appending import append, request
from tests.integration.proving import KEYS, consistency, growth, holds, inclusion, leaves_of, sign, signed_by
from tests.integration.sealing import grow, mth, sealed_up_to
from tests.integration.strange import STRANGE, store
from tests.integration.tenants import tenant
from tests.keys import a_key
from tests.serving import Api

T = TypeVar("T")
_PROOFS = ("proofs/inclusion?position=1", "proofs/consistency?from=1")


async def refused(api: Api, path: str) -> tuple[int, str, str]:
    answer = await api.get(path)
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("detail", "")


def read(told: dict[str, Any], kind: type[T]) -> T:
    return msgspec.json.decode(msgspec.json.encode(told), type=kind)


async def test_each_event_is_proved_to_be_in_what_was_signed(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    for size in (1, 2, 7, 20):
        await grow(app, size - len(await leaves_of(app)))
        await sign(app, pool, size)
        for position in range(1, size + 1):
            found = await inclusion(api, position=position)
            assert (found["position"], found["index"], found["size"]) == (position, position - 1, size)
            assert holds(found)


async def test_proofs_of_a_tree_with_several_tiles_hold(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 600)
    await sign(app, pool, 600)
    for position in (1, 256, 257, 511, 512, 513, 600):
        found = await inclusion(api, position=position)
        assert holds(found)
        assert read(found, Inclusion).check(KEYS.verifiers).size == 600


async def test_an_event_is_named_by_its_place_its_id_or_its_incident(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    made = (await api.post("/incident", json={"title": "Überlauf 🌊", "labels": {"a": "1e400"}})).json()
    await sign(app, pool, 3)
    first = await inclusion(api, position=2)
    assert (first["event"]["type"], first["event"]["subject"]) == ("CLASSIFIED", made["id"])
    assert await inclusion(api, incident=made["id"], version=2) == first
    assert await inclusion(api, eventId=first["event"]["id"]) == first


async def test_the_event_of_a_proof_leads_to_the_entry_that_was_sealed(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await api.post("/incident", json={"title": 'Überlauf "🌊" \\', "labels": {"z": "1", "a": "\u2028"}})
    await sign(app, pool, 3)
    for position in (1, 2, 3):
        found = await inclusion(api, position=position)
        assert CloudEvent.parsed(json.dumps(found["event"])).entry == b64decode(found["entry"])


async def test_in_text_it_is_a_tlog_proof(api: Api, app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    await grow(app, 10)
    await sign(app, pool, 10)
    found = await inclusion(api, position=4)
    answer = await api.get("/audit/proofs/inclusion?position=4", headers={"accept": "text/plain"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    first, extra, index, *rest = answer.text.split("\n")
    assert (first, extra, index) == ("c2sp.org/tlog-proof@v1", f"extra {found['entry']}", "index 3")
    assert rest[: len(found["hashes"]) + 1] == [*found["hashes"], ""]
    assert answer.text.endswith("\n\n" + found["checkpoint"])
    Proof.parsed(answer.text).check(b64decode(found["entry"]), KEYS.verifiers)


async def test_an_event_is_proved_under_an_older_checkpoint_as_well(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sign(app, pool, 5)
    [kept] = [(await api.get("/audit/checkpoint")).text]
    await sign(app, pool, 10)
    found = await inclusion(api, position=4, size=5)
    assert found["checkpoint"] is None
    assert (found["size"], b64decode(found["root"])) == signed_by(kept)
    assert holds(found | {"checkpoint": kept})
    refusal = await api.get("/audit/proofs/inclusion?position=4&size=5", headers={"accept": "text/plain"})
    assert (refusal.status_code, refusal.json()["errors"][0]["parameter"]) == (422, "size")
    assert (await inclusion(api, position=4, size=10))["checkpoint"] is not None


async def test_that_history_only_grew_is_proved_between_any_two_sizes(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 12)
    await sign(app, pool, 12)
    leaves = await leaves_of(app)
    for newer in (1, 2, 7, 8, 12):
        for older in range(1, newer + 1):
            found = await consistency(api, **{"from": older, "to": newer})
            assert [b64decode(one) for one in found["hashes"]] == growth(older, leaves[:newer])
            assert b64decode(found["from"]["root"]) == mth(leaves[:older])
            assert b64decode(found["to"]["root"]) == mth(leaves[:newer])
            assert (found["checkpoint"] is None) is (newer != 12)
    found = await consistency(api, **{"from": 5})
    assert found["to"]["size"] == 12
    kept = Checkpoint(origin="pulseops/test/default", size=5, root=mth(leaves[:5]))
    assert read(found, Consistency).check(kept, KEYS.verifiers).size == 12


async def test_a_proof_is_signed_by_the_key_that_signed_then(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    rotated = Keys(signer=Signer.new("pulseops/test"), earlier=tuple(KEYS.verifiers))
    await grow(app, 10)
    await sign(app, pool, 5)
    before = await inclusion(api, position=4)
    await sign(app, pool, 5, rotated)
    assert await inclusion(api, position=4) == before, "nothing is new, so nothing is signed"
    proof = read(before, Inclusion)
    assert proof.check(rotated.verifiers).size == 5
    with pytest.raises(NotSigned):
        proof.check([rotated.signer.verifier])
    await sign(app, pool, 10, rotated)
    assert holds(await inclusion(api, position=4), Keys(signer=rotated.signer))


async def test_what_is_not_signed_yet_is_told_apart_from_what_is_not_there(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    nobody = f"incident={new_id()}&version=1"
    assert (await refused(api, "/audit/checkpoint"))[:2] == (404, "not-found")
    assert (await refused(api, "/audit/proofs/inclusion?position=1"))[:2] == (404, "not-found")
    assert (await refused(api, "/audit/proofs/consistency?from=1"))[:2] == (409, "ahead")
    await grow(app, 10)
    _, code, detail = await refused(api, "/audit/proofs/inclusion?position=1")
    assert (code, "Nothing of this log is signed" in detail) == ("not-signed-yet", True)
    assert (await refused(api, "/audit/proofs/consistency?from=1"))[:2] == (503, "not-signed-yet")
    await sign(app, pool, 5)
    late = await api.get("/audit/proofs/inclusion?position=6")
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    assert "5 events of this log are signed. A worker with PULSEOPS_AUDIT_KEY" in late.json()["detail"]
    for path, expected in (
        ("inclusion?position=11", (404, "not-found")),
        (f"inclusion?{nobody}", (404, "not-found")),
        (f"inclusion?eventId={new_id()}", (404, "not-found")),
        ("inclusion?position=1&size=6", (503, "not-signed-yet")),
        ("inclusion?position=1&size=11", (409, "ahead")),
        ("consistency?from=1&to=6", (503, "not-signed-yet")),
        ("consistency?from=6", (422, "invalid-input")),
        ("consistency?from=11&to=11", (409, "ahead")),
        (f"consistency?from=1&to={2**63 - 1}", (409, "ahead")),
        (f"inclusion?position={2**63 - 1}", (404, "not-found")),
    ):
        assert (await refused(api, f"/audit/proofs/{path}"))[:2] == expected, path


async def test_questions_that_make_no_sense_are_refused_as_such(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sign(app, pool, 10)
    for path in (
        "inclusion",
        "inclusion?version=1",
        f"inclusion?incident={new_id()}",
        f"inclusion?position=1&eventId={new_id()}",
        "inclusion?position=1&version=1",
        "inclusion?position=0",
        "inclusion?position=-1",
        f"inclusion?position={2**63}",
        "inclusion?position=5&size=4",
        "inclusion?position=1&size=0",
        "inclusion?eventId=1",
        "consistency",
        "consistency?from=0",
        "consistency?from=4&to=3",
        "consistency?from=4&to=0",
        "consistency?from=4&size=5",
    ):
        assert (await refused(api, f"/audit/proofs/{path}"))[:2] == (422, "invalid-input"), path


async def test_a_key_sees_the_history_of_its_own_log_alone(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sign(app, pool, 10)
    theirs = (await inclusion(api, position=4))["event"]
    other = await tenant(api, "second")
    for path in (
        "checkpoint",
        "tile/0/000.p/1",
        "proofs/inclusion?position=4",
        f"proofs/inclusion?eventId={theirs['id']}",
        f"proofs/inclusion?incident={theirs['subject']}&version={theirs['version']}",
    ):
        assert (await other.get(f"/audit/{path}")).status_code == 404, path
    assert (await other.get("/audit/proofs/consistency?from=1")).json()["code"] == "ahead"


async def test_who_may_not_read_the_whole_log_is_refused(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sign(app, pool, 10)
    others: tuple[tuple[Role, tuple[str, ...] | None], ...] = (
        *(("viewer", None), ("responder", None), ("manager", None), ("ingest", None)),
        *(("auditor", ("payments",)), ("admin", ("network",))),
    )
    tokens = [await a_key(pool, f"key-{n}", role=role, teams=teams) for n, (role, teams) in enumerate(others)]
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    for token in tokens:
        api.headers["authorization"] = f"Bearer {token}"
        for path in ("checkpoint", "tile/0/000.p/10", "tile/nothing", *_PROOFS):
            assert (await refused(api, f"/audit/{path}"))[:2] == (403, "forbidden"), path


async def test_the_checkpoint_comes_as_it_was_signed_and_once(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sign(app, pool, 5)
    note = await pool.fetchval("SELECT note FROM audit.checkpoint")
    answer = await api.get("/audit/checkpoint")
    assert answer.content == note.encode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    known = {"if-none-match": answer.headers["etag"]}
    same = await api.get("/audit/checkpoint", headers=known)
    assert (same.status_code, same.content) == (304, b"")
    await sign(app, pool, 10)
    assert (await api.get("/audit/checkpoint", headers=known)).status_code == 200


# What somebody who has the database does to it: no proof is given that would not hold.
_TREE = {
    "a tile is gone": "DELETE FROM audit.tile",
    "a hash is another": r"UPDATE audit.tile SET hashes = overlay(hashes placing '\x00' from 40)",
    "a tile is cut": "UPDATE audit.tile SET hashes = substr(hashes, 1, 64)",
    "the checkpoint is none": "UPDATE audit.checkpoint SET note = 'trust me'",
    "it is of more": r"UPDATE audit.checkpoint SET note = replace(note, E'\n10\n', E'\n11\n')",
    "it is of far more": r"UPDATE audit.checkpoint SET note = replace(note, E'\n10\n', E'\n999999999999\n')",
    "it is of less": r"UPDATE audit.checkpoint SET note = replace(note, E'\n10\n', E'\n9\n')",
}
_EVENTS = {
    "an event is another": 'UPDATE eventstore.event SET data = \'{"text": "forged"}\' WHERE position = 4',
    "an event's cause is another": "UPDATE eventstore.event SET meta = '{}' WHERE position = 4",
    "an event is gone": "DELETE FROM eventstore.event WHERE position = 4",
}
_KEPT = ("audit.tile", "audit.checkpoint", "eventstore.event")


async def test_what_is_not_as_it_was_signed_is_never_proved(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    await grow(app, 10)
    await sign(app, pool, 10)
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    for number, table in enumerate(_KEPT):
        await admin.execute(f"CREATE TABLE kept_{number} AS TABLE {table}")
    for what, attack in (_TREE | _EVENTS).items():
        await admin.execute(attack)
        assert (await refused(api, "/audit/proofs/inclusion?position=4"))[:2] == (500, "tree-damaged"), what
        for path in ("from=3", "from=3&to=8") if what in _TREE else ():
            found = await refused(api, f"/audit/proofs/consistency?{path}")
            assert found[:2] == (500, "tree-damaged"), what
        for number, table in enumerate(_KEPT):
            await admin.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{number}")
        assert holds(await inclusion(api, position=4))


async def test_what_only_others_write_is_proved_as_well(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    for data, meta in STRANGE:
        await store(app, data, meta)
    await sign(app, pool, len(STRANGE))
    for position, (data, _) in enumerate(STRANGE, start=1):
        answer = await api.get(f"/audit/proofs/inclusion?position={position}")
        text = await api.get(f"/audit/proofs/inclusion?position={position}", headers={"accept": "text/plain"})
        proof = Proof.parsed(text.text)
        assert proof.entry is not None
        assert proof.check(proof.entry, KEYS.verifiers).size == len(STRANGE)
        if data.count("[") < 1_000:  # beyond what JSON can be nested for who reads it
            found = msgspec.json.decode(answer.content, type=Inclusion)
            assert found.check(KEYS.verifiers).size == len(STRANGE), data
            line = await app.fetchval(LINES, *Wanted().between(position - 1, position))
            assert CloudEvent.parsed(line).entry == proof.entry
            assert msgspec.json.encode(CloudEvent.parsed(line)) == msgspec.json.encode(found.event)


async def test_proofs_hold_while_the_log_grows(api: Api, app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    await grow(app, 300)
    await sign(app, pool, 250)

    async def on() -> None:
        for size in range(251, 301, 7):
            await sign(app, pool, size)

    async def prove() -> None:
        for position in range(1, 251, 10):
            assert holds(await inclusion(api, position=position))

    await asyncio.gather(on(), prove(), prove())


async def test_an_event_of_a_stream_without_end_is_found_by_its_version(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    stream: UUID = new_id()
    for at in range(3):
        await append(app, request(stream, at=at), request())
    await sealed_up_to(app, 6)
    await sign(app, pool, 6)
    assert (await inclusion(api, incident=stream, version=3))["position"] == 5
    assert (await refused(api, f"/audit/proofs/inclusion?incident={stream}&version=4"))[0] == 404
