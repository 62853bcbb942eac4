"""Who attacks history, how, and what catches it.

What is refused whoever asks is in test_immutability.py, guards that were taken away are in
test_audit_guards.py, forged appends in test_forged_appends.py, and what was sealed or signed anew in
test_published.py and test_notary.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import EMPTY
from pulseops.audit.notary import Notary
from pulseops.audit.note import NotSigned, Signer, signed
from pulseops.audit.proving import TreeDamaged, prove_inclusion
from pulseops.audit.registrar import make
from pulseops.audit.sealing import CannotSeal
from pulseops.audit.streams import prove_completeness
from pulseops.audit.walk import strays, walk
from pulseops.db.migrate import migrate
from tests.conftest import Database
from tests.integration.appending import append, request
from tests.integration.attacking import DEAF, LENIENT, OFF, ROLES, attacked
from tests.integration.auditing import SIZE, Scene, scene
from tests.integration.sealing import seal

COPY = """
INSERT INTO eventstore.event_p0000 SELECT log_id, {0}, stream_id, version + {0}, type, schema_version,
  gen_random_uuid(), command_id, occurred_at, {1}, data, meta FROM eventstore.event WHERE position = 600
"""
_SWAP = """
UPDATE eventstore.event_p0000 AS e SET data = o.data, meta = o.meta, event_id = o.event_id
FROM eventstore.event_p0000 AS o WHERE e.position + o.position = 25 AND e.position IN (12, 13)
"""
_OLDER = "UPDATE eventstore.event SET recorded_at = recorded_at - interval '1 day' WHERE position = 300"
_SET = f"{OFF}; UPDATE eventstore.event SET {{0}} WHERE position = 300"
_TILE = (
    "UPDATE audit.tile SET hashes = overlay(hashes PLACING sha256('x') FROM 33) WHERE level = 0 AND index = 1"
)

# What the tables' owner, and so a superuser, can do, and the position and field that `verify` then names.
FOUND_BY_VERIFY: dict[str, tuple[str, int, str]] = {
    "an event is changed": (
        f"{OFF}; UPDATE eventstore.event SET type = 'OTHER' WHERE position = 300",
        300,
        "hash",
    ),
    "an event is dated back": (
        f"{OFF}; {_OLDER}",
        300,
        "hash",
    ),
    "an event is taken out": (f"{OFF}; DELETE FROM eventstore.event WHERE position = 300", 300, "position"),
    "two events are exchanged": (f"{OFF}; {_SWAP}", 12, "hash"),
    "the tail is cut off": (f"{OFF}; DELETE FROM eventstore.event WHERE position > 598", 599, "position"),
    "all is emptied": (f"{OFF}; TRUNCATE eventstore.event_p0000", 1, "position"),
    "a partition is detached": (
        "ALTER TABLE eventstore.event DETACH PARTITION eventstore.event_p0000",
        1,
        "position",
    ),
    "a partition is dropped": ("DROP TABLE eventstore.event_p0000", 1, "position"),
    "the guard is made lenient": (
        f"{LENIENT}; UPDATE eventstore.event SET type = 'OTHER' WHERE position = 17",
        17,
        "hash",
    ),
    "an event is added with a time of before": (
        COPY.format(601, "recorded_at - interval '1 hour'"),
        601,
        "time of recording",
    ),
    "an event is put beside another": (
        f"ALTER TABLE eventstore.event DROP CONSTRAINT event_pkey; {COPY.format(300, 'recorded_at')}",
        300,
        "position",
    ),
    "an event is of a time that never comes": (_SET.format("recorded_at = 'infinity'"), 300, "position"),
    "an event is of a time before all calendars": (
        _SET.format("occurred_at = '0044-03-15 12:00Z BC'"),
        300,
        "position",
    ),
    "an event is of a shape below all": (_SET.format("schema_version = -1"), 300, "position"),
    "an event says nothing": (
        f"ALTER TABLE eventstore.event ALTER data DROP NOT NULL; {_SET.format('data = NULL')}",
        300,
        "position",
    ),
    "a tile is removed": (
        "DELETE FROM audit.tile WHERE level = 0 AND index = 1",
        257,
        "hash that is kept of the event",
    ),
    "a tile is replaced": (_TILE, 258, "hash"),
}

# What the application's login is refused: no more than test_immutability.py has, by the names of the list.
REFUSED = (
    _OLDER,
    COPY.format(601, "recorded_at"),
    DEAF,
    LENIENT,
    "DELETE FROM audit.tile",
    "TRUNCATE audit.tile",
    "DELETE FROM audit.checkpoint",
    "ALTER TABLE audit.tile ADD COLUMN mark int",
)


@pytest.fixture
async def there(
    database: Database, admin: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> AsyncIterator[Scene]:
    await migrate(database.admin_url)  # a copied database has lost what is revoked from PUBLIC
    async with scene(admin, pool, tmp_path) as made:
        yield made


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_done_to_history_is_found_by_verify(there: Scene, role: str) -> None:
    amiss = {}
    for name, (attack, position, field) in FOUND_BY_VERIFY.items():
        size = max(SIZE, position)
        async with attacked(there.admin, attack, role=role) as seen:
            if position > SIZE:  # sealed as any other
                await seal(seen, SIZE, size)
            found = (await walk(seen, 1, size)).divergence
        if found is None or found.position != position or not found.field.startswith(field):
            amiss[name] = found
    assert amiss == {}
    assert await there.verify() is None, "nothing is left of it"


@pytest.mark.parametrize("role", ROLES)
async def test_an_event_that_leaves_a_gap_stops_the_sealer(there: Scene, role: str) -> None:
    async with attacked(there.admin, COPY.format(700, "clock_timestamp()"), role=role) as seen:
        with pytest.raises(CannotSeal, match="no event at position 601"):
            await seal(seen, SIZE, 700)


async def test_the_owner_cannot_leave_the_triggers_behind_by_replica_mode(there: Scene) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with attacked(there.admin, "SET session_replication_role = replica", role="pulseops_owner"):
            pass


async def test_the_application_is_refused_what_its_owner_may(app: asyncpg.Connection, there: Scene) -> None:
    survived = []
    for statement in REFUSED:
        try:
            await app.execute(statement)
        except asyncpg.InsufficientPrivilegeError:  # 42501
            pass
        else:
            survived.append(statement)
    assert survived == []
    assert await there.verify() is None


@pytest.mark.parametrize(
    ("stray", "tile"),
    [
        ("UPDATE audit.tile SET hashes = hashes || sha256('x') WHERE level = 0 AND index = 2", "0/002"),
        ("INSERT INTO audit.tile VALUES (1, 0, 3, sha256('x'))", "0/003"),
        ("INSERT INTO audit.tile VALUES (1, 2, 0, sha256('x'))", "2/000"),
        ("INSERT INTO audit.tile VALUES (1, 9, 0, sha256('x'))", "9/000"),
    ],
)
async def test_a_hash_that_is_put_beyond_the_tree_is_found_but_not_while_it_is_sealed_again(
    there: Scene, stray: str, tile: str
) -> None:
    assert await strays(there.admin, 1) is None
    async with attacked(there.admin, stray, role="pulseops_app") as seen:
        found = await strays(seen, 1)
        await seen.execute("UPDATE eventstore.subscription SET position = 0 WHERE name = 'seal'")
        assert await strays(seen, 1) is None
    assert found is not None
    assert (found.position, found.field, found.tile) == (SIZE, "hashes in the tile", tile)


@pytest.mark.parametrize(
    "change", ["recorded_at = 'infinity'", "occurred_at = '0044-03-15 12:00Z BC'", "schema_version = -1"]
)
async def test_of_what_can_have_been_sealed_by_nobody_there_is_no_proof(there: Scene, change: str) -> None:
    assert await make(there.admin, 1, "default", there.keys) is not None
    stream = await there.admin.fetchval("SELECT stream_id FROM eventstore.event WHERE position = 300")
    await there.admin.execute(_SET.format(change))
    with pytest.raises(TreeDamaged, match="none that can have been sealed"):
        await prove_inclusion(there.admin, 1, 300)
    with pytest.raises(TreeDamaged, match="none that can have been sealed"):
        await prove_completeness(there.admin, 1, stream)


async def _next_signature(there: Scene) -> None:
    await Notary(there.pool, there.keys).sign()


async def _next_publication(there: Scene) -> None:
    await there.publish()


@pytest.mark.parametrize("role", ["pulseops_app", *ROLES])
@pytest.mark.parametrize("catch", [_next_signature, _next_publication], ids=["notary", "publisher"])
async def test_a_checkpoint_that_somebody_made_up_is_neither_gone_on_from_nor_published(
    there: Scene, role: str, catch: Callable[[Scene], Awaitable[None]]
) -> None:
    forger = Signer.new(there.keys.signer.name)
    made_up = Checkpoint(origin=there.keys.origin("default"), size=SIZE, root=EMPTY)
    await append(there.admin, request())
    await there.admin.execute("UPDATE eventstore.subscription SET position = 601 WHERE name = 'seal'")
    await seal(there.admin, SIZE, 601)
    await there.admin.execute(f"SET ROLE {role}")
    await there.admin.execute(
        "UPDATE audit.checkpoint SET note = $1, signed_at = signed_at - interval '1 hour'",
        signed(str(made_up), [forger]),
    )
    with pytest.raises(NotSigned):
        await catch(there)


@pytest.mark.parametrize("role", ["pulseops_app", *ROLES])
async def test_a_tile_that_is_replaced_is_found_whoever_may_write_it(there: Scene, role: str) -> None:
    async with attacked(there.admin, _TILE, role=role) as seen:
        found = (await walk(seen, 1, SIZE)).divergence
    assert found is not None
    assert (found.position, found.field, found.tile) == (258, "hash of the event", "0/001")
