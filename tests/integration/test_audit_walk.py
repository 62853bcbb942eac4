"""Whoever has the database may change history; each way to do it is found, and by what, says its test."""

from pathlib import Path

import asyncpg
import msgspec
import pytest

from pulseops.audit import keyfile, sealing, tiles
from pulseops.audit import walk as walking
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import EMPTY
from pulseops.audit.note import Signer, signed
from pulseops.audit.walk import Walked, walk
from tests.conftest import Database
from tests.integration.commanded import key, run, sign, within
from tests.integration.sealing import grow, root_of_history, sealed_up_to

__all__ = ["key"]


SIZE, KEPT = 600, 400
"""Events there are, and events that somebody has a checkpoint of."""
_UNGUARDED = "ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL"
_AGAIN = "DELETE FROM audit.tile; DELETE FROM audit.checkpoint"
_SWAP = """
UPDATE eventstore.event_p0000 AS e SET data = o.data, meta = o.meta, event_id = o.event_id
FROM eventstore.event_p0000 AS o WHERE e.position + o.position = 25 AND e.position IN (12, 13)
"""
_EDIT = "UPDATE eventstore.event_p0000 SET data = '{}', type = 'x' WHERE position = 300"


@pytest.fixture
async def kept(app: asyncpg.Connection) -> Checkpoint:
    """History, sealed, and the checkpoint that an auditor took along on the way."""
    await grow(app, SIZE)
    await sealed_up_to(app, SIZE)
    return Checkpoint(origin="pulseops/test/default", size=KEPT, root=await root_of_history(app, KEPT))


async def divergence(app: asyncpg.Connection, *checkpoints: Checkpoint) -> tuple[int, int, str]:
    found = await walk(app, 1, SIZE, checkpoints)
    assert found.divergence is not None, "nobody noticed"
    return found.events, found.divergence.position, found.divergence.field


async def test_what_nobody_has_changed_is_what_was_sealed_and_signed(
    app: asyncpg.Connection, kept: Checkpoint
) -> None:
    told = list[int]()
    assert await walk(app, 1, SIZE, [kept], progress=told.append) == Walked(events=SIZE)
    assert (told[0], told[-1]) == (KEPT, SIZE)
    whole = Checkpoint(origin=kept.origin, size=SIZE, root=await root_of_history(app, SIZE))
    nothing = Checkpoint(origin=kept.origin, size=0, root=EMPTY)
    assert await walk(app, 1, 0, [whole, kept, nothing]) == Walked(events=SIZE)
    assert await walk(app, 1, 0) == Walked(events=0)


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (_EDIT, (299, 300, "hash of the event")),
        ("DELETE FROM eventstore.event_p0000 WHERE position = 300", (299, 300, "position")),
        ("DELETE FROM eventstore.event_p0000 WHERE position > 598", (598, 599, "position")),
        (
            _SWAP,
            (11, 12, "hash of the event"),
        ),
        ("UPDATE audit.tile SET hashes = hashes || sha256('x') WHERE level = 0 AND index = 2", None),
        (
            "UPDATE audit.tile SET hashes = overlay(hashes PLACING sha256('x') FROM 33) WHERE index = 1",
            (257, 258, "hash of the event"),
        ),
        ("DELETE FROM audit.tile WHERE index = 1", (256, 257, "hash that is kept of the event")),
    ],
)
async def test_what_was_changed_in_one_place_is_found_by_the_tree(
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    kept: Checkpoint,
    attack: str,
    found: tuple[int, int, str] | None,
) -> None:
    await admin.execute(_UNGUARDED)
    await admin.execute(attack)
    if found is None:  # beyond the last event there is nothing to be said of yet
        assert await walk(app, 1, SIZE, [kept]) == Walked(events=SIZE)
    else:
        assert await divergence(app) == found


@pytest.mark.parametrize("byte", [0, 32 + 7])
async def test_a_byte_that_was_flipped_in_an_upper_tile_is_found_where_it_is(
    app: asyncpg.Connection, admin: asyncpg.Connection, kept: Checkpoint, byte: int
) -> None:
    flip = "set_byte(hashes, $1, get_byte(hashes, $1) # 1)"
    await admin.execute(f"UPDATE audit.tile SET hashes = {flip} WHERE level = 1", byte)
    found = await walk(app, 1, SIZE, [kept])
    assert found.divergence is not None
    place = (byte // 32 + 1) * 256
    assert (found.divergence.position, found.divergence.tile) == (place, "1/000")
    assert f"hash of the tile below should be {found.divergence.expected}" in str(found.divergence)
    await admin.execute("DELETE FROM audit.tile WHERE level = 1")
    found = await walk(app, 1, SIZE)
    assert found.divergence is not None
    assert (found.divergence.position, found.divergence.found) == (256, "none")


async def test_a_tile_two_levels_up_is_held_against_those_below_it(
    app: asyncpg.Connection, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tiles of two, so that few events need several levels."""
    for room in (tiles, sealing, walking):
        monkeypatch.setattr(room, "WIDTH", 2)
    monkeypatch.setattr(tiles, "_HEIGHT", 1)
    await grow(app, 9)
    await sealed_up_to(app, 9)
    assert await walk(app, 1, 9) == Walked(events=9)
    for level, index in ((1, 1), (2, 0), (3, 0)):
        flip = "UPDATE audit.tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)"
        if level == 3:  # it has one hash so far
            flip = flip.replace("40", "4")
        await admin.execute(f"{flip} WHERE level = $1 AND index = $2", level, index)
        found = await walk(app, 1, 9)
        assert found.divergence is not None
        assert str(found.divergence.tile).partition(".")[0] == f"{level}/{index:03d}"
        assert found.divergence.position == 8
        await admin.execute(f"{flip} WHERE level = $1 AND index = $2", level, index)
    assert await walk(app, 1, 9) == Walked(events=9)


async def test_history_that_was_changed_and_sealed_anew_is_found_by_a_checkpoint_that_was_kept(
    app: asyncpg.Connection, admin: asyncpg.Connection, kept: Checkpoint
) -> None:
    await admin.execute(_UNGUARDED)
    await admin.execute(_EDIT)
    await admin.execute(_AGAIN)
    await sealed_up_to(app, SIZE)
    assert await walk(app, 1, SIZE) == Walked(events=SIZE), "the database agrees with itself"
    assert await divergence(app, kept) == (0, KEPT, "root of all up to here")


async def test_of_two_roots_that_were_signed_for_as_many_events_one_is_found_to_be_false(
    app: asyncpg.Connection, kept: Checkpoint
) -> None:
    other = Checkpoint(origin=kept.origin, size=kept.size, root=EMPTY)
    for both in ((kept, other), (other, kept)):
        assert await divergence(app, *both) == (0, KEPT, "root of all up to here")


async def test_a_tail_that_was_cut_off_is_missed_by_who_has_a_checkpoint_of_it(
    app: asyncpg.Connection, admin: asyncpg.Connection, kept: Checkpoint
) -> None:
    await admin.execute(_UNGUARDED)
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position > 350")
    await admin.execute(_AGAIN)
    await sealed_up_to(app, 350)
    assert await walk(app, 1, 350) == Walked(events=350), "the database agrees with itself"
    found = await walk(app, 1, 350, [kept])
    assert found.divergence is not None
    assert (found.divergence.position, found.divergence.found) == (351, "none")


def test_an_operator_sees_what_was_signed_and_holds_history_against_it(
    database: Database, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "checkpoint")[0] == 1
    code, told, _ = run(capsys, "verify")
    assert (code, told) == (0, "0 events are what was sealed; nothing of it was signed.\n")
    keys = keyfile.read(key)
    sign(database, keys, events=20, size=10)
    code, note, _ = run(capsys, "checkpoint")
    old = tmp_path / "kept"
    old.write_text(note)
    assert (code, note.splitlines()[:2]) == (0, [f"{keys.signer.name}/default", "10"])
    sign(database, keys, events=0, size=20)
    code, told, _ = run(capsys, "verify", "--against", str(old))
    signer = f"the first 10 and 20 what {keys.origin('default')} signed"
    assert (code, told) == (0, f"20 events are what was sealed, and {signer}.\n")
    within(database, lambda pool: pool.execute("UPDATE eventstore.subscription SET position = 0"))
    within(database, lambda pool: pool.execute("UPDATE audit.checkpoint SET size = 10, note = $1", note))
    code, told, _ = run(capsys, "verify")
    assert (code, told.endswith(" Of the 10 that came since nothing is said.\n")) == (0, True), told
    sign(database, keys, events=0, size=20)
    within(database, lambda pool: pool.execute(f"{_UNGUARDED}; {_EDIT.replace('300', '5')}"))
    code, told, said = run(capsys, "verify", "--against", str(old))
    assert (code, told) == (1, "")
    assert "At position 5: hash of the event should be" in said
    code, told, _ = run(capsys, "verify", "--json")
    assert (code, msgspec.json.decode(told)["divergence"]["position"]) == (1, 5)


def test_a_checkpoint_that_somebody_made_up_is_refused(
    database: Database, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = keyfile.read(key)
    forger = Signer.new(keys.signer.name)
    forged, foreign = tmp_path / "forged", tmp_path / "foreign"
    forged.write_text(signed(str(Checkpoint(origin=keys.origin("default"), size=0, root=EMPTY)), [forger]))
    foreign.write_text(signed(str(Checkpoint(origin=keys.origin("acme"), size=0, root=EMPTY)), [keys.signer]))
    code, _, told = run(capsys, "verify", "--against", str(forged))
    assert (code, "is not to be trusted" in told) == (1, True)
    sign(database, keys, events=3, size=3)
    code, _, told = run(capsys, "verify", "--against", str(foreign))
    assert (code, f"is of {keys.origin('acme')}, not of" in told) == (1, True)


def test_the_key_is_made_once_and_shown_by_its_public_half(
    key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key.unlink()
    code, told, _ = run(capsys, "key")
    assert (code, told) == (0, f"{keyfile.read(key).signer.verifier}\n")
    assert run(capsys, "key") == (0, told, "")
    key.chmod(0o644)
    assert run(capsys, "key")[0] == 1


def test_a_new_key_is_made_beside_the_old_one_and_both_are_trusted(
    database: Database, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = keyfile.read(key)
    sign(database, before, events=3, size=3)
    code, told, _ = run(capsys, "rotate", "--json")
    assert (code, msgspec.json.decode(told)["key"]) == (0, str(keyfile.read(key).signer.verifier))
    assert before.signer.kept() not in told
    assert run(capsys, "key") == (0, keyfile.public(key).read_text(), ""), "whoever trusts one reads half"
    assert run(capsys, "verify")[0] == 0
    assert run(capsys, "verify", "--key", str(key.with_name("none")))[0] == 2
    assert run(capsys, "verify", "--key", str(key))[0] == 2
