"""What was published of a log, held against itself and against the tree in the database: in little memory."""

from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import HASH
from pulseops.audit.sealing import tiles_at
from pulseops.audit.shelf import Visit, earlier, newest, of_tile, register
from pulseops.audit.tiles import WIDTH, Growing, Path, Place, of_edge
from pulseops.audit.walk import Divergence

_NOTES = 1000
"""Checkpoints that are read at once."""
_PAGE = 64 * WIDTH
"""Events whose tiles are compared at once."""


class Note(Struct, frozen=True):
    """A checkpoint or a register as it was published, and where it lies."""

    path: str
    text: bytes


async def notes(visit: Visit, log: str) -> list[Note]:
    """All that were ever published, the newest last; none where nothing was. Raises Unreachable."""
    return await _read(visit, [*sorted(await visit.below(earlier(log))), newest(log)])


async def registers(visit: Visit, log: str) -> list[Note]:
    """All that were ever published. Raises Unreachable."""
    return await _read(visit, await visit.below(register(log)))


async def _read(visit: Visit, paths: Sequence[str]) -> list[Note]:
    found = list[Note]()
    for start in range(0, len(paths), _NOTES):
        some = paths[start : start + _NOTES]
        texts = await visit.read(some)
        found += [Note(path, text) for path, text in zip(some, texts, strict=True) if text is not None]
    return found


async def compare(
    connection: asyncpg.Connection,
    log_id: int,
    visit: Visit,
    log: str,
    checkpoints: Iterable[Checkpoint],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Divergence | None:
    """The first event that is sealed otherwise than it was published, if any.

    What is amiss with the place itself goes before that: a lost tile, or tiles that are not those of a
    checkpoint beside them. Raises Unreachable.
    """
    signed: dict[int, set[bytes]] = {}
    for one in checkpoints:
        signed.setdefault(one.size, set()).add(one.root)
    sizes, tree = sorted(signed), Growing()
    size, sealed, upper = max(sizes, default=0), None, dict[Place, bytes]()
    while (at := tree.size) < size:
        goal = min(at + _PAGE, size)
        leaves, bad = await _leaves(visit, log, at, goal)
        if bad is not None:
            return bad
        sealed = sealed or await _resealed(connection, log_id, at, leaves)
        for stop in sorted({goal, *sizes[bisect_right(sizes, at) : bisect_right(sizes, goal)]}):
            upper |= tree.add(leaves[tree.size - at : stop - at])
            if (bad := _root(signed.get(stop, set()), tree)) is not None:
                return bad
        edge = of_edge(size) if goal == size else []
        asked = {Path(place): tile for place, tile in upper.items() if len(tile) == WIDTH * HASH}
        asked |= {path: tile for path in edge if (tile := upper.get(path.place)) is not None}
        if (bad := await _above(visit, log, asked)) is not None:
            return bad
        upper = {place: tile for place, tile in upper.items() if len(tile) < WIDTH * HASH}
        progress(goal)
    return sealed


async def _leaves(visit: Visit, log: str, at: int, goal: int) -> tuple[list[bytes], Divergence | None]:
    """The hashes of the events after `at`, which begins a tile, up to `goal`; or which tile is lost."""
    paths = [Path(Place(0, start // WIDTH), min(WIDTH, goal - start)) for start in range(at, goal, WIDTH)]
    leaves = list[bytes]()
    for path, tile in zip(paths, await visit.read([of_tile(log, path) for path in paths]), strict=True):
        if tile is None or len(tile) != path.width * HASH:
            return leaves, _lost(path, path.width * HASH, tile)
        leaves += [tile[start : start + HASH] for start in range(0, len(tile), HASH)]
    return leaves, None


async def _resealed(
    connection: asyncpg.Connection, log_id: int, at: int, leaves: Sequence[bytes]
) -> Divergence | None:
    """The first of the events after `at` that the database has sealed otherwise."""
    places = [Place(0, index) for index in range(at // WIDTH, -(-(at + len(leaves)) // WIDTH))]
    tiles: Mapping[Place, bytes] = await tiles_at(connection, log_id, places)
    kept = b"".join(tiles.get(place, b"").ljust(WIDTH * HASH, b"\0") for place in places)
    for number, leaf in enumerate(leaves):
        if (found := kept[number * HASH : (number + 1) * HASH]) != leaf:
            return Divergence(
                position=at + number + 1,
                field="hash of the event, as it was published,",
                expected=leaf.hex(),
                found=found.hex() if found.strip(b"\0") else "none",
                tile=str(Path(places[number // WIDTH])),
            )
    return None


def _root(signed: Iterable[bytes], tree: Growing) -> Divergence | None:
    """A root that was published for so many events, and is not that of the tiles beside it."""
    for other in signed:
        if other != tree.root:
            return Divergence(
                position=tree.size,
                field="root of the published tiles up to here",
                expected=b64encode(other).decode(),
                found=b64encode(tree.root).decode(),
            )
    return None


async def _above(visit: Visit, log: str, tiles: Mapping[Path, bytes]) -> Divergence | None:
    """The first published tile that is not that of the tiles below it."""
    paths = sorted((path for path in tiles if path.place.level), key=lambda path: path.place)
    for path, found in zip(paths, await visit.read([of_tile(log, path) for path in paths]), strict=True):
        if found != tiles[path]:
            return _lost(path, len(tiles[path]), found)
    return None


def _lost(path: Path, length: int, found: bytes | None) -> Divergence:
    told = "none" if found is None else f"{len(found)}" if len(found) != length else "another"
    return Divergence(
        position=path.place.index * WIDTH ** (path.place.level + 1) + 1,
        field="published tile that begins here",
        expected=f"{length} bytes",
        found=told,
        tile=str(path),
    )
