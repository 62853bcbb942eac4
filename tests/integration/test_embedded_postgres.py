"""Our launcher against a real PostgreSQL."""

import asyncpg

from tests.conftest import Database


async def test_the_application_logs_in_with_its_password_and_is_no_superuser(database: Database) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        assert await connection.fetchval("SELECT current_setting('is_superuser')") == "off"
        assert await connection.fetchval("SELECT pg_has_role('pulseops_app', 'MEMBER')")
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()
