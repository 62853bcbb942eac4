"""What is signed is published, whole and in order, as long as it adds to what was published before."""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.audit.notary import Notary, Refused
from pulseops.audit.note import Signer, signed
from pulseops.audit.sealing import CannotSeal
from pulseops.audit.shelf import Unreachable
from pulseops.audit.tiles import Path as TilePath
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import NotAsPublished, Published
from pulseops.publishing.publisher import Publisher, standings
from tests.integration.appending import until
from tests.integration.publishing import KEYS, TRUSTED, folder, place, published, sign, tree_of
from tests.integration.sealing import grow, root_of_history, sealed_up_to
from tests.integration.shelves import git

__all__ = ("folder", "place")

OFTEN = timedelta(0)


async def test_tiles_and_checkpoints_are_where_the_standard_has_them_and_older_ones_stay(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, place: str
) -> None:
    assert await published(pool, place) is None
    await grow(app, 700)
    before = 0
    for size in (10, 256, 700):
        made = await sign(pool, admin, size)
        assert await published(pool, place) == Published(log="default", size=size, before=before)
        assert await published(pool, place) == Published(log="default", size=size, before=size)
        before = size
        assert await tree_of(place, size) == made.root
        assert made.root == await root_of_history(app, size)
    async with shelf_of(place).visit() as visit:
        earlier = sorted(await visit.below("default/checkpoints/"))
        notes = await visit.read([*earlier, "default/checkpoint"])
    assert earlier == ["default/checkpoints/010", "default/checkpoints/256"]
    assert [note and note.split(b"\n")[1] for note in notes] == [b"10", b"256", b"700"]


async def test_several_publish_at_once_and_nothing_is_torn(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, place: str
) -> None:
    await grow(app, 300)
    for number, size in enumerate((100, 300), 1):
        made = await sign(pool, admin, size)
        found = await asyncio.gather(*(published(pool, place) for _ in range(4)))
        assert {one and one.size for one in found} == {size}
        won = sum(one is not None and one.before < size for one in found)
        if place.startswith("git:"):
            # Several may push the very same commit, made in the same second: it is there once.
            there = Path(place.removeprefix("git:")).with_name("there.git")
            assert (won >= 1, git("-C", there, "rev-list", "--count", "main")) == (True, f"{number}\n")
        else:
            assert won == 1
        assert await tree_of(place, size) == made.root


async def test_a_database_that_was_set_back_and_signed_other_things_publishes_nothing(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 40)
    await sign(pool, admin, 20)
    await published(pool, folder)
    before = (folder / "default/checkpoint").read_bytes()
    await admin.execute("DELETE FROM audit.checkpoint")
    await sign(pool, admin, 10)
    with pytest.raises(NotAsPublished, match="10 events where 20 were"):
        await published(pool, folder)
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute("UPDATE eventstore.event_p0000 SET data = '{}', type = 'x' WHERE position = 15")
    await admin.execute("DELETE FROM audit.tile; DELETE FROM audit.checkpoint")
    await sign(pool, admin, 40)
    with pytest.raises(NotAsPublished, match="first 20 events"):
        await published(pool, folder)
    await admin.execute("DELETE FROM audit.checkpoint")
    with pytest.raises(NotAsPublished, match="none was signed"):
        await published(pool, folder)
    assert (folder / "default/checkpoint").read_bytes() == before
    assert len([one for one in (folder / "default/tile").rglob("*") if one.is_file()]) == 1
    # Somebody has decided that this is to be believed from now on.
    (folder / "anew").mkdir()
    await sign(pool, admin, 40)
    assert await published(pool, folder / "anew") == Published(log="default", size=40, before=0)


async def test_what_is_published_is_held_to_by_who_has_signed_nothing_yet(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 40)
    await sign(pool, admin, 20)
    publisher = Publisher(pool, shelf_of(str(folder)), TRUSTED, every=OFTEN)
    await publisher.publish()
    await admin.execute("DELETE FROM audit.checkpoint")
    await sealed_up_to(app, 10)
    with pytest.raises(Refused, match="10 events where 20 were signed"):
        await Notary(pool, KEYS, published=publisher.published).sign()
    await sealed_up_to(app, 40)
    [made] = await Notary(pool, KEYS, published=publisher.published).sign()
    assert made.size == 40
    (folder / "default/checkpoint").write_text(signed(str(made), [Signer("pulseops/test", bytes(32))]))
    await admin.execute("DELETE FROM audit.checkpoint")
    with pytest.raises(NotAsPublished, match="not ours"):
        await Notary(pool, KEYS, published=publisher.published).sign()


async def test_a_place_that_is_away_keeps_nobody_from_signing_and_catches_up_with_all_tiles(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    publisher = Publisher(pool, shelf_of(str(folder / "mount")), TRUSTED, every=OFTEN)
    await grow(app, 600)
    await sealed_up_to(app, 100)
    with capture_logs() as lines:
        assert len(await Notary(pool, KEYS, published=publisher.published).sign()) == 1
        assert await publisher.publish() == await publisher.publish() == []
        standing = (await standings(app))[1]
        assert (standing.position, standing.refused) == (0, False)
        assert standing.seconds > 0
        made = await sign(pool, admin, 600)
        (folder / "mount").mkdir()
        assert await publisher.publish() == [Published(log="default", size=600, before=0)]
    assert await tree_of(str(folder / "mount"), 600) == made.root
    standing = (await standings(app))[1]
    assert (standing.position, standing.seconds, standing.refused) == (600, 0, False)
    assert [one["event"] for one in lines] == [
        "history is signed without a look at what is published",
        "history is not published",
        "history is published again",
    ]


async def test_a_fork_is_told_of_once_and_shown(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 20)
    await sign(pool, admin, 20)
    publisher = Publisher(pool, shelf_of(str(folder)), TRUSTED, every=OFTEN)
    await publisher.publish()
    await admin.execute("DELETE FROM audit.checkpoint")
    await sign(pool, admin, 10)
    with capture_logs() as lines:
        for _ in range(3):
            assert await publisher.publish() == []
    assert [(one["event"], one["log"]) for one in lines] == [("history is not published", "default")]
    assert (await standings(app))[1].refused


async def test_a_log_is_looked_after_by_one_at_a_time_and_no_claim_of_the_future_keeps_others_off(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 20)
    await sign(pool, admin, 10)
    one, other = (
        Publisher(pool, shelf_of(str(folder)), TRUSTED, every=timedelta(minutes=1)) for _ in range(2)
    )
    assert len(await one.publish()) == 1
    await sign(pool, admin, 20)
    assert await other.publish() == []
    await admin.execute("UPDATE audit.published SET looked_at = looked_at + interval '1 year'")
    assert await other.publish() == [Published(log="default", size=20, before=10)]


async def test_whoever_has_the_applications_login_keeps_nobody_from_publishing_by_what_a_table_tells(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    every = timedelta(seconds=1)
    one = Publisher(pool, shelf_of(str(folder)), TRUSTED, every=every)
    await grow(app, 20)
    await sign(pool, admin, 10)
    await one.publish()
    await sign(pool, admin, 20)

    async def looked() -> list[Published]:
        await app.execute("UPDATE audit.published SET looked_at = clock_timestamp()")
        return await one.publish()

    assert await looked() == [], "another has just looked after it"
    assert await until(looked) == [Published(log="default", size=20, before=10)]


async def test_a_place_that_was_set_back_or_emptied_is_told_of_and_filled(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    publisher = Publisher(pool, shelf_of(str(folder)), TRUSTED, every=OFTEN)
    await grow(app, 20)
    for size in (10, 20):
        await sign(pool, admin, size)
        await publisher.publish()
    (folder / "default/checkpoint").write_bytes((folder / "default/checkpoints/010").read_bytes())
    with capture_logs() as lines:
        assert await publisher.publish() == [Published(log="default", size=20, before=10)]
        (folder / "default/checkpoint").unlink()
        assert await publisher.publish() == [Published(log="default", size=20, before=0)]
        await publisher.publish()
    assert [(one["event"], one["there"]) for one in lines] == [
        ("less was published than before", 10),
        ("less was published than before", 0),
    ]


async def test_a_tile_that_was_changed_after_it_was_signed_is_in_no_checkpoint(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 600)
    await sign(pool, admin, 600)
    await admin.execute(
        "UPDATE audit.tile SET hashes = overlay(hashes PLACING sha256('x') FROM 33) WHERE index = 1"
    )
    with pytest.raises(CannotSeal, match="not the one that was signed"):
        await published(pool, folder)
    assert not (folder / "default/checkpoint").exists()


async def test_whoever_ends_between_tiles_and_checkpoint_is_followed_by_who_publishes_on(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, place: str
) -> None:
    await grow(app, 300)
    await sign(pool, admin, 10)
    await published(pool, place)
    made = await sign(pool, admin, 300)
    async with shelf_of(place).visit() as visit:
        await visit.add({"default/tile/0/000": b"torn", f"default/tile/{TilePath.parsed('0/001.p/44')}": b""})
    assert await published(pool, place) == Published(log="default", size=300, before=10)
    assert await tree_of(place, 300) == made.root


async def test_a_place_that_refuses_to_be_written_to_is_away(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path
) -> None:
    await grow(app, 20)
    await sign(pool, admin, 20)
    (folder / "default").write_text("in the way")
    with pytest.raises(Unreachable, match="default"):
        await published(pool, folder)
