"""Bring a database to this version's schema, and tell which one it has."""

from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from pulseops.db.durability import require_durability
from pulseops.db.objects import PACKAGE
from pulseops.kernel.errors import PulseOpsError

_CONNECT_SECONDS = 10.0


class CannotMigrate(PulseOpsError):
    """The database cannot be brought to this version's schema."""

    code = "cannot-migrate"


class SchemaStatus(Struct, frozen=True, kw_only=True):
    """The revision that a database has (None: no schema yet) and the one that this version needs."""

    current: str | None
    expected: str

    @property
    def ready(self) -> bool:
        return self.current == self.expected


def migrations_folder() -> Path:
    """In an installed wheel inside the package, in a checkout beside it."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


async def migrate(url: str, *, revision: str = "head", allow_unsafe: bool = False) -> None:
    """Upgrade in one transaction, under a lock; several may try at once.

    `url` is that of a superuser, or of a login that has CREATEROLE and owns the database.
    Raises NotDurable, and CannotMigrate when PostgreSQL refuses.
    """
    await _run(url, revision, allow_unsafe=allow_unsafe, downgrade=False)


async def unmigrate(url: str, *, revision: str = "base") -> None:
    """Downgrade: everything above `revision` is dropped, with what is in it. Raises CannotMigrate."""
    await _run(url, revision, allow_unsafe=True, downgrade=True)


async def schema_status(connection: asyncpg.Connection) -> SchemaStatus:
    """For health checks; any role may ask."""
    current = None
    if await connection.fetchval("SELECT to_regclass('eventstore.alembic_version') IS NOT NULL"):
        current = await connection.fetchval("SELECT version_num FROM eventstore.alembic_version")
    return SchemaStatus(current=current, expected=_expected())


@cache
def _expected() -> str:
    """Reading the scripts takes milliseconds, and health checks ask often."""
    return ScriptDirectory(str(migrations_folder())).get_current_head() or ""


async def _run(url: str, revision: str, *, allow_unsafe: bool, downgrade: bool) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            url, timeout=_CONNECT_SECONDS, server_settings={"application_name": "pulseops migrate"}
        )

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
        config.attributes["connection"] = connection
        step = command.downgrade if downgrade else command.upgrade
        step(config, revision)

    probe = await connect()
    try:
        await require_durability(probe, allow_unsafe=allow_unsafe)
    finally:
        await probe.close()
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.__cause__ if isinstance(error, DBAPIError) else error
        raise CannotMigrate(str(cause)) from error
    finally:
        await engine.dispose()
