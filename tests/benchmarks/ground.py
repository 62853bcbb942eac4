"""The ground of every bench: our own embedded PostgreSQL, as it is shipped, and what must hold on it.

Durable at the beginning and at the end of every bench; a flush to disk for every commit that somebody waited
for; and everything that was acknowledged is in the log. Loosening any of them would be faster, and fails.
"""

import asyncio
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
from msgspec import Struct

from pulseops.db.durability import require_durability
from pulseops.db.migrate import migrate
from pulseops.up.account import account_for, traversable
from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from tests.benchmarks.bench import Reading

PREFIX = "pulseops-bench-"
_TEMPLATE = "bench_template"
_numbers = itertools.count(1)

# What the server counts of its own flushes. Other methods than these flush without a call to count.
_COUNTED = {"fdatasync", "fsync", "fsync_writethrough"}
_FLUSHES = "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'"
_MOST_MISSED = 0.8
"""The share of flushes that must be seen: some were counted before, by those who were still to report."""
_REPORTED = 12.0
"""Seconds after which an idle backend has reported the flushes it made."""


class Untrue(Exception):
    """A bench gained by not keeping what it acknowledged. Its figures mean nothing."""


class Database(Struct):
    """A database at the newest schema. Whoever measures on it counts what was `acknowledged`, in events."""

    name: str
    url: str
    """As the application logs in."""
    admin_url: str
    acknowledged: int = 0


class Ground:
    """One cluster for all benches, in a folder that goes with it."""

    def __init__(self, home: Home, postgres: EmbeddedPostgres) -> None:
        self.home, self.postgres = home, postgres

    @property
    def postmaster(self) -> int:
        return self.postgres.pid

    @property
    def programs(self) -> Path:
        """Where `pgbench` is."""
        return postgres_programs(self.postgres.account, self.home.data)

    async def create(self) -> Database:
        """Empty, and there until it is dropped."""
        name = f"bench_{next(_numbers)}"
        await self.administer(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} OWNER pulseops_owner")
        url, admin_url = self.postgres.url(name), self.postgres.url(name, admin=True)
        return Database(name=name, url=url, admin_url=admin_url)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Empty, and gone afterwards. Raises what `watched` raises."""
        made = await self.create()
        try:
            async with watched(made):
                yield made
        finally:
            await self.administer(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)")

    async def administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres.url("postgres", admin=True))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def flushes(self) -> int | None:
        """How often the server has flushed its log to disk so far; None where that is not counted."""
        connection = await asyncpg.connect(self.postgres.url("postgres", admin=True))
        try:
            if await connection.fetchval("SHOW wal_sync_method") not in _COUNTED:
                return None
            flushed: int = await connection.fetchval(_FLUSHES)
            return flushed
        finally:
            await connection.close()


@asynccontextmanager
async def watched(database: Database) -> AsyncIterator[None]:
    """Raises NotDurable; and Untrue when not everything acknowledged is in the log afterwards."""
    await require_durable(database.url)
    yield
    await require_durable(database.url)
    await _require_kept(database)


async def require_durable(url: str) -> None:
    """For this login on this database. Raises NotDurable."""
    connection = await asyncpg.connect(url)
    try:
        await require_durability(connection)
    finally:
        await connection.close()


async def _require_kept(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    try:
        kept = await connection.fetchval("SELECT count(*) FROM eventstore.event")
    finally:
        await connection.close()
    if kept < database.acknowledged:
        raise Untrue(f"{database.acknowledged:,} events were acknowledged, and {kept:,} are in the log.")


async def require_flushed(ground: Ground, side: str, reading: Reading, before: int | None) -> None:
    """One flush answers at most those who waited for it. `before` is what was counted then. Raises Untrue."""
    if before is None or reading.waiting is None:
        return
    least = reading.operations / reading.waiting * _MOST_MISSED
    loop = asyncio.get_running_loop()
    until = loop.time() + _REPORTED
    while (flushed := (await ground.flushes() or 0) - before) < least:
        if loop.time() > until:
            raise Untrue(
                f"{side}: {reading.operations:,.0f} were acknowledged, {reading.waiting} at once at most, "
                f"but the log was flushed {flushed:,} times only."
            )
        await asyncio.sleep(0.5)


@contextmanager
def folder() -> Iterator[Path]:
    """On disk, where the servers' user can reach it, whatever TMPDIR is."""
    account = account_for(Path(os.devnull).with_name("nothing"))
    parents = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))
    parent = next(one for one in parents if one.is_dir() and traversable(one, account))
    for left in parent.glob(f"{PREFIX}*"):
        found = re.fullmatch(rf"{PREFIX}(\d+)-.*", left.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def ground() -> Iterator[Ground]:
    """A running server with a migrated template. Blocks; call it on the main thread, outside a loop."""
    with folder() as place:
        home = Home(place / "home")
        postgres = EmbeddedPostgres(home)
        postgres.start()
        try:
            made = Ground(home, postgres)
            asyncio.run(_laid(made))
            yield made
        finally:
            postgres.stop(hurry=True)


async def _laid(ground: Ground) -> None:
    await ground.postgres.prepare()
    await require_durable(ground.postgres.url("postgres", admin=True))
    await ground.administer(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0 OWNER pulseops_owner")
    await migrate(ground.postgres.url(_TEMPLATE, admin=True))
