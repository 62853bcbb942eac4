"""What hangs, a database or a place to publish to, keeps nobody waiting who does not need it, nor the end."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit import keyfile
from pulseops.publishing import folder
from pulseops.worker import working
from tests.conftest import Database
from tests.faults.wire import wire
from tests.integration.publishing import settings, until
from tests.integration.sealing import grow
from tests.integration.shelves import git

_SIGNED = "SELECT size >= $1 FROM audit.checkpoint"
_FAILS = "SELECT failing_since IS NOT NULL AND size = 0 FROM audit.published"
_WORK = "import os; from pulseops.settings import Settings as S; from pulseops.worker import main; "


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keyfile.make(tmp_path / "audit.key")
    return tmp_path / "audit.key"


@contextmanager
def silent(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What PULSEOPS_AUDIT_PUBLISH says of a place that never answers."""
    if kind == "folder":
        yield str(hung(folder))
    elif kind == "bucket":
        with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            yield "s3://history"
    else:
        # As ssh does that asks somebody whether the host is known.
        monkeypatch.setenv("GIT_SSH_COMMAND", "sleep 1000 #")
        git("init", "--quiet", "--bare", folder / "here.git")
        git("--git-dir", folder / "here.git", "remote", "add", "origin", "ssh://nobody@localhost/there.git")
        yield f"git:{folder / 'here.git'}"


def hung(folder: Path) -> Path:
    """One whose checkpoint nobody comes to the end of reading."""
    place = folder / "published"
    (place / "default").mkdir(parents=True)
    os.mkfifo(place / "default" / "checkpoint")
    return place


@asynccontextmanager
async def process(database: Database, key: Path, place: str) -> AsyncIterator[asyncio.subprocess.Process]:
    told = {
        "PULSEOPS_DATABASE_URL": database.app_url,
        "PULSEOPS_AUDIT_KEY": str(key),
        "PULSEOPS_AUDIT_PUBLISH": place,
        "PULSEOPS_AUDIT_PUBLISH_EVERY": "1",
    }
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{_WORK}main(S.from_environment(os.environ))"), env={**os.environ, **told}
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


@pytest.mark.parametrize("kind", ["folder", "repository", "bucket"])
async def test_a_place_that_hangs_keeps_nobody_from_signing_and_from_ending(
    database: Database, pool: asyncpg.Pool, key: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent(kind, key.parent, monkeypatch) as place:
        async with process(database, key, place) as worker:
            await signed_and_ended(pool, worker)


async def signed_and_ended(pool: asyncpg.Pool, worker: asyncio.subprocess.Process) -> None:
    async with pool.acquire() as connection:
        for size in (10, 20):
            await grow(connection, 10)
            await until(pool, _SIGNED, size)
        begun = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await worker.wait() == 0
        assert time.monotonic() - begun < 4


async def test_a_folder_that_hangs_is_told_of_and_used_again_when_it_does_not(
    database: Database, pool: asyncpg.Pool, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_SECONDS", 1.0)
    place = hung(key.parent)
    async with working(settings(database, key, str(place))):
        async with pool.acquire() as connection:
            await grow(connection, 10)
        await until(pool, _FAILS)
        await until(pool, _SIGNED, 10)
        (place / "default" / "checkpoint").rename(place / "default" / "was")
        # Whoever waits for it reads that there is nothing.
        with os.fdopen(os.open(place / "default" / "was", os.O_RDWR | os.O_NONBLOCK), "wb"):
            await until(pool, "SELECT true FROM pg_sleep(0.2)")
        await until(pool, "SELECT size >= 10 AND failing_since IS NULL FROM audit.published")


async def test_told_to_stop_a_worker_ends_soon_though_the_database_is_silent(
    database: Database, pool: asyncpg.Pool, key: Path
) -> None:
    (place := key.parent / "published").mkdir()
    async with wire(database.port) as line:
        behind = replace(database, app_url=database.app_url.replace(f":{database.port}/", f":{line.port}/"))
        async with process(behind, key, str(place)) as worker:
            await until(pool, "SELECT count(owner) = 8 FROM eventstore.subscription")
            line.hold()
            await until(pool, "SELECT true FROM pg_sleep(2)")  # each of its tasks waits for an answer
            begun = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                assert await worker.wait() == 0
        assert time.monotonic() - begun < 12
