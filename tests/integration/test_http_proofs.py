"""Proofs over HTTP: each holds by a few lines of the RFC and by the public key."""

import asyncio
import json
from base64 import b64decode
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.cloudevent import CloudEvent
from pulseops.audit.notary import Keys
from pulseops.audit.note import Signer
from pulseops.audit.proof import Consistency, Inclusion, NotProved, Proof
from pulseops.eventstore.cloudevents import LINES
from pulseops.eventstore.export import Wanted
from pulseops.kernel.ids import new_id
from tests.integration.appending import append, request
from tests.integration.proving import KEYS, consistency, growth, holds, inclusion, leaves_of, sign, signed_by
from tests.integration.sealing import grow, mth, sealed_up_to
from tests.integration.strange import STRANGE, store
from tests.serving import Api

T = TypeVar("T")


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
    with pytest.raises(NotProved, match="No key that is trusted"):
        proof.check([rotated.signer.verifier])
    await sign(app, pool, 10, rotated)
    assert holds(await inclusion(api, position=4), Keys(signer=rotated.signer))


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
    assert (await api.get(f"/audit/proofs/inclusion?incident={stream}&version=4")).status_code == 404
