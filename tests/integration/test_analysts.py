"""Attacks by an analyst's own login: on other logs' rows, on tables, functions, roles and statistics."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from docs.generate import views
from docs.promise import present
from pulseops.db.migrate import migrate
from tests.conftest import Database
from tests.integration.led import follow
from tests.integration.logging_in import login
from tests.integration.rebuilding import MODELS, rebuilt
from tests.integration.tenants import Tenant, tenant
from tests.serving import Api

_CANARY = "canary-7c20"
_VIEWS = (
    *("log", "incident", "timeline", "deadline", "team", "service", "event", "response", "stint"),
    *("assignment", "acknowledgement", "escalation", "correction", "hourly", "daily", "work", "load"),
    "freshness",
)

_PRIVILEGE, _NO_TABLE = asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError
_REFUSED: dict[str, tuple[type[asyncpg.PostgresError], str]] = {
    # The schemas behind the views are closed.
    **{
        f"SELECT * FROM {table}": (_PRIVILEGE, "schema")
        for table in (
            "incidents.incident",
            "incidents.incident_1",
            "incidents.timeline_1",
            "incidents.response",
            "incidents.stint_1",
            "escalation.deadline",
            "catalog.team_1",
            "eventstore.event",
            "eventstore.event_p0000",
            "eventstore.log",
            "eventstore.stream",
            "access.api_key",
            "access.analyst",
            "eventstore.append_v2(1::smallint, '[]')",
            "eventstore.create_log_v1('mine', clock_timestamp())",
            "incidents.knows_v2('CREATED', 1::smallint)",
            "incidents.responses_v1(1::smallint, '{}', 1)",
            "access.rotate_key_v1(1::smallint, '', '', clock_timestamp(), clock_timestamp())",
        )
    },
    "COPY incidents.incident_1 TO STDOUT": (_PRIVILEGE, "schema"),
    "COPY eventstore.event TO PROGRAM 'cat'": (_PRIVILEGE, "pg_execute_server_program"),
    "SELECT * FROM ts_stat('SELECT to_tsvector(title) FROM incidents.incident_1')": (_PRIVILEGE, "schema"),
    "DO $$ BEGIN PERFORM FROM incidents.incident_1; END $$": (_PRIVILEGE, "schema"),
    "INSERT INTO access.analyst VALUES (1, session_user)": (_PRIVILEGE, "schema"),
    # The views are to be read, and belong to somebody else.
    "UPDATE analytics.incident SET log_id = 2": (_NO_TABLE, "cannot update"),
    "DELETE FROM analytics.event": (_NO_TABLE, "cannot delete"),
    "INSERT INTO analytics.log VALUES (9, 'mine', clock_timestamp())": (_NO_TABLE, "cannot insert"),
    "SELECT FROM analytics.incident FOR UPDATE": (_PRIVILEGE, "view incident"),
    "LOCK TABLE analytics.incident IN ACCESS EXCLUSIVE MODE": (_PRIVILEGE, "view incident"),
    "ALTER VIEW analytics.incident SET (security_barrier = false)": (_PRIVILEGE, "must be owner"),
    "CREATE OR REPLACE VIEW analytics.log AS SELECT 1::smallint AS log_id": (_PRIVILEGE, "schema"),
    "SELECT analytics.publish_v1('mine', 'SELECT 1::smallint AS log_id')": (_PRIVILEGE, "function"),
    # There is nowhere to put an object, so nothing to shadow ours with or to leak through.
    "CREATE TEMP TABLE analyst AS SELECT 1": (_PRIVILEGE, "temporary"),
    "CREATE TEMP VIEW mine AS SELECT 1": (_PRIVILEGE, "temporary"),
    "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.1 LANGUAGE sql AS 'SELECT true'": (
        _PRIVILEGE,
        "temporary",
    ),
    "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'": (_PRIVILEGE, "schema"),
    "CREATE SCHEMA mine": (_PRIVILEGE, "database"),
    # Nobody else to become, and nothing to get from the server's own.
    "SET ROLE pulseops_app": (_PRIVILEGE, "role"),
    "SET ROLE pulseops_owner": (_PRIVILEGE, "role"),
    "SET ROLE postgres": (_PRIVILEGE, "role"),
    "SET SESSION AUTHORIZATION postgres": (_PRIVILEGE, "session authorization"),
    "GRANT pulseops_app TO pulseops_analyst": (_PRIVILEGE, "role"),
    "SET session_replication_role = replica": (_PRIVILEGE, "parameter"),
    "SELECT * FROM pg_statistic": (_PRIVILEGE, "pg_statistic"),
    "SELECT * FROM pg_authid": (_PRIVILEGE, "pg_authid"),
    "SELECT lo_import('/etc/hostname')": (_PRIVILEGE, "lo_import"),
    # What an upgrade, a rebuild and the register hold so that there is one of each: nobody else may.
    "SELECT pg_advisory_lock(1347767383, 1)": (_PRIVILEGE, "pg_advisory_lock"),
    "SELECT pg_advisory_xact_lock_shared(1347767381)": (_PRIVILEGE, "pg_advisory_xact_lock_shared"),
    "SELECT pg_try_advisory_lock(1347767382, hashtext('response'))": (_PRIVILEGE, "pg_try_advisory_lock"),
    # Nor anything that fills the disk, whatever the transaction says of writing.
    "SET transaction_read_only = off; SELECT lo_create(0)": (_PRIVILEGE, "lo_create"),
    "SET transaction_read_only = off; SELECT lo_from_bytea(0, 'x')": (_PRIVILEGE, "lo_from_bytea"),
    "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000))": (_PRIVILEGE, "pg_logical_emit_message"),
    "SELECT pg_read_file('PG_VERSION')": (_PRIVILEGE, "pg_read_file"),
    "CREATE PUBLICATION leak FOR ALL TABLES": (_PRIVILEGE, "database"),
    "COPY analytics.incident TO STDOUT": (asyncpg.WrongObjectTypeError, "view"),
}

# Whatever is set before, and however it is asked.
_SETTINGS = (
    "SET ROLE pulseops_analyst",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET row_security = off",
    "SET search_path = incidents, eventstore, access, pg_temp",
    "SET pulseops.log_id = '1'; SET pulseops.login = 'postgres'; SET app.tenant = 'default'",
    "SET application_name = 'postgres'",
    "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET from_collapse_limit = 1",
    "SET debug_parallel_query = on; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0",
)
_ASKED = (
    *(f"SELECT v::text FROM analytics.{view} v" for view in _VIEWS),
    "SELECT * FROM ts_stat('SELECT to_tsvector(v::text) FROM analytics.incident v')",
    "SELECT a.title FROM analytics.incident a RIGHT JOIN analytics.event b ON b.incident_id = a.id",
    "SELECT string_agg(v::text, '') OVER () FROM analytics.timeline v WHERE true OR log_id = 1",
    "SELECT v::text FROM analytics.incident v WHERE log_id = 1",
    "SELECT b::text FROM analytics.backlog_at_v1(clock_timestamp()) b",
    "SELECT s::text FROM pg_stats s",
    "SELECT s::text FROM pg_stats_ext s",
    "SELECT a::text FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()",
    "SELECT m::text FROM pg_largeobject_metadata m",
)

# What each incident goes through, so that no view is empty.
_LIFE: dict[str, dict[str, str | bool]] = {
    "escalate": {},
    "acknowledge": {},
    "category": {"category": "network", "correction": True},
    "assign": {"responder": "ana"},
    "resolve": {},
    "reopen": {},
}


@pytest.fixture
async def ours(database: Database, api: Api, admin: asyncpg.Connection) -> Tenant:
    """The second log's, with an incident titled 42; every row of the first log's has the canary."""
    await migrate(database.admin_url)  # a copied database has lost what is revoked from PUBLIC
    first, second = Tenant(api, api.token, 1), await tenant(api, "ours")
    for who, name in ((first, _CANARY), (second, "ours")):
        made = await who.report(_CANARY if who is first else "42", service=name, labels={"label": name})
        for verb, asked in _LIFE.items():
            answer = await who.ask("POST", f"/incident/{made['id']}/{verb}", json={"note": name, **asked})
            assert answer.is_success, answer.text
        for path, body in ((f"/teams/{name}", {}), (f"/services/{name}", {"team": name})):
            answer = await who.ask("PUT", path, json={"description": name, **body})
            assert answer.is_success, answer.text
        await follow(api.app.state.pool, who.log_id)
    await admin.execute("ANALYZE")
    return second


@pytest.fixture
async def ana(
    database: Database, ours: Tenant, admin: asyncpg.Connection
) -> AsyncIterator[asyncpg.Connection]:
    """An analyst to whom the second log is open."""
    name = f"ana_{database.name}"
    async with login(database, name) as connection:
        await admin.execute("INSERT INTO access.analyst VALUES ($1, $2)", ours.log_id, name)
        yield connection


async def attempt(connection: asyncpg.Connection, statement: str) -> str:
    """What stops it, in words, or nothing; and nothing of it stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await transaction.rollback()
    return ""


async def test_an_analyst_is_refused_whatever_is_not_reading_a_view(ana: asyncpg.Connection) -> None:
    amiss = {}
    for statement, (kind, words) in _REFUSED.items():
        said = await attempt(ana, statement)
        if not (said.startswith(f"{kind.__name__}: ") and words in said):
            amiss[statement] = said
    assert amiss == {}


async def test_an_analyst_sees_the_rows_of_its_log_and_of_no_other(
    ana: asyncpg.Connection, ours: Tenant, admin: asyncpg.Connection
) -> None:
    for view in _VIEWS:
        logs = await ana.fetch(f"SELECT DISTINCT log_id FROM analytics.{view}")
        assert [row["log_id"] for row in logs] == [ours.log_id], view
    assert await ana.fetchval("SELECT title FROM analytics.incident") == "42"
    events = "SELECT count(*) FROM {} e WHERE log_id = $1 AND strpos(type, '.') = 0"
    assert await ana.fetchval(events.format("analytics.event"), ours.log_id) == await admin.fetchval(
        events.format("eventstore.event"), ours.log_id
    )


async def test_nothing_that_a_login_may_set_shows_it_more(
    ana: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    assert await admin.fetchval("SELECT count(*) FROM incidents.incident WHERE title = $1", _CANARY) == 1
    for setting in ("SELECT 1", *_SETTINGS):
        await ana.execute(setting)
        for statement in _ASKED:
            assert _CANARY not in str(await ana.fetch(statement)), (setting, statement)
        await ana.execute("RESET SESSION AUTHORIZATION; RESET ALL")


async def test_no_condition_of_an_analyst_is_asked_of_a_row_of_another_log(
    ana: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """The function costs next to nothing: a planner that may would ask it first. No analyst could make it."""
    heard = list[str]()
    await admin.execute(
        """
        CREATE FUNCTION public.leak(anyelement) RETURNS boolean COST 0.0001 LANGUAGE plpgsql
          AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'
        """
    )
    ana.add_log_listener(lambda _connection, message: heard.append(str(message)))
    for view in _VIEWS:
        assert await ana.fetch(f"SELECT FROM analytics.{view} v WHERE public.leak(v)")
        assert await ana.fetch(f"SELECT FROM analytics.{view} v WHERE public.leak(v::text) AND v.log_id > 0")
    assert len(heard) >= 2 * len(_VIEWS)
    assert [one for one in heard if _CANARY in one] == []
    assert await ana.fetchval("SELECT count(*) FROM analytics.incident WHERE title::integer = 42") == 1


async def test_a_login_without_a_log_sees_nothing_and_one_that_is_shut_out_nothing_more(
    database: Database, ana: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    async with login(database, f"bob_{database.name}") as bob:
        for view in _VIEWS:
            assert await bob.fetchval(f"SELECT count(*) FROM analytics.{view}") == 0
    await admin.execute("DELETE FROM access.analyst")
    for view in _VIEWS:
        assert await ana.fetchval(f"SELECT count(*) FROM analytics.{view}") == 0


async def test_the_application_cannot_say_who_reads_what(app: asyncpg.Connection) -> None:
    for statement in (
        "SELECT FROM access.analyst",
        "INSERT INTO access.analyst VALUES (1, 'pulseops')",
        "UPDATE access.analyst SET login = 'pulseops'",
        "DELETE FROM access.analyst",
        "SELECT FROM analytics.incident",
        "GRANT pulseops_analyst TO pulseops",
        "SELECT analytics.publish_v1('mine', 'SELECT 1::smallint AS log_id')",
        "CREATE VIEW analytics.mine AS SELECT 1",
        "ALTER VIEW analytics.event RENAME TO gone",
        "ALTER ROLE pulseops_analyst LOGIN",
    ):
        assert (await attempt(app, statement)).startswith("InsufficientPrivilegeError: "), statement


async def test_an_upgrade_takes_back_what_analysts_were_given_and_mends_a_view(
    database: Database, ana: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        """
        GRANT USAGE ON SCHEMA incidents TO pulseops_analyst;
        GRANT SELECT ON incidents.incident_1, incidents.incident TO pulseops_analyst;
        GRANT SELECT (title) ON incidents.incident_1 TO PUBLIC;
        GRANT EXECUTE ON FUNCTION eventstore.append_v2 TO pulseops_analyst;
        ALTER VIEW analytics.incident SET (security_barrier = false);
        """
    )
    assert not await attempt(ana, "SELECT title FROM incidents.incident_1")
    await migrate(database.admin_url)
    for statement in ("SELECT title FROM incidents.incident_1", "SELECT title FROM incidents.incident"):
        assert (await attempt(ana, statement)).startswith("InsufficientPrivilegeError: "), statement
    mended = "SELECT reloptions FROM pg_class WHERE oid = 'analytics.incident'::regclass"
    assert "security_barrier=true" in await admin.fetchval(mended)


async def test_an_upgrade_that_changes_no_view_does_not_wait_for_who_reads_them(
    database: Database, ana: asyncpg.Connection
) -> None:
    async with ana.transaction():
        for view in _VIEWS:
            await ana.fetch(f"SELECT FROM analytics.{view}")
        await migrate(database.admin_url, patience=0)


async def test_a_rebuilt_read_model_is_read_through_the_same_view(
    database: Database, ana: asyncpg.Connection
) -> None:
    for model in MODELS:
        await rebuilt(database.app_url, model)
    assert await ana.fetchval("SELECT array_agg(title) FROM analytics.incident") == ["42"]


async def test_one_incident_is_found_by_its_key_and_not_by_reading_every_log(
    ana: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """The barrier keeps conditions back that could leak; those on keys cannot, and reach the index."""
    await ana.execute("SET enable_seqscan = off")
    incident = await ana.fetchval("SELECT id FROM analytics.incident")
    for view, column in (("incident", "id"), ("timeline", "incident_id")):
        rows = await ana.fetch(f"EXPLAIN SELECT * FROM analytics.{view} WHERE {column} = '{incident}'")
        plan = "\n".join(row[0] for row in rows)
        assert f"{column} = '{incident}'" in plan.partition("Index Cond")[2].partition("\n")[0], plan


async def test_every_view_and_column_says_what_it_is_and_is_what_the_document_says(
    admin: asyncpg.Connection,
) -> None:
    rows = await admin.fetch(
        """
        SELECT c.oid::regclass::text AS view, obj_description(c.oid, 'pg_class') AS about, a.attname,
          format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS told
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind <> 'i' ORDER BY a.attnum
        """
    )
    document = "\n".join(views()).replace("timestamptz", "timestamp with time zone")
    assert {row["view"] for row in rows} == {f"analytics.{view}" for view in _VIEWS}
    for row in rows:
        section = document.partition(f"### {row['view']}\n")[2].partition("###")[0]
        assert row["about"] in section, row["view"]
        assert f"| `{row['attname']}` | {row['type']} | {row['told']} |" in section


async def test_every_function_says_what_it_is_and_reads_with_the_rights_of_its_caller(
    ana: asyncpg.Connection, admin: asyncpg.Connection, ours: Tenant
) -> None:
    rows = await admin.fetch(
        """
        SELECT p.proname AS name, obj_description(p.oid, 'pg_proc') AS about, p.prosecdef AS by_owner,
          has_function_privilege('pulseops_analyst', p.oid, 'EXECUTE') AS open,
          has_function_privilege('pg_monitor', p.oid, 'EXECUTE') AS open_to_all
        FROM pg_proc p WHERE p.pronamespace = 'analytics'::regnamespace
        """
    )
    document = "\n".join(views())
    assert [row["name"] for row in rows if row["open_to_all"] or row["by_owner"]] == []
    assert {row["name"] for row in rows if row["open"]} == set(present()["functions"])
    for row in rows:
        if row["open"]:
            section = document.partition(f"### analytics.{row['name']}\n")[2].partition("###")[0]
            assert row["about"] in section, row["name"]
    found = await ana.fetch("SELECT log_id FROM analytics.backlog_at_v1(clock_timestamp())")
    assert [row["log_id"] for row in found] == [ours.log_id]


async def test_how_far_behind_the_views_are_is_told(
    ana: asyncpg.Connection, admin: asyncpg.Connection, ours: Tenant
) -> None:
    fresh = "SELECT model, behind, true_until, left_out FROM analytics.freshness ORDER BY model"
    newest = "SELECT max(recorded_at) FROM eventstore.event WHERE log_id = $1"
    for row in await ana.fetch(fresh):
        until = await admin.fetchval(newest, ours.log_id)
        assert (row["behind"], row["true_until"], row["left_out"]) == (0, until, 0), row["model"]
    await ours.report("One more")
    await admin.execute(
        "UPDATE eventstore.subscription SET parked = array[gen_random_uuid()] WHERE name = 'response'"
    )
    for row in await ana.fetch(fresh):
        assert row["behind"] > 0
        assert row["true_until"] < await admin.fetchval(newest, ours.log_id)
        assert row["left_out"] == (row["model"] == "response")
