"""The schema: up, down, checked, printed, by several at once, and by whom."""

import asyncio
import io
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from pulseops.db.metadata import metadata
from pulseops.db.migrate import CannotMigrate, migrate, unmigrate
from pulseops.db.schema import migrations_folder, schema_status
from tests.conftest import Database
from tests.integration.appending import append, positions, request, until
from tests.integration.schemas import schema

_WAITING = """
SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_MIGRATE = (
    "import asyncio, sys; from pulseops.db.migrate import migrate; asyncio.run(migrate(sys.stdin.read()))"
)


@pytest.fixture
async def empty(database: Database) -> AsyncIterator[str]:
    """The superuser's address of a database where nothing of ours is; created and dropped here."""
    name = f"{database.name}_empty"
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield database.admin_url.replace(f"/{database.name}", f"/{name}")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def printed(step: str) -> str:
    output = io.StringIO()
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(migrations_folder()))
    getattr(command, step)(config, "head" if step == "upgrade" else "head:base", sql=True)
    return output.getvalue()


async def run_printed(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def test_up_and_down_and_up_again(empty: str) -> None:
    nothing = await schema(empty)
    await migrate(empty)
    everything = await schema(empty)
    await unmigrate(empty)
    assert await schema(empty) == nothing
    await migrate(empty)
    assert await schema(empty) == everything


async def test_every_revision_can_be_gone_back_to(database: Database, app: asyncpg.Connection) -> None:
    await append(app, request())
    before = await schema(database.admin_url)
    revisions = [script.revision for script in ScriptDirectory(str(migrations_folder())).walk_revisions()]
    for revision in revisions[1:]:
        await unmigrate(database.admin_url, revision=revision)
        status = await schema_status(app)
        assert (status.current, status.ready) == (revision, False)
        assert await positions(app) == [1], "history stays"
    await migrate(database.admin_url)
    assert await schema(database.admin_url) == before


async def test_a_second_upgrade_changes_nothing_and_keeps_history(
    database: Database, app: asyncpg.Connection
) -> None:
    await append(app, request())
    before = await schema(database.admin_url)
    await migrate(database.admin_url)
    assert await schema(database.admin_url) == before
    assert [one.position for one in await append(app, request())] == [2]


async def test_an_upgrade_puts_changed_functions_right(database: Database, admin: asyncpg.Connection) -> None:
    before = await schema(database.admin_url)
    await admin.execute(
        """
        CREATE OR REPLACE FUNCTION eventstore.refuse_change_v1() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN RETURN NEW; END';
        ALTER TABLE eventstore.event DISABLE TRIGGER refuse_truncate;
        DROP FUNCTION eventstore.append_v1;
        REVOKE SELECT ON eventstore.stream FROM pulseops_app;
        """
    )
    await migrate(database.admin_url)
    assert await schema(database.admin_url) == before


async def test_the_tables_in_the_code_are_the_tables_in_the_database(database: Database) -> None:
    def check(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.check(config)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(database.admin_url),
        poolclass=NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(check)
    await engine.dispose()


async def test_the_printed_sql_makes_the_same_schema(empty: str, database: Database) -> None:
    nothing = await schema(empty)
    await run_printed(empty, printed("upgrade"))
    assert await schema(empty) == await schema(database.admin_url)
    await run_printed(empty, printed("downgrade"))
    assert await schema(empty) == nothing


async def test_several_may_migrate_at_once(empty: str) -> None:
    admin = await asyncpg.connect(empty)
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(1347767381, 0)")
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _MIGRATE, stdin=PIPE, stdout=PIPE, stderr=STDOUT
            )
            for _ in range(2)
        ]
        answers = asyncio.gather(*(process.communicate(empty.encode()) for process in processes))
        await until(lambda: admin.fetchval(_WAITING))
    assert [output.decode() for output, _ in await answers] == ["", ""]
    assert (await schema_status(admin)).ready
    await admin.close()


async def test_the_application_knows_whether_the_schema_is_its_own(
    app: asyncpg.Connection, admin: asyncpg.Connection, empty: str
) -> None:
    status = await schema_status(app)
    assert status.ready
    assert not status.newer
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '0001_eventstore'")
    assert (await schema_status(app)).current == "0001_eventstore"
    assert "run `pulseops migrate` first" in (await schema_status(app)).problem
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '9999_later'")
    assert (await schema_status(app)).ready, "its own revision is still among the compatible ones"
    await admin.execute("DELETE FROM eventstore.compatible")
    assert "start a newer one" in (await schema_status(app)).problem
    await admin.execute("DROP TABLE eventstore.compatible")
    assert "start a newer one" in (await schema_status(app)).problem
    bare = await asyncpg.connect(empty)
    assert (await schema_status(bare)).current is None
    await bare.close()


async def test_an_owner_of_the_database_who_is_no_superuser_may_migrate(
    empty: str, database: Database, admin: asyncpg.Connection
) -> None:
    name, login = empty.rpartition("/")[2], f"{database.name}_dba"
    url = f"postgresql://{login}:secret@127.0.0.1:{database.port}/{name}"
    await admin.execute(f"CREATE ROLE {login} LOGIN CREATEROLE PASSWORD 'secret'")
    # Before PostgreSQL 16, CREATEROLE was enough to help oneself to the roles.
    with pytest.raises(CannotMigrate, match=r"GRANT pulseops_owner, pulseops_app TO|owns the database"):
        await migrate(url)
    await admin.execute(f"GRANT pulseops_owner, pulseops_app TO {login}")
    with pytest.raises(CannotMigrate, match="owns the database"):
        await migrate(url)
    await admin.execute(f"ALTER DATABASE {name} OWNER TO {login}")
    await migrate(url)
    assert await schema(empty) == await schema(database.admin_url)
    await unmigrate(url)
    await admin.execute(f"ALTER DATABASE {name} OWNER TO postgres")
    await admin.execute(f"DROP ROLE {login}")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:secret@127.0.0.1:1/none", "Connection refused at 127.0.0.1 port 1"),
        ("mysql://u:secret@127.0.0.1:1/none", "scheme is expected"),
        ("secret", "scheme is expected"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_told_without_its_password(url: str, why: str) -> None:
    with pytest.raises(CannotMigrate, match=f"^The database cannot be opened: .*{why}") as caught:
        await migrate(url)
    assert "secret@" not in str(caught.value)


async def test_the_applications_login_may_not_migrate(empty: str, database: Database) -> None:
    url = database.app_url.replace(f"/{database.name}", f"/{empty.rpartition('/')[2]}")
    with pytest.raises(CannotMigrate, match="superuser"):
        await migrate(url)


def test_every_table_and_column_says_what_it_is() -> None:
    for table in metadata.tables.values():
        assert table.comment, table.fullname
        for column in table.columns:
            assert column.comment, f"{table.fullname}.{column.name}"
