"""Workers that publish, how far they have come, and the tree at the place, read back."""

import asyncio
from pathlib import Path

import asyncpg

from pulseops.audit.merkle import HASH, Run
from pulseops.audit.places import shelf_of
from pulseops.audit.tiles import hashed, of_tree
from pulseops.settings import Settings
from tests.conftest import Database


def settings(database: Database, key: Path, place: str) -> Settings:
    return Settings(
        database_url=database.app_url, pool_size=4, audit_key=key, audit_publish=place, audit_publish_every=1
    )


async def until(pool: asyncpg.Pool, question: str, *arguments: object) -> None:
    async with asyncio.timeout(20):
        while True:
            if await pool.fetchval(question, *arguments):
                return
            await asyncio.sleep(0.05)


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
