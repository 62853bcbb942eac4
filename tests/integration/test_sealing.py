"""Every event is sealed once, in order; history that was changed is not sealed again."""

from typing import Any

import asyncpg
import pytest

from pulseops.audit.sealing import CannotSeal, NotAsSealed
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.sealing import grow, root_of_history, root_of_tree, seal


async def test_the_tree_is_that_of_history_however_it_was_divided(app: asyncpg.Connection) -> None:
    await grow(app, 700)
    at = 0
    for up_to in (1, 2, 255, 256, 257, 513, 700):
        await seal(app, at, up_to)
        at = up_to
        for size in {1, up_to // 2 or 1, up_to}:
            assert await root_of_tree(app, size) == await root_of_history(app, size)
    kept = await app.fetchval("SELECT sum(length(hashes)) FROM audit.tile")
    assert kept == (700 + 700 // 256) * 32


async def test_sealed_again_it_is_the_same_and_nothing_is_lost(app: asyncpg.Connection) -> None:
    await grow(app, 300)
    await seal(app, 0, 300)
    before = await app.fetch("SELECT * FROM audit.tile ORDER BY level, index")
    for after, up_to in ((0, 10), (10, 256), (256, 300), (0, 300)):
        await seal(app, after, up_to)
        # Also on the way: what was signed up to 300 is proved by these tiles meanwhile.
        assert await app.fetch("SELECT * FROM audit.tile ORDER BY level, index") == before


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("UPDATE eventstore.event SET data = '{\"x\": 1}' WHERE position = 42", 42),
        ('UPDATE eventstore.event SET meta = meta || \'{"actor": "x"}\' WHERE position = 257', 257),
        ("UPDATE eventstore.event SET occurred_at = occurred_at - interval '1 us' WHERE position = 1", 1),
        ("UPDATE eventstore.event SET command_id = event_id WHERE position = 299", 299),
    ],
)
async def test_history_that_was_changed_is_not_sealed_again(
    app: asyncpg.Connection, admin: asyncpg.Connection, change: str, position: int
) -> None:
    await grow(app, 300)
    await seal(app, 0, 300)
    before = await app.fetch("SELECT * FROM audit.tile ORDER BY level, index")
    await admin.execute("ALTER TABLE eventstore.event DISABLE TRIGGER ALL")
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute(change)
    with pytest.raises(NotAsSealed, match=f"at position {position}\\."):
        await seal(app, 0, 300)
    assert await app.fetch("SELECT * FROM audit.tile ORDER BY level, index") == before


async def test_where_an_event_is_missing_nothing_is_sealed_beyond(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await grow(app, 5)
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position = 3")
    with pytest.raises(CannotSeal, match="no event at position 3"):
        await seal(app, 0, 5)
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position = 5")
    with pytest.raises(CannotSeal, match="no event at position 5"):
        await seal(app, 3, 5)


async def test_a_tile_that_was_taken_away_or_cut_is_missed(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await grow(app, 300)
    await seal(app, 0, 290)
    await admin.execute("UPDATE audit.tile SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND index = 1")
    with pytest.raises(CannotSeal, match=r"lost its tile 0/001\.p/34"):
        await seal(app, 290, 300)
    await admin.execute("DELETE FROM audit.tile WHERE level = 1")
    await seal(app, 0, 290)
    await seal(app, 290, 300)
    assert await root_of_tree(app, 300) == await root_of_history(app, 300)


async def test_a_tile_that_was_forged_is_not_taken_for_the_one_of_history(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await grow(app, 300)
    await seal(app, 0, 300)
    await admin.execute("UPDATE audit.tile SET hashes = sha256('x') WHERE level = 1")
    with pytest.raises(CannotSeal, match="not that of the tiles below"):
        await seal(app, 0, 300)


@pytest.mark.parametrize("part", [{"shards": 2}, {"parked": (new_id(),)}, {"only": (new_id(),)}])
async def test_a_tree_is_not_divided_and_leaves_nothing_out(app: asyncpg.Connection, part: Any) -> None:
    await grow(app, 3)
    with pytest.raises(CannotSeal, match="leaves nothing out"):
        await seal(app, 0, 3, **part)


async def test_the_application_may_not_take_the_tree_away(
    app: asyncpg.Connection, database: Database
) -> None:
    assert database.app_url
    for statement in ("DELETE FROM audit.tile", "TRUNCATE audit.tile", "DROP TABLE audit.tile"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
