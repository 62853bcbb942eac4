"""A database that may lose what it has acknowledged is refused."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.db.durability import NotDurable, check_durability, require_durability
from pulseops.db.migrate import migrate
from pulseops.db.pools import open_pool
from tests.conftest import Database
from tests.integration.appending import until


@pytest.fixture
async def torn_pages(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """The whole server runs with full_page_writes off."""
    show = "SELECT current_setting('full_page_writes') = $1"
    await admin.execute("ALTER SYSTEM SET full_page_writes = off")
    await admin.execute("SELECT pg_reload_conf()")
    await until(lambda: admin.fetchval(show, "off"))
    yield
    await admin.execute("ALTER SYSTEM RESET full_page_writes")
    await admin.execute("SELECT pg_reload_conf()")
    await until(lambda: admin.fetchval(show, "on"))


async def test_the_embedded_server_keeps_what_it_acknowledges(app: asyncpg.Connection) -> None:
    assert await check_durability(app) == []
    await require_durability(app)


async def test_a_login_that_commits_without_waiting_is_refused(database: Database) -> None:
    for place in (f"DATABASE {database.name}", f"ROLE pulseops IN DATABASE {database.name}"):
        admin = await asyncpg.connect(database.admin_url)
        await admin.execute(f"ALTER {place} SET synchronous_commit = off")
        login = await asyncpg.connect(database.app_url)
        with pytest.raises(NotDurable, match="synchronous_commit is off"):
            await require_durability(login)
        await admin.execute(f"ALTER {place} RESET synchronous_commit")
        await login.close()
        await admin.close()


async def test_a_session_cannot_hide_what_its_login_starts_from(
    database: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    login = await asyncpg.connect(database.app_url)
    await login.execute("SET synchronous_commit = on")
    assert len(await check_durability(login)) == 1
    await login.execute("RESET synchronous_commit")
    await login.close()


@pytest.mark.parametrize(
    ("given", "used"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
)
async def test_our_own_connections_commit_durably_whatever_the_default(
    database: Database, admin: asyncpg.Connection, given: str, used: str
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = {given}")
    pool = await open_pool(database.app_url, size=2)
    assert await pool.fetchval("SHOW synchronous_commit") == used
    await pool.close()


@pytest.mark.usefixtures("torn_pages")
async def test_nothing_is_migrated_on_an_unsafe_server_unless_it_is_allowed_loudly(
    database: Database,
) -> None:
    with pytest.raises(NotDurable, match="full_page_writes is off"):
        await migrate(database.admin_url)
    with capture_logs() as logs:
        await migrate(database.admin_url, allow_unsafe=True)
    (line,) = (line for line in logs if line["event"] == "database.not_durable")
    assert line["log_level"] == "critical"
    assert "full_page_writes" in line["findings"][0]


async def test_not_by_alembic_itself_either(database: Database, admin: asyncpg.Connection) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    for allowed, means in (("false", False), ("true", True)):
        told = {"PULSEOPS_MIGRATION_URL": database.admin_url, "PULSEOPS_ALLOW_UNSAFE_DURABILITY": allowed}
        alembic = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            env=os.environ | told,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await alembic.communicate()
        assert (alembic.returncode == 0) is means, said.decode()
        assert b"synchronous_commit is off" in said


async def test_our_connections_are_the_applications_role(database: Database) -> None:
    pool = await open_pool(database.app_url, size=1)
    assert await pool.fetchval("SELECT current_user") == "pulseops_app"
    assert await pool.fetchval("SHOW timezone") == "UTC"
    await pool.close()
