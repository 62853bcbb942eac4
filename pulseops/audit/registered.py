"""What is kept of the newest register of each log: its note, its entries in pages, and the tree over them."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import leaf_hash
from pulseops.audit.register import ENTRY, divided
from pulseops.audit.sealing import STRANGE, CannotSeal, Unsealable
from pulseops.audit.tiles import Place
from pulseops.eventstore.codec import COLUMNS

PATIENCE = 900.0
"""Seconds for the first of the entries, for which all events may have to be read and sorted."""


# Of streams with events after $2 up to $3. Each hash by its tile's whole key: planned while the table was
# empty, a join would go by log_id alone.
_CAME = """
DECLARE came NO SCROLL CURSOR FOR
SELECT s.position, s.events, uuid_send(s.stream_id) || int4send(s.version) || (
  SELECT substr(t.hashes, ((s.position - 1) % 256)::int * 32 + 1, 32) FROM audit.tile AS t
  WHERE t.log_id = $1 AND t.level = 0 AND t.index = (s.position - 1) / 256
) AS entry
FROM (
  SELECT e.stream_id, max(e.version) AS version, max(e.position) AS position, count(*) AS events
  FROM eventstore.event AS e WHERE e.log_id = $1 AND e.position > $2 AND e.position <= $3
  GROUP BY e.stream_id
) AS s
ORDER BY s.stream_id
"""
_FETCH_CAME = "FETCH 2048 FROM came"
# A cursor sees the pages as they were when it was opened, also when they are written meanwhile.
_PAGES = """
DECLARE pages NO SCROLL CURSOR FOR
SELECT p.entries FROM audit.register_page AS p WHERE p.log_id = $1 ORDER BY p.index
"""
_FETCH_PAGES = "FETCH 8 FROM pages"
_PATIENTLY = (
    "SELECT set_config('statement_timeout', $1, true), set_config('cursor_tuple_fraction', '1', true)"
)
_SOME = """
SELECT a.index, (
  SELECT p.entries FROM audit.register_page AS p WHERE p.log_id = $1 AND p.index = a.index
) AS entries
FROM unnest($2::bigint[]) AS a(index)
"""
_TILES = """
SELECT a.level, a.index, (
  SELECT t.hashes FROM audit.register_tile AS t
  WHERE t.log_id = $1 AND t.level = a.level AND t.index = a.index
) AS hashes
FROM unnest($2::smallint[], $3::bigint[]) AS a(level, index)
"""


_LAST = f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = $1 AND position = ANY ($2::bigint[])"  # noqa: S608 -- a constant of ours
_MAKE_TURN = "INSERT INTO audit.register_turn (log_id) VALUES ($1) ON CONFLICT DO NOTHING"
_TAKE_TURN = "SELECT log_id FROM audit.register_turn WHERE log_id = $1 FOR UPDATE SKIP LOCKED"


class Came(Struct, frozen=True):
    """The entry of a stream, where its last event is, and how many of its events came since the last one."""

    entry: bytes
    position: int
    events: int


async def newest_register(connection: asyncpg.Connection, log_id: int) -> str | None:
    """The newest register of a log, as a note."""
    note: str | None = await connection.fetchval("SELECT note FROM audit.register WHERE log_id = $1", log_id)
    return note


async def make_turn(connection: asyncpg.Connection, log_id: int) -> None:
    """What there is to be taken. Before the transaction, lest two wait for one another."""
    await connection.execute(_MAKE_TURN, log_id)


async def take_turn(connection: asyncpg.Connection, log_id: int) -> bool:
    """Until the end of the transaction. False while somebody else has it."""
    return await connection.fetchval(_TAKE_TURN, log_id) is not None


async def events_at(
    connection: asyncpg.Connection, log_id: int, positions: Sequence[int]
) -> Mapping[int, bytes]:
    """What would be sealed of them today, by their positions. Raises Unsealable."""
    try:
        rows = await connection.fetch(_LAST, log_id, positions)
        return {row["position"]: sealed(row) for row in rows}
    except STRANGE as error:
        raise Unsealable(min(positions), "or beyond an event that cannot be sealed") from error


async def came(
    connection: asyncpg.Connection, log_id: int, after: int, up_to: int
) -> AsyncIterator[Sequence[Came]]:
    """The streams that have events after `after` up to `up_to`, in the order of their ids.

    In a transaction. Raises CannotSeal where the tree has not the hash of an event.
    """
    await connection.execute(_PATIENTLY, str(int(PATIENCE * 1000)))
    await connection.execute(_CAME, log_id, after, up_to)
    while rows := await connection.fetch(_FETCH_CAME, timeout=PATIENCE):
        for row in rows:
            if len(row["entry"] or b"") != ENTRY:
                await connection.execute("CLOSE came")  # another may be counted in this transaction
                raise CannotSeal("The tree has lost a tile: seal from the beginning.")
        yield [Came(row["entry"], row["position"], row["events"]) for row in rows]
    await connection.execute("CLOSE came")


async def kept_pages(connection: asyncpg.Connection, log_id: int) -> AsyncIterator[Sequence[bytes]]:
    """The entries that are kept, in the order in which they lie. In a transaction."""
    await connection.execute(_PAGES, log_id)
    while rows := await connection.fetch(_FETCH_PAGES):
        yield [entry for row in rows for entry in divided(row["entries"])]
    await connection.execute("CLOSE pages")


async def tiles_of(
    connection: asyncpg.Connection, log_id: int, places: Iterable[Place]
) -> Mapping[Place, bytes]:
    """Those of the tree's tiles that there are; of level 0 they are made of the pages."""
    asked = set(places)
    rows = await connection.fetch(_SOME, log_id, [one.index for one in asked if not one.level])
    found = {
        Place(0, row["index"]): b"".join(map(leaf_hash, divided(row["entries"])))
        for row in rows
        if row["entries"] is not None
    }
    above = [one for one in asked if one.level]
    rows = await connection.fetch(_TILES, log_id, [one.level for one in above], [one.index for one in above])
    return found | {Place(row["level"], row["index"]): row["hashes"] for row in rows if row["hashes"]}
