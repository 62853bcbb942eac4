"""Nothing is left out of a stream, and whoever leaves something out is found, and named."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import EMPTY, leaf_hash
from pulseops.audit.notary import Keys
from pulseops.audit.note import NotSigned, Signer, signed
from pulseops.audit.proving import TreeDamaged
from pulseops.audit.recount import recount
from pulseops.audit.register import Entry, Register
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import CannotRegister, Registrar, make
from pulseops.audit.streams import prove_completeness
from pulseops.audit.walk import Divergence
from pulseops.db.pools import open_pool
from pulseops.eventstore.codec import COLUMNS
from pulseops.kernel.errors import NotFound
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.appending import append, request
from tests.integration.registering import KEYS, UNGUARDED, made, made_anew, signed_up_to, streams
from tests.integration.sealing import mth, sealed_up_to

__all__ = ("streams",)

WHOSE = [KEYS.signer.verifier]


async def recounted(app: asyncpg.Connection, register: Register, *, kept: bool = True) -> Divergence | None:
    async with app.transaction():
        return await recount(app, 1, register, kept=kept)


async def entries(app: asyncpg.Connection, size: int) -> Sequence[Entry]:
    """In a few plain lines: of each stream the last event up to there, by the streams' ids."""
    last = {}
    for row in await app.fetch(f"SELECT {COLUMNS} FROM eventstore.event ORDER BY position LIMIT {size}"):
        last[row["stream_id"]] = Entry(row["stream_id"], row["version"], leaf_hash(sealed(row)))
    return [one for _, one in sorted(last.items())]


async def root(app: asyncpg.Connection, size: int) -> bytes:
    return mth([leaf_hash(bytes(one)) for one in await entries(app, size)])


async def test_a_register_has_each_stream_with_its_last_event_and_follows_from_the_one_before(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    first = await made(app, pool, 701)
    assert (first.entries, first.root) == (351, await root(app, 701)), "as of there, also within a stream"
    assert await make(app, 1, "default", KEYS) == first, "nothing more is signed"
    before, after = UUID(int=1), UUID(int=(1 << 128) - 1)
    new = [before, *(new_id() for _ in range(300)), after]
    await append(app, *(request(one) for one in new), request(streams[7], at=2, events=3))
    second = await made(app, pool, 1200 + len(new) + 3)
    assert (second.entries, second.root) == (600 + len(new), await root(app, second.log.size))
    assert await recounted(app, second) is None
    assert await recounted(app, first, kept=False) is None, "that of before can be counted again as well"
    anew = await make(app, 1, "default", KEYS, anew=True)
    assert anew == second
    assert await recounted(app, second) is None


async def test_of_a_stream_all_events_are_proved_and_that_there_are_no_others(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    with pytest.raises(NotFound, match="no register of this log yet"):
        await prove_completeness(app, 1, streams[0])
    register = await made(app, pool, 1200)
    await append(app, request(streams[5], at=2))
    for stream in (streams[0], streams[5], streams[255], streams[256], streams[-1]):
        proof = await prove_completeness(app, 1, stream)
        assert proof.check(WHOSE, log="default") == register
        assert (proof.as_of, proof.since) == (1200, 1)
        positions = await app.fetch(
            "SELECT position FROM eventstore.event WHERE stream_id = $1 AND position <= 1200", stream
        )
        assert tuple(one.position for one in proof.events) == tuple(
            sorted(row["position"] for row in positions)
        )


async def test_that_there_is_no_such_stream_is_proved_by_its_neighbours(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    await sealed_up_to(app, 0)
    await made(app, pool, 1200)
    between = UUID(int=(streams[255].int + streams[256].int) // 2)
    for stream, neighbours in ((UUID(int=0), 1), (between, 2), (UUID(int=(1 << 128) - 1), 1)):
        proof = await prove_completeness(app, 1, stream)
        proof.check(WHOSE, log="default")
        assert (len(proof.listed), proof.events) == (neighbours, ())


_ATTACKS = {
    "a version is lowered": "set_byte(p.entries, 52 * 3 + 19, 1)",
    "a hash is changed": "set_byte(p.entries, 52 * 3 + 30, get_byte(p.entries, 52 * 3 + 30) # 1)",
    "an entry is left out": "substr(p.entries, 1, 52 * 3) || substr(p.entries, 52 * 4 + 1)",
    "an entry takes the place of its neighbour": "substr(p.entries, 1, 52 * 3) || "
    "substr(p.entries, 52 * 4 + 1, 52) || substr(p.entries, 52 * 3 + 1, 52) || substr(p.entries, 52 * 5 + 1)",
}


@pytest.mark.parametrize("attack", _ATTACKS)
async def test_a_page_that_was_changed_is_found_by_its_stream_and_not_gone_on_from(
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    pool: asyncpg.Pool,
    streams: Sequence[UUID],
    attack: str,
) -> None:
    register = await made(app, pool, 1200)
    await admin.execute(f"UPDATE audit.register_page AS p SET entries = {_ATTACKS[attack]} WHERE p.index = 1")
    found = await recounted(app, register)
    assert found is not None
    assert (found.position, found.field) == (520, f"entry of {streams[259]} in the register")
    with pytest.raises(TreeDamaged):
        await prove_completeness(app, 1, streams[259])
    await append(app, request())
    with pytest.raises(CannotRegister, match="not what was signed"):
        await made(app, pool, 1201)
    again = await make(app, 1, "default", KEYS, anew=True)
    assert again is not None
    assert again.root == await root(app, 1201)


async def test_a_stream_that_there_never_was_is_found(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    register = await made(app, pool, 1200)
    for stranger in (UUID(int=0), UUID(int=(1 << 128) - 1)):
        entry = bytes(Entry(stranger, 1, bytes(32)))
        page = 0 if stranger.int == 0 else 2
        either = "$1 || p.entries" if page == 0 else "p.entries || $1"
        kept = await admin.fetchval("SELECT entries FROM audit.register_page WHERE index = $1", page)
        await admin.execute(
            f"UPDATE audit.register_page AS p SET entries = substr({either}, 1, 13312) WHERE index = {page}",
            entry,
        )
        found = await recounted(app, register)
        assert found is not None
        assert found.field == f"entry of {stranger} in the register"
        assert found.expected == "none"
        await admin.execute("UPDATE audit.register_page SET entries = $1 WHERE index = $2", kept, page)
    assert await recounted(app, register) is None


@pytest.mark.parametrize("kept", [True, False])
async def test_a_stream_that_lost_an_event_before_its_last_one_is_found(
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    pool: asyncpg.Pool,
    streams: Sequence[UUID],
    kept: bool,
) -> None:
    """Its entry tells of its last event alone, and that is still the one that was registered."""
    register = await made(app, pool, 1200)
    await admin.execute(UNGUARDED)
    await admin.execute("DELETE FROM eventstore.event WHERE stream_id = $1 AND version = 1", streams[7])
    found = await recounted(app, register, kept=kept)
    assert found is not None
    assert (found.position, found.field) == (16, f"version of {streams[7]}")
    assert (found.expected, found.found) == ("1", "2")


async def test_a_tile_of_the_register_is_held_against_its_pages(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    register = await made(app, pool, 1200)
    await admin.execute("UPDATE audit.register_tile SET hashes = set_byte(hashes, 33, 0)")
    await admin.execute("UPDATE audit.register_tile SET hashes = set_byte(hashes, 34, 1)")
    found = await recounted(app, register)
    assert found is not None
    assert (found.tile, found.position) == ("1/000", 1200)


async def test_a_register_that_was_signed_and_is_not_history_s_is_found_by_who_kept_it(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    true = await made(app, pool, 1200)
    assert await recounted(app, true, kept=False) is None
    for false in (
        replace(true, root=EMPTY),
        replace(true, entries=true.entries - 1),
        replace(true, log=replace(true.log, size=1199)),
    ):
        found = await recounted(app, false, kept=False)
        assert found is not None
        assert (found.position, found.field) == (false.log.size, "register of all up to here")


async def test_an_event_that_was_taken_out_of_the_log_leaves_no_register(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    await signed_up_to(app, pool, 1200)
    await admin.execute(UNGUARDED)
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position = 520")
    with pytest.raises(CannotRegister, match="one event a position"):
        await make(app, 1, "default", KEYS)
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position = 521")
    with pytest.raises(CannotRegister, match="not one after the other"):
        await make(app, 1, "default", KEYS)
    assert await newest_register(app, 1) is None


async def test_a_register_is_made_of_a_tree_that_grew_and_of_notes_that_are_ours_only(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    with pytest.raises(CannotRegister, match="Nothing of this log has been signed"):
        await make(app, 1, "default", KEYS)
    await made(app, pool, 1000)
    await admin.execute("DELETE FROM audit.checkpoint")
    await signed_up_to(app, pool, 900)
    with pytest.raises(CannotRegister, match=r"not what it was at the register before\. It has 900"):
        await make(app, 1, "default", KEYS)
    other = Keys(signer=Signer("pulseops/test", bytes(32)))
    with pytest.raises(NotSigned):
        await make(app, 1, "default", other)
    false = replace(await made_anew(app), root=EMPTY)
    await admin.execute("UPDATE audit.register SET note = $1", signed(str(false), [other.signer]))
    await signed_up_to(app, pool, 1200)
    with pytest.raises(NotSigned):
        await make(app, 1, "default", KEYS)


async def test_it_is_made_and_proved_behind_a_pooler_as_well(
    app: asyncpg.Connection, pool: asyncpg.Pool, database: Database, streams: Sequence[UUID]
) -> None:
    await signed_up_to(app, pool, 1200)
    pooled = await open_pool(database.app_url, pooled=True, size=1)
    [found] = await Registrar(pooled, KEYS).make()
    assert found.root == await root(app, 1200)
    async with pooled.acquire() as connection:
        (await prove_completeness(connection, 1, streams[7])).check(WHOSE)
    await pooled.close()


async def test_a_log_that_has_doubled_does_not_wait_until_an_hour_is_over(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    maker, sizes = Registrar(pool, KEYS), list[int]()
    for size in (1, 2, 3, 6, 7, 1000, 1200):
        await signed_up_to(app, pool, size)
        sizes += [one.log.size for one in await maker.make()]
    assert sizes == [1, 3, 7, 1000]


async def test_of_several_that_make_it_one_does(
    app: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    await signed_up_to(app, pool, 1200)
    both = await asyncio.gather(*(Registrar(pool, KEYS).make() for _ in range(4)))
    assert {one.root for some in both for one in some} == {await root(app, 1200)}


async def test_registers_are_made_once_in_a_while_also_after_the_clock_was_set_back(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    maker = Registrar(pool, KEYS)
    assert await maker.make() == [], "nothing is signed"
    await signed_up_to(app, pool, 1000)
    assert [one.log.size for one in await maker.make()] == [1000]
    await signed_up_to(app, pool, 1100)
    assert await maker.make() == [], "an hour has not passed"
    await admin.execute("UPDATE audit.register SET made_at = made_at + interval '1 day'")
    assert [one.log.size for one in await maker.make()] == [1100], "it was of tomorrow"
    await signed_up_to(app, pool, 1200)
    await admin.execute("UPDATE audit.register SET made_at = made_at - interval '61 minutes'")
    assert [one.log.size for one in await maker.make()] == [1200]
