"""Real parts for the tests: our own embedded PostgreSQL and Redis, a migrated database for each test.

The servers end with this process, also when it is killed: they are on the leash (`pulseops/up/leash.py`).
"""

import asyncio
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from pulseops.db.migrate import migrate
from pulseops.up.account import account_for, traversable
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.redis import EmbeddedRedis

# Programs that tests start need not be compiled each time: that takes longer than most of them run.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PREFIX = "pulseops-test-"
ROOM = 3 << 30  # bytes free: a cluster, its log and the databases of a whole run
TEMPLATE = "pulseops_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A database of its own for one test, empty and at the newest schema."""

    name: str
    port: int
    app_url: str
    """The login `pulseops`, a member of pulseops_app."""
    admin_url: str
    """The superuser."""


@contextmanager
def on_ground() -> Iterator[Path]:
    """A folder on disk that the servers' user can reach; pytest's own, under root, are closed to it."""
    account = account_for(Path(os.devnull).with_name("nothing"))
    parents = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))
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
    with on_ground() as folder:
        yield folder


@pytest.fixture(scope="session")
def home(ground: Path) -> Home:
    return Home(ground / "home")


@pytest.fixture(scope="session")
def cluster(home: Home) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(home)
    postgres.start()
    asyncio.run(postgres.prepare())
    asyncio.run(_migrate_template(postgres))
    yield postgres
    postgres.stop(hurry=True)


@contextmanager
def new_database(cluster: EmbeddedPostgres) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    asyncio.run(_create(cluster, name))
    yield Database(name, cluster.port, cluster.url(name), cluster.url(name, admin=True))
    asyncio.run(_drop(cluster, name))


@pytest.fixture
def database(cluster: EmbeddedPostgres) -> Iterator[Database]:
    with new_database(cluster) as database:
        yield database


@pytest.fixture
def twin(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """A second one, as new as the first."""
    with new_database(cluster) as database:
        yield database


@pytest.fixture(scope="session")
def redis_url(home: Home) -> Iterator[str]:
    redis = EmbeddedRedis.find(home)
    if redis is None:
        pytest.skip("there is no Redis server for this platform")
    redis.start()
    yield redis.url
    redis.stop()


async def _migrate_template(cluster: EmbeddedPostgres) -> None:
    await _create(cluster, TEMPLATE, template="template0")
    await migrate(cluster.url(TEMPLATE, admin=True))


async def _create(cluster: EmbeddedPostgres, name: str, template: str = TEMPLATE) -> None:
    await _administer(cluster, f"CREATE DATABASE {name} TEMPLATE {template} OWNER pulseops_owner")


async def _drop(cluster: EmbeddedPostgres, name: str) -> None:
    await _administer(cluster, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _administer(cluster: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres", admin=True))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _is_fit(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    room = os.statvfs(folder)
    return not room.f_flag & os.ST_NOEXEC and room.f_bavail * room.f_frsize > ROOM


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
