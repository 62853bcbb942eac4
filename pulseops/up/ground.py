"""What the API and the worker stand on: a durable database at this version's schema, and a first key."""

import secrets
from typing import NamedTuple

import asyncpg

from pulseops.access.administration import NewKey, create_key, ensure_admin_key
from pulseops.access.recording import local
from pulseops.db.durability import require_durability
from pulseops.db.migrate import CannotMigrate, migrate
from pulseops.db.outages import MISTAKEN, OUTAGES
from pulseops.db.pools import open_pool
from pulseops.db.schema import schema_status
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason
from pulseops.settings import Settings, masked
from pulseops.up.home import Home, write_private
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.processes import CannotStart


class Ground(NamedTuple):
    postgres_version: str
    new_admin_key: str | None
    """Told by the start that makes it; later it is in the home alone."""


async def lay_ground(settings: Settings, home: Home, postgres: EmbeddedPostgres | None) -> Ground:
    """With an embedded server, or on the operator's own database. Safe to repeat.

    Raises:
        CannotStart: when the database is away, unsafe, or may not be migrated.
    """
    url = settings.database_url or ""
    try:
        if postgres is not None:
            await postgres.prepare()
            url, owner = postgres.url(), postgres.url(admin=True)
        else:
            url, owner = settings.session_at or "", settings.migrates_at or ""
        version, ready = await _look(url, settings)
        if postgres is not None or not ready:
            await migrate(owner, allow_unsafe=settings.allow_unsafe_durability)
        pool = await open_pool(url, size=1)
        try:
            key = await ensure_admin_key(pool, now=utc_now())
            if key is None and postgres is not None and not home.admin_key.exists():
                # Whoever has the home has the database: a lost key is no reason to be locked out.
                again = NewKey(name=f"admin-{secrets.token_hex(3)}", role="admin")
                key = (await create_key(pool, again, local("start", now=utc_now()))).token
        finally:
            pool.terminate()  # at once: Ctrl-C must not come between a key and its file
    except CannotMigrate as error:
        hint = "" if postgres else "\nPULSEOPS_MIGRATION_URL may name a login that is allowed to."
        raise CannotStart(f"{error}{hint}") from error
    except PulseOpsError as error:
        raise CannotStart(str(error)) from error
    except (*OUTAGES, *MISTAKEN, OSError, asyncpg.PostgresError) as error:
        raise CannotStart(f"{masked(url)} cannot be used: {reason(error)}") from error
    if key is not None:
        write_private(home.admin_key, f"{key}\n".encode())
    return Ground(version, key)


async def _look(url: str, settings: Settings) -> tuple[str, bool]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await require_durability(connection, allow_unsafe=settings.allow_unsafe_durability)
        version: str = await connection.fetchval("SHOW server_version")
        return version.split(maxsplit=1)[0], (await schema_status(connection)).ready
    finally:
        await connection.close()
