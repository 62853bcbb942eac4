"""Upgrades beside others: another upgrade, a stranger, whoever holds what they need, an older release."""

import asyncio

import asyncpg
import pytest

from pulseops.db.migrate import CannotMigrate, migrate
from pulseops.db.schema import expected_revision
from tests.conftest import Database
from tests.integration.appending import append, request, until

_WAITS = """
SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'eventstore.alembic_version'::regclass)
"""
_ENABLED = """
SELECT tgenabled::text FROM pg_trigger
WHERE tgrelid = 'eventstore.event_p0000'::regclass AND tgname = 'refuse_truncate'
"""


async def test_upgrades_of_one_database_take_turns(database: Database, admin: asyncpg.Connection) -> None:
    async with admin.transaction():
        await admin.execute("LOCK TABLE eventstore.alembic_version IN SHARE ROW EXCLUSIVE MODE")
        other = asyncio.create_task(migrate(database.admin_url, patience=0))
        await until(lambda: admin.fetchval(_WAITS))
    await other


async def test_a_stranger_cannot_keep_an_upgrade_waiting(database: Database, app: asyncpg.Connection) -> None:
    await app.execute("SELECT pg_advisory_lock(1347767381, 0)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("BEGIN; LOCK TABLE eventstore.alembic_version IN SHARE ROW EXCLUSIVE MODE")
    await app.execute("ROLLBACK")
    await migrate(database.admin_url, patience=0)


async def test_an_upgrade_that_cannot_have_its_locks_gives_up_and_says_who_has_them(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    # A trigger that is switched off is switched on again, for which no append may be under way.
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER refuse_truncate")
    told: list[str] = []
    async with app.transaction():
        await append(app, request())
        with pytest.raises(CannotMigrate, match=r"for 0 s; nothing was changed\. Held by \d+ \(pulseops, "):
            await migrate(database.admin_url, patience=0)
        assert await admin.fetchval(_ENABLED) == "D"
        upgrade = asyncio.create_task(migrate(database.admin_url, tell=told.append))
        await until(lambda: asyncio.sleep(0, told))
        assert "Waiting for locks that others have: " in told[0]
    await upgrade
    assert await admin.fetchval(_ENABLED) == "A"


async def test_an_older_release_changes_nothing_in_a_newer_database(
    database: Database, admin: asyncpg.Connection
) -> None:
    told: list[str] = []
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '9999_later'")
    await admin.execute("DROP FUNCTION incidents.project_timeline_v1")
    await migrate(database.admin_url, tell=told.append)
    assert "schema 9999_later, which is newer and bears this version: nothing to do" in told[0]
    assert await admin.fetchval("SELECT to_regproc('incidents.project_timeline_v1')") is None
    await admin.execute("DELETE FROM eventstore.compatible")
    with pytest.raises(CannotMigrate, match=f"no longer bears this version .made for {expected_revision()}."):
        await migrate(database.admin_url)


async def test_each_upgrade_says_anew_which_code_the_schema_bears(
    database: Database, admin: asyncpg.Connection
) -> None:
    bears = "SELECT array_agg(revision ORDER BY revision) FROM eventstore.compatible"
    before = await admin.fetchval(bears)
    assert expected_revision() in before
    await admin.execute("INSERT INTO eventstore.compatible VALUES ('0000_stray')")
    await migrate(database.admin_url)
    assert await admin.fetchval(bears) == before
