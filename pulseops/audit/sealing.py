"""The sealer: a follower of the log that adds each event to the log's tree. What is sealed once stays so.

Sealed again from the beginning, history must give the very same tree: where it does not, somebody has changed
it, and the sealer goes no further.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

import asyncpg
import msgspec

from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import HASH, leaf_hash
from pulseops.audit.tiles import WIDTH, Path, Place, grown, of_edge
from pulseops.eventstore.codec import COLUMNS
from pulseops.kernel.errors import PulseOpsError
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

NAME = "seal"
"""The subscription that seals: as far as it has come, so large is the tree."""

_EVENTS = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND position > $2 AND position <= $3 ORDER BY position
"""  # noqa: S608 -- a constant of ours
# Each by its whole key: planned while the table was empty, a join would go by log_id alone.
_TILES = """
SELECT a.level, a.index, (
  SELECT t.hashes FROM audit.tile AS t WHERE t.log_id = $1 AND t.level = a.level AND t.index = a.index
) AS hashes
FROM unnest($2::smallint[], $3::bigint[]) AS a(level, index)
"""
# Of two the shorter must be the beginning of the longer, which stays. What is not so is not written.
_KEEP = """
INSERT INTO audit.tile AS t (log_id, level, index, hashes)
SELECT $1, a.level, a.index, a.hashes
FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS a(level, index, hashes)
ON CONFLICT (log_id, level, index) DO UPDATE
SET hashes = CASE WHEN length(excluded.hashes) > length(t.hashes) THEN excluded.hashes ELSE t.hashes END
WHERE substr(t.hashes, 1, length(excluded.hashes)) = substr(excluded.hashes, 1, length(t.hashes))
RETURNING t.level, t.index
"""


STRANGE = (struct.error, msgspec.MsgspecError, AttributeError, OverflowError, TypeError, ValueError)
"""What comes of a row that was written past the append: of a time beyond the calendar, of nothing at all."""


class CannotSeal(PulseOpsError):
    """This stretch of history cannot be sealed."""

    code = "cannot-seal"


class NotAsSealed(CannotSeal):
    """History is not what was sealed."""

    code = "not-as-sealed"

    def __init__(self, position: int) -> None:
        super().__init__(f"{type(self).__doc__} The first event that differs is at position {position}.")
        self.position = position


class Unsealable(CannotSeal):
    """History holds what no append can have recorded."""

    code = "unsealable"

    def __init__(self, position: int, found: str, before: Sequence[bytes] = ()) -> None:
        super().__init__(f"{type(self).__doc__} At position {position} there is {found}.")
        self.found, self.before = found, before


async def tiles_at(
    connection: asyncpg.Connection, log_id: int, places: Iterable[Place]
) -> dict[Place, bytes]:
    """Those of the tiles that there are."""
    asked = list(places)
    levels, indices = [one.level for one in asked], [one.index for one in asked]
    rows = await connection.fetch(_TILES, log_id, levels, indices)
    return {Place(row["level"], row["index"]): row["hashes"] for row in rows if row["hashes"] is not None}


async def _seal(connection: asyncpg.Connection, piece: Slice) -> None:
    """Raises CannotSeal."""
    if piece.shards != 1 or piece.parked or piece.only:
        raise CannotSeal(
            "A tree is of all events, one after the other: it has no shards, and leaves nothing out."
        )
    leaves = await leaves_between(connection, piece.log_id, piece.after, piece.up_to)
    if len(leaves) != piece.up_to - piece.after:
        raise CannotSeal(f"There is no event at position {piece.after + len(leaves) + 1}.")
    edge = of_edge(piece.after)
    known = await tiles_at(connection, piece.log_id, (path.place for path in edge))
    tiles = grown(piece.after, whole(edge, known), leaves)
    kept = await connection.fetch(
        _KEEP,
        piece.log_id,
        [place.level for place in tiles],
        [place.index for place in tiles],
        [*tiles.values()],
    )
    if len(kept) != len(tiles):
        refused = min(tiles.keys() - {Place(row["level"], row["index"]) for row in kept})
        raise await _differing(connection, piece.log_id, refused, tiles[refused])


async def leaves_between(connection: asyncpg.Connection, log_id: int, after: int, up_to: int) -> list[bytes]:
    """The hashes of the events after `after` up to `up_to`, or to before the first that is missing.

    Read by a tile's worth at a time, because events may be long. Raises Unsealable.
    """
    leaves = list[bytes]()
    for start in range(after, up_to, WIDTH):
        goal = min(start + WIDTH, up_to)
        for position, leaf in await _leaves(connection, log_id, start, goal, leaves):
            come = after + len(leaves)
            if position == come:
                raise Unsealable(position, "more than one event", leaves[:-1])
            if position != come + 1:
                return leaves
            leaves.append(leaf)
        if len(leaves) < goal - after:
            return leaves
    return leaves


async def _leaves(
    connection: asyncpg.Connection, log_id: int, after: int, up_to: int, before: Sequence[bytes]
) -> Sequence[tuple[int, bytes]]:
    """Raises Unsealable, with those before it."""
    try:
        rows = await connection.fetch(_EVENTS, log_id, after, up_to)
        return [(row["position"], leaf_hash(sealed(row))) for row in rows]
    except STRANGE as error:
        if up_to - after == 1:
            raise Unsealable(up_to, "an event that cannot be sealed", before) from error
    found = list[tuple[int, bytes]]()
    for position in range(after, up_to):
        known = [*before, *(leaf for _, leaf in found)]
        found += await _leaves(connection, log_id, position, position + 1, known)
    return found


async def kept_leaves(connection: asyncpg.Connection, log_id: int, after: int, up_to: int) -> list[bytes]:
    """The hashes of the events after `after` up to `up_to`, as they were sealed; zeros where none is."""
    places = [Place(0, index) for index in range(after // WIDTH, -(-up_to // WIDTH))]
    tiles = await tiles_at(connection, log_id, places)
    kept = b"".join(tiles.get(place, b"").ljust(WIDTH * HASH, b"\0") for place in places)
    first = places[0].index * WIDTH
    return [kept[(at - first) * HASH : (at - first + 1) * HASH] for at in range(after, up_to)]


def whole(edge: Sequence[Path], known: Mapping[Place, bytes]) -> Mapping[Place, bytes]:
    """`known`, which holds these tiles at least so far. Raises CannotSeal."""
    for path in edge:
        if len(known.get(path.place, b"")) < path.width * HASH:
            raise CannotSeal(f"The tree has lost its tile {path}: seal from the beginning.")
    return known


async def _differing(
    connection: asyncpg.Connection, log_id: int, place: Place, hashes: bytes
) -> NotAsSealed | CannotSeal:
    """What to say of a tile that is not the one that was kept."""
    kept = (await tiles_at(connection, log_id, [place]))[place]
    if place.level:
        return CannotSeal(f"The tile {Path(place)} is not that of the tiles below it.")
    first = next(
        at for at in range(WIDTH) if kept[at * HASH : (at + 1) * HASH] != hashes[at * HASH : (at + 1) * HASH]
    )
    return NotAsSealed(place.index * WIDTH + first + 1)


SEALER = Projector(NAME, _seal)
