"""Proofs that are not given, over HTTP, and why: to whom, of what, and of what would not hold."""

import asyncio

import asyncpg
import pytest

from pulseops.access.permissions import Role
from pulseops.audit.proving import position_named
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.ids import new_id
from tests.integration.proving import holds, inclusion, sign
from tests.integration.sealing import grow
from tests.integration.tenants import tenant
from tests.keys import a_key
from tests.serving import Api

_PROOFS = ("proofs/inclusion?position=1", "proofs/consistency?from=1")


async def refused(api: Api, path: str) -> tuple[int, str, str]:
    answer = await api.get(path)
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("detail", "")


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


async def test_an_id_that_is_not_found_in_time_is_to_be_named_otherwise(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await app.execute("SET statement_timeout = 100")
    async with admin.transaction():
        await admin.execute("LOCK TABLE eventstore.event")
        with pytest.raises(InvalidInput, match="too long to be looked through"):
            await position_named(app, 1, new_id())
