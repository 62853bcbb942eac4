"""Real parts for the tests: our own embedded PostgreSQL and Redis, a migrated database for each test.

The servers end with this process, also when it is killed: they are on the leash (`pulseops/up/leash.py`).
"""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from pulseops.db.migrate import migrate
from pulseops.up.account import account_for, traversable
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.redis import EmbeddedRedis
from tests.databases import TEMPLATE, Database, Databases

# Programs that tests start need not be compiled each time: that takes longer than most of them run. Nor need
# the tests, of which each worker reads all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

__all__ = ["Database", "on_ground"]

PREFIX = "pulseops-test-"
ROOM = 3 << 30  # bytes free: a cluster, its log and the databases of a whole run


MEMORY = Path("/dev/shm")
DISKS = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))


@contextmanager
def on_ground(parents: Iterable[Path] = DISKS) -> Iterator[Path]:
    """A folder that the servers' user can reach; pytest's own, under root, are closed to it."""
    account = account_for(Path(os.devnull).with_name("nothing"))
    parent = next(folder for folder in parents if _is_fit(folder) and traversable(folder, account))
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """On disk, for what breaks processes, disks and whole servers."""
    with on_ground() as folder:
        yield folder


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """Of the servers that the tests share, in memory where there is room.

    They flush as anywhere, and a copy of a database waits for no disk.
    """
    with on_ground((MEMORY, *DISKS)) as folder:
        yield Home(folder / "home")


@pytest.fixture(scope="session")
def cluster(home: Home) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(home)
    postgres.start()
    asyncio.run(postgres.prepare())
    asyncio.run(_migrate_template(postgres))
    yield postgres
    postgres.stop(hurry=True)


@pytest.fixture(scope="session")
def databases(cluster: EmbeddedPostgres) -> Iterator[Databases]:
    made = Databases(cluster)
    yield made
    made.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    yield (taken := databases.take())
    databases.drop(taken)


@pytest.fixture
def twin(databases: Databases) -> Iterator[Database]:
    """A second one, as new as the first."""
    yield (taken := databases.take())
    databases.drop(taken)


@pytest.fixture(scope="session")
def redis_url(home: Home) -> Iterator[str]:
    redis = EmbeddedRedis.find(home)
    if redis is None:
        pytest.skip("there is no Redis server for this platform")
    redis.start()
    yield redis.url
    redis.stop()


async def _migrate_template(cluster: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(cluster.url("postgres", admin=True))
    await connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 OWNER pulseops_owner")
    await connection.close()
    await migrate(cluster.url(TEMPLATE, admin=True))


def _is_fit(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if folder == MEMORY:  # others want some, too: a worker has a cluster each
        free = min(free, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) // 4
    return not room.f_flag & os.ST_NOEXEC and free > ROOM


def _sweep(parent: Path) -> None:
    """Folders of test runs that were killed before they could remove them."""
    for folder in parent.glob(f"{PREFIX}*"):
        if (match := re.fullmatch(rf"{PREFIX}(\d+)-.*", folder.name)) and not _lives(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
