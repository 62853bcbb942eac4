"""What is signed and published, by workers and without, and the tree that is then at the place."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import HASH, Run
from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer
from pulseops.audit.tiles import hashed, of_tree
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import Published, publish
from pulseops.settings import Settings
from tests.conftest import Database
from tests.integration.sealing import sealed_up_to
from tests.integration.shelves import KINDS, place_of
from tests.integration.signing import long_ago

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))
TRUSTED = KEYS.verifiers


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with place_of(request.param, tmp_path, monkeypatch) as where:
        yield where


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    return place


async def sign(pool: asyncpg.Pool, admin: asyncpg.Connection, size: int) -> Checkpoint:
    """As far as history is sealed and signed."""
    await sealed_up_to(admin, size)
    await long_ago(admin)
    [made] = await Notary(pool, KEYS).sign()
    return made


async def published(pool: asyncpg.Pool, place: Path | str) -> Published | None:
    return await publish(pool, shelf_of(str(place)), TRUSTED, log_id=1, log="default")


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
