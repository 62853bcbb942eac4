"""How the tree is kept: in tiles of 256 hashes (C2SP tlog-tiles), that are only ever added to. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from pulseops.audit.merkle import HASH, Run, Subtree, halved, run_hash, subtrees

_HEIGHT = 8
WIDTH = 1 << _HEIGHT
"""Hashes of a full tile."""
_PATH = re.compile(r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Place(Struct, frozen=True, order=True):
    """The `index`-th tile of its level. A hash of level n + 1 is that of a full tile of level n."""

    level: int
    index: int


class Path(Struct, frozen=True):
    """A tile as it is asked for: whole, or its first `width` hashes."""

    place: Place
    width: int = WIDTH

    def __str__(self) -> str:
        """Such as `0/x001/234/067`, or `0/000.p/17`; below `tile/`."""
        part = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{self.place.level}/{grouped(self.place.index)}{part}"

    @classmethod
    def parsed(cls, text: str) -> "Path":
        """Raises ValueError."""
        found = _PATH.fullmatch(text)
        if found is None:
            raise ValueError("A tile is asked for as LEVEL/INDEX, such as 0/x001/234, or 0/000.p/17.")
        level, index, width = found.groups()
        path = cls(Place(int(level), int(index.replace("x", "").replace("/", ""))), int(width or WIDTH))
        if path.place.level > _HIGHEST or str(path) != text:
            raise ValueError("There is no such tile.")
        return path


_HIGHEST = 63


def grouped(number: int) -> str:
    """As part of a path: `x001/x234/067`, so that no folder has more than a thousand of a kind."""
    digits = f"{number:d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])


Tiles = Mapping[Place, bytes]
"""The hashes of some tiles, one after the other: of the last of a level perhaps not all 256 yet."""


def of_tree(size: int) -> Iterator[Path]:
    """All tiles of a tree with so many leaves, level by level."""
    level = 0
    while size:
        whole, rest = divmod(size, WIDTH)
        yield from (Path(Place(level, index)) for index in range(whole))
        if rest:
            yield Path(Place(level, whole), rest)
        level, size = level + 1, whole


def of_edge(size: int) -> list[Path]:
    """The tiles that the next leaf will change: of a tree with so many leaves the last of each level."""
    paths, level = list[Path](), 0
    while size:
        whole, rest = divmod(size, WIDTH)
        if rest:
            paths.append(Path(Place(level, whole), rest))
        level, size = level + 1, whole
    return paths


def grown(size: int, edge: Tiles, leaves: Iterable[bytes]) -> dict[Place, bytes]:
    """The tiles that change when the hashes `leaves` are added to a tree of `size`, whose last are `edge`."""
    changed, hashes, level = dict[Place, bytes](), list(leaves), 0
    while hashes:
        index, held = divmod(size, WIDTH)
        text = b"".join(hashes)
        if held:
            text = edge[Place(level, index)][: held * HASH] + text
        above = list[bytes]()
        for at in range(0, len(text), WIDTH * HASH):
            tile = text[at : at + WIDTH * HASH]
            changed[Place(level, index)] = tile
            if len(tile) == WIDTH * HASH:
                above.append(_whole(_hashes(tile)))
            index += 1
        hashes, size, level = above, size // WIDTH, level + 1
    return changed


class Growing:
    """A tree that is gone through from its first leaf on, of which no more than the edge is kept.

    Or from a `size` on, of which the `edge` is known.
    """

    def __init__(self, size: int = 0, edge: Tiles | None = None) -> None:
        self.size, self._edge = size, dict(edge or {})

    def add(self, leaves: Sequence[bytes]) -> dict[Place, bytes]:
        """The tiles that change."""
        changed = grown(self.size, self._edge, leaves)
        self.size += len(leaves)
        tiles = self._edge | changed
        self._edge = {path.place: tiles[path.place] for path in of_edge(self.size)}
        return changed

    @property
    def root(self) -> bytes:
        [root] = hashed([Run(0, self.size)], self._edge)
        return root


def needed(runs: Iterable[Run]) -> set[Place]:
    """The tiles that hold the hashes of these runs."""
    return {_home(one) for run in runs for one in subtrees(run)}


def hashed(runs: Iterable[Run], tiles: Tiles) -> list[bytes]:
    """The hashes of these runs, from the tiles that are `needed`. Raises KeyError where one is missing."""

    def find(one: Subtree) -> bytes:
        height = one.level % _HEIGHT
        start = (one.index << height) % WIDTH
        held = _hashes(tiles[_home(one)][start * HASH : (start + (1 << height)) * HASH])
        if len(held) != 1 << height:
            raise KeyError(one)
        return _whole(held)

    return [run_hash(run, find) for run in runs]


def _home(one: Subtree) -> Place:
    level, height = divmod(one.level, _HEIGHT)
    return Place(level, one.index >> (_HEIGHT - height))


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]


def _whole(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of them."""
    while len(hashes) > 1:
        hashes = halved(hashes)
    return hashes[0]
