"""Attacks on history with SQL: by the application's login, by the owner, by a superuser in replica mode."""

from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest

from pulseops.db.migrate import migrate
from pulseops.db.pools import open_connection
from tests.conftest import Database
from tests.integration.appending import append, request

_TABLES = ("event", "event_p0000")
_CHANGES = (
    "UPDATE eventstore.{} SET data = '{{}}'",
    "UPDATE eventstore.{} SET position = position + 1000",
    "DELETE FROM eventstore.{}",
    "DELETE FROM eventstore.{} WHERE position = 1",
    "TRUNCATE eventstore.{}",
    "TRUNCATE eventstore.{} CASCADE",
    "WITH gone AS (DELETE FROM eventstore.{} RETURNING *) SELECT * FROM gone",
    """INSERT INTO eventstore.{0} SELECT * FROM eventstore.event
      ON CONFLICT (log_id, position) DO UPDATE SET data = '{{}}'""",
    "MERGE INTO eventstore.{} e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
)
_MORE = (
    """INSERT INTO eventstore.{0} SELECT log_id, position + 1, stream_id, version + 1, type, schema_version,
      event_id, command_id, occurred_at, recorded_at, data, meta FROM eventstore.event""",
    "COPY eventstore.{} FROM PROGRAM 'true'",
    "ALTER TABLE eventstore.{} DISABLE TRIGGER ALL",
    "ALTER TABLE eventstore.{} ADD COLUMN mark int",
    "ALTER TABLE eventstore.{} OWNER TO pulseops",
    "ALTER TABLE eventstore.event DETACH PARTITION eventstore.event_p0000",
    "DROP TABLE eventstore.{}",
    "DROP TRIGGER refuse_change ON eventstore.{}",
    "CREATE RULE quietly AS ON INSERT TO eventstore.{} DO INSTEAD NOTHING",
    "CREATE TRIGGER quietly BEFORE INSERT ON eventstore.{} EXECUTE FUNCTION eventstore.refuse_change_v1()",
    "LOCK TABLE eventstore.{} IN ACCESS EXCLUSIVE MODE",
)
_AROUND = (
    "SELECT FROM eventstore.log FOR UPDATE",
    "LOCK TABLE eventstore.log IN SHARE UPDATE EXCLUSIVE MODE",
    *(
        f"{verb} eventstore.{table}"
        for table in ("stream", "command", "claim", "log")
        for verb in ("DELETE FROM", "TRUNCATE", "DROP TABLE")
    ),
    "UPDATE eventstore.stream SET version = 0",
    "INSERT INTO eventstore.command SELECT * FROM eventstore.command",
    "UPDATE eventstore.log SET floor_position = 1000",
    "INSERT INTO eventstore.alembic_version VALUES ('x')",
    """CREATE OR REPLACE FUNCTION eventstore.refuse_change_v1() RETURNS trigger LANGUAGE plpgsql
      AS 'BEGIN RETURN NEW; END'""",
    "DROP FUNCTION eventstore.append_v2(smallint, jsonb)",
    "ALTER FUNCTION eventstore.append_v2(smallint, jsonb) RESET ALL",
    "SET session_replication_role = replica",
    "SET ROLE pulseops_owner",
    "SET SESSION AUTHORIZATION postgres",
    "DROP SCHEMA eventstore CASCADE",
    "CREATE TABLE eventstore.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "CREATE TEMP TABLE event (id int)",
    "CREATE SCHEMA mine",
    *(
        f"CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        for schema in ("eventstore", "incidents", "escalation", "access", "catalog", "analytics", "public")
    ),
    "ALTER FUNCTION eventstore.append_v2(smallint, jsonb) OWNER TO pulseops",
    "ALTER DEFAULT PRIVILEGES FOR ROLE pulseops_owner GRANT ALL ON TABLES TO PUBLIC",
    "GRANT pulseops_owner TO pulseops",
    "ALTER ROLE pulseops_app SUPERUSER",
    "CREATE PUBLICATION leak FOR TABLE eventstore.event",
    "COPY eventstore.event TO PROGRAM 'true'",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_read_file('PG_VERSION')",
)


_CONTENT = "SELECT array_agg(e::text ORDER BY position) FROM eventstore.event e"


@pytest.fixture(autouse=True)
async def history(database: Database, admin: asyncpg.Connection) -> AsyncIterator[None]:
    """Two events, and whatever a test does to them, they are still what they were."""
    await migrate(database.admin_url)  # a copied database has lost what is revoked from PUBLIC
    connection = await open_connection(database.app_url)
    await append(connection, request(events=2, take="disk"))
    await connection.close()
    before = await admin.fetchval(_CONTENT)
    yield
    await admin.execute("RESET ROLE")
    assert await admin.fetchval(_CONTENT) == before
    assert len(before) == 2


def on_each(statements: Iterable[str]) -> list[str]:
    return [statement.format(table) for statement in statements for table in _TABLES]


async def survivors(
    connection: asyncpg.Connection, statements: Iterable[str], refusal: type[asyncpg.PostgresError]
) -> list[str]:
    """The statements that are not refused in the expected way."""
    found = []
    for statement in statements:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(statement)
        except refusal:
            pass
        except asyncpg.PostgresError as error:
            found.append(f"{statement}: {error!r}")
        else:
            found.append(statement)
        finally:
            await transaction.rollback()
    return found


@pytest.mark.parametrize("role", ["pulseops_app", None])
async def test_the_applications_login_may_append_and_nothing_else(
    database: Database, role: str | None
) -> None:
    connection = await open_connection(database.app_url, role=role)
    statements = (*on_each(_CHANGES), *on_each(_MORE), *_AROUND)
    assert await survivors(connection, statements, asyncpg.InsufficientPrivilegeError) == []
    await connection.close()


async def test_an_analyst_may_do_nothing_with_history(admin: asyncpg.Connection) -> None:
    await admin.execute("SET ROLE pulseops_analyst")
    statements = (
        "SELECT count(*) FROM eventstore.event",
        *on_each(_CHANGES),
        *on_each(_MORE),
        "SELECT * FROM eventstore.command",
        "SELECT * FROM eventstore.append_v1(1::smallint, '[]')",
        "SELECT * FROM eventstore.append_v2(1::smallint, '[]')",
        "SELECT eventstore.ensure_partitions_v1()",
        "SELECT secret_sha256 FROM access.api_key",
        "SELECT name FROM access.api_key",
        "COPY access.api_key TO STDOUT",
        "CREATE TEMP VIEW mine AS SELECT * FROM access.api_key",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_read_file('PG_VERSION')",
    )
    assert await survivors(admin, statements, asyncpg.InsufficientPrivilegeError) == []


async def test_no_append_waits_for_a_lock_that_anybody_may_take(app: asyncpg.Connection) -> None:
    transaction = app.transaction()
    await transaction.start()
    await append(app, request())
    await app.execute("SELECT eventstore.ensure_partitions_v1()")
    held = await app.fetch("SELECT * FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'")
    await transaction.rollback()
    assert held == []


@pytest.mark.parametrize("mode", ["origin", "local", "replica"])
@pytest.mark.parametrize("role", ["pulseops_owner", "postgres"])
async def test_not_even_the_owner_or_a_superuser_changes_an_event(
    admin: asyncpg.Connection, role: str, mode: str
) -> None:
    await admin.execute(f"SET session_replication_role = {mode}")
    await admin.execute(f"SET ROLE {role}")
    assert await survivors(admin, on_each(_CHANGES), asyncpg.RestrictViolationError) == []


async def test_every_partition_refuses_changes_whatever_the_replication_role(
    admin: asyncpg.Connection,
) -> None:
    await admin.execute("UPDATE eventstore.log SET floor_position = 7 * (2^24)::bigint")
    assert await admin.fetchval("SELECT eventstore.ensure_partitions_v1()") == 3
    rows = await admin.fetch(
        """
        SELECT c.relname, array_agg(t.tgname::text || ' ' || t.tgenabled::text ORDER BY t.tgname) AS triggers
        FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid
        WHERE c.oid = 'eventstore.event'::regclass
          OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'eventstore.event'::regclass)
        GROUP BY c.relname
        """
    )
    assert len(rows) == 7
    assert {tuple(row["triggers"]) for row in rows} == {("refuse_change A", "refuse_truncate A")}


async def test_functions_are_for_those_they_were_granted_to(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(
        """
        SELECT p.oid::regprocedure::text AS function
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = ANY ('{eventstore,incidents,escalation,access,catalog,audit,analytics}')
          AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
        """
    )
    assert [row["function"] for row in rows] == [], "PUBLIC may execute these"


async def test_functions_with_their_owners_rights_have_a_fixed_search_path(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch("SELECT proname, proconfig FROM pg_proc WHERE prosecdef")
    assert {row["proname"] for row in rows} >= {"append_v1", "append_v2", "ensure_partitions_v1"}
    for row in rows:
        assert "search_path=pg_catalog, pg_temp" in row["proconfig"], row["proname"]
