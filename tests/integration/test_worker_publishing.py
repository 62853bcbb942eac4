"""Workers publish what they sign, and sign whatever becomes of the place."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.audit import keyfile
from pulseops.audit.shelf import PlaceInvalid
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import publish, published
from pulseops.settings import Settings, SettingsError
from pulseops.worker import working
from tests.conftest import Database
from tests.integration.auditing import SIZE, scene
from tests.integration.publishing import settings, tree_of, until
from tests.integration.sealing import grow
from tests.integration.shelves import place_of
from tests.serving import serving

_KILLED = """
import asyncio, os, signal, sys
import asyncpg
from pathlib import Path
from pulseops.publishing import bucket, folder, repository
from pulseops.audit import keyfile
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import publish

async def replace(visit, path, content):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(url, place, key):
    for kind in (bucket, folder, repository):
        kind._Visit.replace = replace
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await publish(pool, shelf_of(place), keyfile.read(Path(key)).verifiers, log_id=1, log="default")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keyfile.make(tmp_path / "audit.key")
    return tmp_path / "audit.key"


async def test_two_workers_publish_what_they_sign_and_readiness_says_how_far(
    database: Database, app: asyncpg.Connection, pool: asyncpg.Pool, key: Path, tmp_path: Path
) -> None:
    place = tmp_path / "published"
    place.mkdir()
    told = settings(database, key, str(place))
    async with working(told), working(told):
        # One of them records the rules, once.
        await until(pool, "SELECT EXISTS (SELECT FROM eventstore.event WHERE type = 'RULES.APPLIED')")
        for size in (20, 300):
            await grow(app, size - (await app.fetchval("SELECT count(*) FROM eventstore.event")))
            await until(pool, "SELECT size = $1 AND failing_since IS NULL FROM audit.published", size)
    async with shelf_of(str(place)).visit() as visit:
        found = await published(visit, "default", keyfile.read(key).verifiers)
    assert found is not None
    assert (found.size, found.root) == (300, await tree_of(str(place), 300))
    async with serving(database.app_url) as api:
        [log] = (await api.get("/health/ready")).json()["logs"]
        assert log["publishedPosition"] == 300
        await app.execute("UPDATE audit.published SET refused = true, failing_since = clock_timestamp()")
        reasons = (await api.get("/health/ready")).json()["reasons"]
        assert "history of log default is not what was published" in reasons
    # Whoever publishes nothing more tells nothing of it.
    async with working(Settings(database_url=database.app_url, pool_size=4, audit_key=key)):
        await until(pool, "SELECT NOT EXISTS (SELECT FROM audit.published)")


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of buckets that takes every connection, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield


async def test_a_bucket_that_does_not_answer_keeps_nobody_from_signing(
    database: Database, pool: asyncpg.Pool, key: Path, black_hole: None
) -> None:
    with capture_logs() as lines:
        async with working(settings(database, key, "s3://history")):
            for size in (10, 20):
                async with pool.acquire() as app:
                    await grow(app, 10)
                await until(pool, "SELECT size >= $1 FROM audit.checkpoint", size)
    assert "history is signed without a look at what is published" in [one["event"] for one in lines]


@pytest.fixture(params=["folder", "origin", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with place_of(request.param, tmp_path, monkeypatch) as where:
        yield where


async def test_a_worker_killed_between_tiles_and_checkpoint_leaves_nothing_torn_and_the_next_goes_on(
    database: Database, admin: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path, place: str
) -> None:
    async with scene(admin, pool, tmp_path) as there:
        trusted = there.keys.verifiers
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _KILLED, database.app_url, place, str(tmp_path / "audit.key")
        )
        assert await process.wait() == -signal.SIGKILL
        async with shelf_of(place).visit() as visit:
            assert await published(visit, "default", trusted) is None
        await publish(pool, shelf_of(place), trusted, log_id=1, log="default")
        async with shelf_of(place).visit() as visit:
            found = await published(visit, "default", trusted)
    assert found is not None
    assert (found.size, found.root) == (SIZE, await tree_of(place, SIZE))


async def test_what_cannot_be_published_to_is_refused_at_the_start(
    database: Database, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="PULSEOPS_AUDIT_KEY"):
        async with working(Settings(database_url=database.app_url, audit_publish="/published")):
            pass
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PlaceInvalid, match="git"):
        async with working(settings(database, key, "git:/published")):
            pass
