"""What is sealed is signed, and nothing that is not what was signed before."""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.audit import keyfile, notary
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import EMPTY
from pulseops.audit.notary import Keys, Notary, Refused, newest_note
from pulseops.audit.note import NotSigned, Signer, opened
from pulseops.audit.sealing import CannotSeal
from pulseops.audit.shelf import Unreachable
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from tests.integration.sealing import grow, root_of_history, sealed_up_to
from tests.integration.signing import long_ago

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))


async def told(app: asyncpg.Connection, keys: Keys = KEYS) -> Checkpoint:
    note = await newest_note(app, 1)
    assert note is not None
    return Checkpoint.parsed(opened(note.encode(), [keys.signer.verifier]))


async def test_what_is_sealed_is_signed_once_a_second(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    notary = Notary(pool, KEYS)
    assert await notary.sign() == []
    await grow(app, 300)
    await sealed_up_to(app, 10)
    [first] = await notary.sign()
    root = await root_of_history(app, 10)
    assert first == await told(app) == Checkpoint(origin="pulseops/test/default", size=10, root=root)
    await sealed_up_to(app, 300)
    assert await notary.sign() == [], "a second has not passed"
    await long_ago(admin)
    [second] = await notary.sign()
    assert (second.size, second.root) == (300, await root_of_history(app, 300))
    await long_ago(admin)
    assert await notary.sign() == [], "nothing is new"


async def test_a_clock_that_was_set_back_is_no_reason_to_wait_until_it_has_caught_up(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    notary = Notary(pool, KEYS)
    await grow(app, 20)
    await sealed_up_to(app, 10)
    await notary.sign()
    await admin.execute("UPDATE audit.checkpoint SET signed_at = signed_at + interval '1 hour'")
    await sealed_up_to(app, 15)
    [found] = await notary.sign()
    assert found.size == 15
    await sealed_up_to(app, 20)
    assert await notary.sign() == [], "from then on it is once a second again"


@pytest.mark.parametrize(
    "claim", ["signed_at = clock_timestamp()", "size = 1000000000000", "size = size + 10"]
)
async def test_whoever_has_the_applications_login_keeps_nobody_from_signing_by_what_a_table_tells(
    app: asyncpg.Connection, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    monkeypatch.setattr(notary, "_DOUBT", 0.0)
    monkeypatch.setattr(notary, "_APART", timedelta(hours=1))
    await grow(app, 20)
    await sealed_up_to(app, 10)
    for somebody in (Notary(pool, KEYS), Notary(pool, KEYS)):
        await somebody.sign()
    await sealed_up_to(app, 20)
    made = list[Checkpoint]()
    for _ in range(2):  # at the second look the first one is still there
        await app.execute(f"UPDATE audit.checkpoint SET {claim}")
        made += await somebody.sign()
    assert ([one.size for one in made], await told(app)) == ([20], made[0])


async def test_what_is_signed_without_a_look_at_the_place_is_held_to_it_as_soon_as_it_answers(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can take the place away while a worker starts wins nothing for longer than it is away."""
    monkeypatch.setattr(notary, "_ASK", 0.0)
    await grow(app, 30)
    elsewhere = Checkpoint(origin="pulseops/test/default", size=5, root=EMPTY)
    answers: list[Checkpoint | Unreachable] = [Unreachable(), Unreachable(), elsewhere]

    async def published(_log: str) -> Checkpoint:
        if isinstance(answer := answers.pop(0), Unreachable):
            raise answer
        return answer

    somebody = Notary(pool, KEYS, published=published)
    with capture_logs() as lines:
        for size in (10, 20):
            await sealed_up_to(app, size)
            await long_ago(admin)
            assert [one.size for one in await somebody.sign()] == [size]
    assert [one["event"] for one in lines] == ["history is signed without a look at what is published"]
    await sealed_up_to(app, 30)
    await long_ago(admin)
    for _ in range(2):
        with pytest.raises(Refused, match="first 5 events"):
            await somebody.sign()


async def test_why_a_log_is_not_signed_stands_beside_its_checkpoint_and_others_are_signed(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await create_log(app, "second", now=utc_now())
    await grow(app, 20)
    await sealed_up_to(app, 10)
    await Notary(pool, KEYS).sign()
    await sealed_up_to(app, 20)
    await long_ago(admin)
    await admin.execute(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
        "VALUES (2, 'seal', 1, clock_timestamp())"
    )
    await admin.execute("INSERT INTO audit.tile VALUES (2, 0, 0, sha256('x'))")
    other = Keys(signer=Signer("pulseops/test", bytes(32)))
    with pytest.raises(NotSigned):
        await Notary(pool, other).sign()
    refused = "SELECT refused FROM audit.checkpoint WHERE log_id = $1"
    assert "No key that is trusted" in await app.fetchval(refused, 1)
    assert await newest_note(app, 2) is not None, "the second is signed all the same"
    await Notary(pool, KEYS).sign()
    assert await app.fetchval(refused, 1) is None


async def test_a_tree_that_is_not_what_was_signed_is_not_signed(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    notary = Notary(pool, KEYS)
    await grow(app, 300)
    await sealed_up_to(app, 200)
    await notary.sign()
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute("UPDATE eventstore.event_p0000 SET data = '{}' WHERE position = 42")
    await admin.execute("UPDATE eventstore.event_p0000 SET command_id = event_id WHERE position = 42")
    await admin.execute("DELETE FROM audit.tile")
    await sealed_up_to(app, 300)
    await long_ago(admin)
    for somebody in (notary, Notary(pool, KEYS)):
        with pytest.raises(Refused, match="first 200 events"):
            await somebody.sign()
    assert (await told(app)).size == 200


async def test_a_log_that_was_set_back_is_not_signed(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    notary = Notary(pool, KEYS)
    await grow(app, 20)
    await sealed_up_to(app, 20)
    await notary.sign()
    await admin.execute("DELETE FROM audit.checkpoint")
    await sealed_up_to(app, 10)
    with pytest.raises(Refused, match="10 events where 20 were signed"):
        await notary.sign()


async def test_a_note_that_is_not_ours_is_not_gone_on_from(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 20)
    await sealed_up_to(app, 10)
    await Notary(pool, KEYS).sign()
    await sealed_up_to(app, 20)
    await long_ago(admin)
    other = Keys(signer=Signer("pulseops/test", bytes(32)))
    with pytest.raises(NotSigned):
        await Notary(pool, other).sign()
    rotated = Keys(signer=other.signer, earlier=(KEYS.signer.verifier,))
    [found] = await Notary(pool, rotated).sign()
    assert found == await told(app, other)


async def test_where_the_tree_has_a_hole_nothing_is_signed(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 10)
    await sealed_up_to(app, 10)
    await admin.execute("DELETE FROM audit.tile")
    with pytest.raises(CannotSeal, match="lost a tile"):
        await Notary(pool, KEYS).sign()


async def test_several_notaries_sign_one_tree(app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    await grow(app, 10)
    await sealed_up_to(app, 10)
    made = await asyncio.gather(*(Notary(pool, KEYS).sign() for _ in range(4)))
    assert {one for some in made for one in some} == {await told(app)}


async def test_a_notary_that_was_held_up_puts_no_older_checkpoint_in_the_place_of_a_newer_one(
    app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 20)
    await sealed_up_to(app, 10)

    async def held_up(_: str) -> None:
        await sealed_up_to(app, 20)
        await Notary(pool, KEYS).sign()

    [late] = await Notary(pool, KEYS, published=held_up).sign()
    assert late.size == 10
    assert (await told(app)).size == 20


def test_a_key_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    keys = keyfile.make(path)
    assert (keyfile.read(path), keyfile.make(path)) == (keys, keys)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.public(path).read_text() == f"{keys.signer.verifier}\n"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
    keyfile.public(path).unlink()
    keyfile.make(path)
    assert keyfile.public(path).read_text() == f"{keys.signer.verifier}\n", (
        "as after an end between the two files"
    )


def test_a_key_that_follows_knows_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    first, second, third = keyfile.make(path), keyfile.rotate(path), keyfile.rotate(path)
    assert third.verifiers == (third.signer.verifier, second.signer.verifier, first.signer.verifier)
    assert {one.name for one in third.verifiers} == {first.signer.name}
    assert keyfile.read(path) == third
    assert keyfile.public(path).read_text().split() == [str(one) for one in third.verifiers]
    assert first.signer.kept() not in path.read_text(), "what signed before is gone"


@pytest.mark.parametrize("text", ["", "x", "PRIVATE+KEY+a+00000000+AAAA", "\x00"])
def test_a_key_that_is_none_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.key"
    path.write_text(text)
    with pytest.raises(keyfile.KeyUnusable) as refused:
        keyfile.read(path)
    assert str(path) in str(refused.value)
    assert "AAAA" not in str(refused.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    keyfile.make(path)
    path.chmod(0o640)
    with pytest.raises(keyfile.KeyUnusable, match="chmod 600"):
        keyfile.read(path)
    with pytest.raises(keyfile.KeyUnusable):
        keyfile.read(tmp_path / "none")
