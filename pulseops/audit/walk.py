"""History held against its tree, and both against checkpoints: event by event, in little memory.

The tree is held against itself as well: each hash of its upper tiles against what lies below.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import HASH
from pulseops.audit.sealing import NAME, Unsealable, leaves_between, tiles_at
from pulseops.audit.tiles import WIDTH, Growing, Path, Place

_PAGE = 16 * WIDTH
"""Events that are read at once."""
_BACKDATED = """
SELECT o.position, o.recorded_at, o.before FROM (
  SELECT e.position, e.recorded_at, lag(e.recorded_at) OVER (ORDER BY e.position) AS before
  FROM eventstore.event AS e WHERE e.log_id = $1 AND e.position >= $2 AND e.position <= $3
) AS o WHERE o.recorded_at < o.before ORDER BY o.position LIMIT 1
"""

# The tree is as large as its subscription has come, in the same transaction. While it is sealed again from
# the beginning, its old tiles lie beyond that.
_STRAYS = """
SELECT t.level, t.index, t.held, t.most, t.size FROM (
  SELECT t.level, t.index, length(t.hashes) / 32 AS held, s.position AS size,
    CASE WHEN t.level < 8 THEN (s.position >> (8 * t.level)) - 256 * t.index ELSE 0 END AS most
  FROM audit.tile AS t
  JOIN eventstore.subscription AS s ON s.log_id = t.log_id AND s.name = $2 AND s.shard = 0
  JOIN audit.checkpoint AS c ON c.log_id = t.log_id
  WHERE t.log_id = $1 AND s.position >= c.size
) AS t WHERE t.held > t.most ORDER BY t.level, t.index LIMIT 1
"""


class Divergence(Struct, frozen=True, kw_only=True):
    """Where history is not what was sealed or signed: at `position`, or somewhere up to it (a root, a tile).

    `tile` is where the hash lies that is kept, as it is asked for below `tile/`.
    """

    position: int
    field: str
    expected: str
    found: str
    tile: str | None = None

    def __str__(self) -> str:
        where = "" if self.tile is None else f" (tile {self.tile})"
        return f"position {self.position}: {self.field} should be {self.expected}, and is {self.found}{where}"


class Walked(Struct, frozen=True, kw_only=True):
    """`events` from the first on are what was sealed and signed; then comes the `divergence`, if any."""

    events: int
    divergence: Divergence | None = None


async def walk(
    connection: asyncpg.Connection,
    log_id: int,
    up_to: int,
    checkpoints: Iterable[Checkpoint] = (),
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Walked:
    """The first `up_to` events, and those that the checkpoints are about. Ends at the first divergence.

    An event is compared with the hash that is kept of it, and the root of all so far with each checkpoint at
    its size. Who can write to the database can make events and tiles agree, but not with a checkpoint that
    somebody kept elsewhere.
    """
    signed: dict[int, set[bytes]] = {}
    for one in checkpoints:
        signed.setdefault(one.size, set()).add(one.root)
    last, tree = max([up_to, *signed]), Growing()
    if (bad := _root(signed, tree)) is not None:
        return Walked(events=0, divergence=bad)
    while (at := tree.size) < last:
        goal = min(at + _PAGE - at % WIDTH, last, *(size for size in signed if size > at))
        leaves, bad = await _stretch(connection, log_id, at, goal)
        if bad is not None:
            return Walked(events=bad.position - 1, divergence=bad)
        bad = await _above(connection, log_id, tree.add(leaves)) or _root(signed, tree)
        if bad is not None:
            return Walked(events=0, divergence=bad)
        progress(goal)
    return Walked(events=tree.size)


async def _stretch(
    connection: asyncpg.Connection, log_id: int, after: int, goal: int
) -> tuple[Sequence[bytes], Divergence | None]:
    """The hashes of the events after `after` up to `goal`, and the first that is missing or not as sealed."""
    strange = "none"
    try:
        leaves: Sequence[bytes] = await leaves_between(connection, log_id, after, goal)
    except Unsealable as error:
        leaves, strange = error.before, error.found
    places = [Place(0, index) for index in range(after // WIDTH, -(-goal // WIDTH))]
    tiles = await tiles_at(connection, log_id, places)
    kept = b"".join(tiles.get(place, b"").ljust(WIDTH * HASH, b"\0") for place in places)
    for number, leaf in enumerate(leaves):
        start = (after % WIDTH + number) * HASH
        if (sealed := kept[start : start + HASH]) != leaf:
            lost = not sealed.strip(b"\0")
            return leaves, Divergence(
                position=after + number + 1,
                field="hash that is kept of the event" if lost else "hash of the event",
                expected=leaf.hex() if lost else sealed.hex(),
                found="none" if lost else leaf.hex(),
                tile=str(Path(Place(0, (after + number) // WIDTH))),
            )
    position = after + len(leaves) + 1
    if position > goal:
        return leaves, await _backdated(connection, log_id, after, goal)
    told = str(position) if strange == "none" else "an event as it was sealed"
    return leaves, Divergence(position=position, field="position", expected=told, found=strange)


async def strays(connection: asyncpg.Connection, log_id: int) -> Divergence | None:
    """The first hash that is kept beyond the tree, where all that is signed is sealed."""
    row = await connection.fetchrow(_STRAYS, log_id, NAME)
    if row is None:
        return None
    place = Place(row["level"], row["index"])
    return Divergence(
        position=row["size"],
        field="hashes in the tile",
        expected=str(max(row["most"], 0)),
        found=str(row["held"]),
        tile=str(Path(place)),
    )


async def _backdated(connection: asyncpg.Connection, log_id: int, after: int, goal: int) -> Divergence | None:
    """The first event that claims to be older than the one before it, which no append records."""
    row = await connection.fetchrow(_BACKDATED, log_id, after, goal)
    if row is None:
        return None
    return Divergence(
        position=row["position"],
        field="time of recording",
        expected=f"{row['before'].isoformat()} or later",
        found=row["recorded_at"].isoformat(),
    )


async def _above(
    connection: asyncpg.Connection, log_id: int, tiles: Mapping[Place, bytes]
) -> Divergence | None:
    """The first hash that is kept above the events and is not that of the tile below it."""
    places = sorted(place for place in tiles if place.level)
    kept = await tiles_at(connection, log_id, places)
    for place in places:
        if (number := differing(tiles[place], kept.get(place, b""))) is not None:
            return Divergence(
                position=(place.index * WIDTH + number + 1) * WIDTH**place.level,
                field="hash of the tile below",
                expected=tiles[place][number * HASH : (number + 1) * HASH].hex(),
                found=kept.get(place, b"")[number * HASH : (number + 1) * HASH].hex() or "none",
                tile=str(Path(place)),
            )
    return None


def differing(hashes: bytes, kept: bytes) -> int | None:
    """The first of `hashes` that `kept`, which may go on, has not at its place."""
    if kept.startswith(hashes):
        return None
    return next(
        at // HASH for at in range(0, len(hashes), HASH) if kept[at : at + HASH] != hashes[at : at + HASH]
    )


def _root(signed: Mapping[int, set[bytes]], tree: Growing) -> Divergence | None:
    """A root that was signed for so many events, and is not theirs. Two may have been signed for as many."""
    for other in signed.get(tree.size, set()) - {tree.root}:
        expected, found = b64encode(other).decode(), b64encode(tree.root).decode()
        return Divergence(position=tree.size, field="root of all up to here", expected=expected, found=found)
    return None
