"""The tree that is published, read back from its place."""

from pulseops.audit.merkle import HASH, Run
from pulseops.audit.places import shelf_of
from pulseops.audit.tiles import hashed, of_tree


async def tree_of(place: str, size: int) -> bytes:
    """The root of the tree that is there, from the files that the standard names."""
    paths = list(of_tree(size))
    async with shelf_of(place).visit() as visit:
        found = await visit.read([f"default/tile/{path}" for path in paths])
    tiles = {}
    for path, tile in zip(paths, found, strict=True):
        assert tile is not None, path
        assert len(tile) == path.width * HASH
        tiles[path.place] = tile
    [root] = hashed([Run(0, size)], tiles)
    return root
