"""Each register is published beside the checkpoints; none of another history, none in another's place."""

from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.audit.merkle import EMPTY
from pulseops.audit.note import Signer, opened, signed
from pulseops.audit.register import Register
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import make
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import NotAsPublished, Published
from tests.integration.publishing import KEYS, TRUSTED, folder, place, published, sign
from tests.integration.sealing import grow

__all__ = ("folder", "place")


async def test_each_register_is_beside_the_checkpoints_and_no_other_takes_its_place(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, place: str
) -> None:
    await grow(app, 300)
    told = list[str]()
    for size in (10, 300):
        await sign(pool, admin, size)
        if size > 10:
            await published(pool, place)
        assert await make(app, 1, "default", KEYS) is not None
        told.append(await newest_register(app, 1) or "")
        before = size if size > 10 else 0
        assert await published(pool, place) == Published(log="default", size=size, before=before)
        assert await published(pool, place) == Published(log="default", size=size, before=size)
    async with shelf_of(place).visit() as visit:
        paths = sorted(await visit.below("default/registers/"))
        notes = [(one or b"").decode() for one in await visit.read(paths)]
        [newest] = await visit.read(["default/checkpoint"])
        assert newest is not None
        false = replace(Register.parsed(opened(notes[1].encode(), TRUSTED)), entries=2)
        await visit.add({paths[1]: signed(str(false), [KEYS.signer]).encode()})
        assert await visit.replace("default/checkpoint", newest)
    assert (paths, notes) == (["default/registers/010", "default/registers/300"], told)
    with pytest.raises(NotAsPublished, match="Another register of as many events"):
        await published(pool, place)


async def test_a_register_of_another_history_is_not_published(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 20)
    await sign(pool, admin, 20)
    made = await make(app, 1, "default", KEYS)
    assert made is not None
    stranger = Signer("pulseops/test", bytes(32))
    ours = signed(str(replace(made, log=replace(made.log, root=EMPTY))), [KEYS.signer])
    for note, why in (
        (ours, "first 20 events"),
        (signed(str(made), [stranger]), "register is not ours"),
    ):
        await app.execute("UPDATE audit.register SET note = $1", note)
        with pytest.raises(NotAsPublished, match=why):
            await published(pool, folder)
    assert not (folder / "default/checkpoint").exists()
