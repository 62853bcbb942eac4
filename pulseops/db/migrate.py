"""Bring a database to this version's schema."""

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from pulseops.db.durability import require_durability
from pulseops.db.outages import OUTAGES
from pulseops.db.schema import migrations_folder
from pulseops.kernel.errors import PulseOpsError

_CONNECT_SECONDS = 10.0


class CannotMigrate(PulseOpsError):
    """The database cannot be brought to this version's schema."""

    code = "cannot-migrate"


async def migrate(url: str, *, revision: str = "head", allow_unsafe: bool = False) -> None:
    """Upgrade in one transaction, under a lock; several may try at once.

    `url` is that of a superuser, or of a login that has CREATEROLE and owns the database.
    Raises NotDurable, and CannotMigrate when PostgreSQL refuses or is not there.
    """
    await _run(url, revision, allow_unsafe=allow_unsafe, downgrade=False)


async def unmigrate(url: str, *, revision: str = "base") -> None:
    """Downgrade: everything above `revision` is dropped, with what is in it. Raises CannotMigrate."""
    await _run(url, revision, allow_unsafe=True, downgrade=True)


async def _run(url: str, revision: str, *, allow_unsafe: bool, downgrade: bool) -> None:
    async def connect() -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                url, timeout=_CONNECT_SECONDS, server_settings={"application_name": "pulseops migrate"}
            )
        except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
            raise CannotMigrate(
                f"The database cannot be opened: {str(error) or type(error).__name__}"
            ) from error

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
