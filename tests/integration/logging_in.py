"""Logins of analysts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from tests.conftest import Database

_PASSWORD = "correct horse"


@asynccontextmanager
async def login(database: Database, name: str) -> AsyncIterator[asyncpg.Connection]:
    """A new login, a member of pulseops_analyst."""
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{_PASSWORD}'; GRANT pulseops_analyst TO {name}")
    where = urlsplit(database.admin_url)
    connection = await asyncpg.connect(
        host=where.hostname, port=where.port, database=database.name, user=name, password=_PASSWORD
    )
    yield connection
    await connection.close()
    await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await admin.close()
