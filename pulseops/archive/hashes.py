"""The hashes that go with an export: a line for each of its events, and for each stretch that was left out.

17 …       the event at position 17
18-18 …    the one at position 18, which was left out
33-64 …    32 that were left out: a stretch is always a subtree of the tree
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from pulseops.archive.cover import Piece, cover
from pulseops.audit.merkle import HASH, Run
from pulseops.audit.sealing import CannotSeal
from pulseops.audit.tiles import WIDTH, Place, Tiles, hashed

_TILES, _PIECES = 64, 2_000
"""What is held at once: tiles, and pieces that are in them."""
_DIGITS = 2 * HASH


Find = Callable[[Iterable[Place]], Awaitable[Tiles]]
"""The tiles that there are of these."""


async def rows(find: Find, owned: Iterable[Run], size: int) -> AsyncIterator[bytes]:
    """The lines, many at a time. Raises CannotSeal where the tree has lost a tile."""
    pieces, places = list[Piece](), set[Place]()
    for piece in cover(owned, size):
        pieces.append(piece)
        places |= piece.places
        if len(places) >= _TILES or len(pieces) >= _PIECES:
            yield _told(pieces, await find(places))
            pieces, places = [], set()
    yield _told(pieces, await find(places))


def _told(pieces: Iterable[Piece], tiles: Tiles) -> bytes:
    lines = list[str]()
    try:
        for piece in pieces:
            if piece.own:
                lines += _events(piece.run, tiles)
            else:
                [one] = hashed([piece.run], tiles)
                lines.append(f"{piece.run.start + 1}-{piece.run.end} {one.hex()}\n")
    except KeyError as error:
        raise CannotSeal("The tree has lost a tile: seal from the beginning.") from error
    return "".join(lines).encode()


def _events(run: Run, tiles: Tiles) -> Iterable[str]:
    first = run.start - run.start % WIDTH
    digits = tiles[Place(0, run.start // WIDTH)][: (run.end - first) * HASH].hex()
    if len(digits) < (run.end - first) * _DIGITS:
        raise KeyError(run)
    for index in range(run.start, run.end):
        at = (index - first) * _DIGITS
        yield f"{index + 1} {digits[at : at + _DIGITS]}\n"
