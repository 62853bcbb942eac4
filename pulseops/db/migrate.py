"""Bring a database to this version's schema, beside whoever works on it."""

import asyncio
from collections.abc import Callable
from time import monotonic

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from pulseops.db.durability import require_durability
from pulseops.db.outages import MISTAKEN, OUTAGES
from pulseops.db.schema import migrations_folder, schema_status
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason

PATIENCE = 120.0
"""Seconds for which an upgrade is tried again while others hold what it needs."""

_CONNECT_SECONDS = 10.0
_PAUSE_FIRST, _PAUSE_LAST = 0.1, 2.0
# A lock that was not to be had in time, a deadlock; of two who change one row of the catalog, the second.
_PASSING = ("55P03", "40P01")
_TOGETHER = "tuple concurrently updated"

_HOLDERS = """
SELECT DISTINCT ON (a.xact_start) format('%s (%s, %s) since %s s', a.pid,
  coalesce(nullif(a.application_name, ''), 'unnamed'), a.usename,
  round(extract(epoch FROM clock_timestamp() - a.xact_start)))
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND a.xact_start < clock_timestamp() - interval '150 ms'
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND c.relnamespace::regnamespace::text
    = ANY ('{eventstore,incidents,escalation,access,catalog,audit,analytics}')
ORDER BY a.xact_start LIMIT 3
"""


class CannotMigrate(PulseOpsError):
    """The database cannot be brought to this version's schema."""

    code = "cannot-migrate"


async def migrate(
    url: str,
    *,
    revision: str = "head",
    allow_unsafe: bool = False,
    patience: float = PATIENCE,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> None:
    """Upgrade in one transaction, under a lock; several may try at once, and a load may run.

    No statement waits for a lock longer than a request bears (`db/sql/one_at_a_time.sql`); what had to give
    up comes again, whole, for `patience` seconds. Nothing is done on a newer schema that bears this version.

    `url` is that of a superuser, or of a login that has CREATEROLE and owns the database.
    Raises NotDurable, and CannotMigrate when PostgreSQL refuses or is not there.
    """
    connection = await _connect(url)
    try:
        await require_durability(connection, allow_unsafe=allow_unsafe)
        schema = await schema_status(connection)
    except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
        raise CannotMigrate(reason(error)) from error
    finally:
        await connection.close()
    if schema.newer:
        if not schema.ready:
            raise CannotMigrate(schema.problem)
        tell(
            f"The database has schema {schema.current}, which is newer and bears this version: nothing to do."
        )
        return
    until, pause = monotonic() + patience, _PAUSE_FIRST
    while (missed := await _run(url, revision, downgrade=False)) is not None:
        holders = await _holders(url)
        if monotonic() + pause > until:
            told = f"Held by {'; '.join(holders)}." if holders else "Who holds them is gone again."
            raise CannotMigrate(
                f"Others kept the locks that the upgrade needs for {patience:.0f} s; nothing was changed. "
                f"{told} Try again when they are done."
            ) from missed
        tell(f"Waiting for locks that others have: {'; '.join(holders) or 'just now'}.")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _PAUSE_LAST)


async def unmigrate(url: str, *, revision: str = "base") -> None:
    """Downgrade: everything above `revision` is dropped, with what is in it. Raises CannotMigrate."""
    if (missed := await _run(url, revision, downgrade=True)) is not None:
        raise CannotMigrate(str(missed)) from missed


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(
            url, timeout=_CONNECT_SECONDS, server_settings={"application_name": "pulseops migrate"}
        )
    except (*OUTAGES, *MISTAKEN, OSError, asyncpg.PostgresError) as error:
        raise CannotMigrate(f"The database cannot be opened: {reason(error)}") from error


async def _run(url: str, revision: str, *, downgrade: bool) -> Exception | None:
    """Once, whole or not at all: the error when another try may do. Raises CannotMigrate."""

    def step(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
        config.attributes["connection"] = connection
        (command.downgrade if downgrade else command.upgrade)(config, revision)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(step)
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # SQLAlchemy wraps its dialect's error, and that the driver's
            cause = cause.__cause__
        if getattr(cause, "sqlstate", None) in _PASSING or _TOGETHER in str(cause):
            return error
        raise CannotMigrate(str(cause)) from error
    finally:
        await engine.dispose()
    return None


async def _holders(url: str) -> list[str]:
    """Who has had a lock on a table of ours for long, in words; what this login may not see is left out."""
    connection = await _connect(url)
    try:
        return [row[0] for row in await connection.fetch(_HOLDERS)]
    except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
        raise CannotMigrate(reason(error)) from error
    finally:
        await connection.close()
