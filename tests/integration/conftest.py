"""Connections to a test's own database."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from pulseops.db.pools import open_connection, open_pool
from tests.conftest import Database
from tests.serving import Api, serving


@pytest.fixture
async def app(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """As the application connects."""
    connection = await open_connection(database.app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database.app_url)
    yield pool
    await pool.close()


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """As the superuser connects."""
    connection = await asyncpg.connect(database.admin_url)
    yield connection
    await connection.close()


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """The HTTP process, and a client with the admin's key."""
    async with serving(database.app_url) as client:
        yield client
