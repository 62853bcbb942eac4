"""`pulseops analyst …` on a real database: what is made, who may, and what is refused."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from pulseops.analytics.verifier import scram_verifier
from pulseops.cli.analysts import analyst, for_login
from pulseops.cli.logs import logs
from tests.conftest import Database
from tests.integration.trail import acts

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def name(database: Database) -> Iterator[str]:
    """A login's name that no other test has: roles belong to the whole cluster."""
    chosen = f"ana_{database.name}"
    yield chosen

    async def gone() -> None:
        admin = await asyncpg.connect(database.admin_url)
        if await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", chosen):
            await admin.execute(f"DROP OWNED BY {chosen}; DROP ROLE {chosen}")
        await admin.close()

    asyncio.run(gone())


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    monkeypatch.setenv("PULSEOPS_MIGRATION_URL", database.admin_url)
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*tokens: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as stopped:
            analyst(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    return ran


def asked(url: str, statement: str) -> list[tuple[object, ...]]:
    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_login_is_made_reads_its_logs_is_listed_and_shut_out(
    database: Database, run: Run, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        logs(("create", "acme"))
    capsys.readouterr()
    code, url, told = run("create", name, "--log", "acme", "--log", "default", "--timeout", "90s")
    assert code == 0
    at, ours = urlsplit(url.strip()), urlsplit(database.admin_url)
    assert (at.username, at.hostname, at.port, at.path) == (name, ours.hostname, ours.port, ours.path)
    assert at.password
    assert at.password not in told
    url = url.strip()
    assert asked(url, "SELECT name FROM analytics.log ORDER BY log_id") == [("default",), ("acme",)]
    settings = "SELECT current_setting('{}')"
    assert asked(url, settings.format("statement_timeout")) == [("90s",)]
    assert asked(url, settings.format("default_transaction_read_only")) == [("on",)]
    assert asked(url, settings.format("timezone")) == [("UTC",)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asked(url, "SELECT FROM incidents.incident")

    assert run("list")[1].split() == [
        *("NAME", "LOGS", "TIMEOUT", "CONNECTIONS"),
        *(name, "default,acme", "90s", "5"),
    ]
    for log_id in (1, 2):
        newest = acts(database, log_id=log_id)[0]
        assert (newest.who, newest.action, newest.subject) == (
            "system:cli",
            "analysts.create",
            f"analyst:{name}",
        )
        assert at.password not in str(newest)

    assert run("revoke", name) == (0, f"Revoked {name}.\n", "")
    assert acts(database, log_id=2)[0].action == "analysts.revoke"
    with pytest.raises(asyncpg.PostgresError):
        asked(url, "SELECT 1")
    assert run("revoke", name) == (1, "", f"There is no analyst named {name}.\n")


def test_whoever_is_shut_out_is_out_also_in_the_middle_of_reading(
    database: Database, run: Run, name: str
) -> None:
    """A transaction goes on reading what it began with, whoever may read what by now: so its session ends."""
    url = run("create", name)[1].strip()

    async def reading() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert await connection.fetchval("SELECT count(*) FROM analytics.log") == 1
        assert await asyncio.to_thread(run, "revoke", name) == (0, f"Revoked {name}.\n", "")
        with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError, OSError)):
            await connection.fetchval("SELECT count(*) FROM analytics.log")

    asyncio.run(reading())


def test_scripts_get_json_and_the_replica_when_there_is_one(
    database: Database, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PULSEOPS_READ_DATABASE_URL", "postgresql://pulseops@replica:5433/pulseops?sslmode=require"
    )
    made = json.loads(run("create", name, "--json")[1])
    password = urlsplit(made["url"]).password
    assert made == {
        "name": name,
        "logs": ["default"],
        "url": made["url"],
        "replica": f"postgresql://{name}:{password}@replica:5433/pulseops?sslmode=require",
    }
    assert asked(made["url"], "SELECT log_id FROM analytics.log") == [(1,)]
    [listed] = json.loads(run("list", "--json")[1])
    assert listed == {"name": name, "logs": ["default"], "timeout": "60000", "connections": 5}
    assert json.loads(run("revoke", name, "--json")[1]) == {"name": name, "dropped": True, "left": []}


def test_what_cannot_be_made_is_refused_and_nothing_of_it_stays(
    database: Database, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amiss in (
        "pg_ana",
        "pulseops_ana",
        "Ana",
        "a b",
        "a'; DROP ROLE postgres; --",
        "postgres",
        "a" * 64,
        "",
    ):
        assert run("create", amiss)[0] == 2, amiss
    assert run("create", name, "--timeout", "soon")[0] == 2
    assert run("create", name, "--timeout", "2d")[0] == 2
    assert run("create", name, "--connections", "0")[0] == 2
    assert run("create", name, "--log", "nobody") == (1, "", "There is no log named nobody.\n")
    assert run("create", name)[0] == 0
    assert run("create", name) == (1, "", f"PostgreSQL has a role named {name} already.\n")
    monkeypatch.setenv("PULSEOPS_MIGRATION_URL", database.app_url)
    for command in (("create", f"{name}_2"), ("list",), ("revoke", name)):
        code, out, told = run(*command)
        assert (code, out) == (1, "")
        assert told.startswith("This login may not make others, or not open logs to them"), told
    monkeypatch.setenv("PULSEOPS_MIGRATION_URL", database.admin_url)
    assert [one["name"] for one in json.loads(run("list", "--json")[1])] == [name]


def test_who_may_migrate_without_being_a_superuser_may_make_logins_once_it_may_give_the_role(
    database: Database, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dba = f"dba_{database.name}"
    statements = f"""
    CREATE ROLE {dba} LOGIN CREATEROLE PASSWORD 'correct horse';
    GRANT pulseops_owner, pulseops_app TO {dba};
    """
    asyncio.run(_executed(database, statements))
    try:
        monkeypatch.setenv("PULSEOPS_MIGRATION_URL", for_login(database.admin_url, dba, "correct horse"))
        code, _, told = run("create", name)
        assert code == 1
        assert "pulseops_analyst" in told
        asyncio.run(_executed(database, f"GRANT pulseops_analyst TO {dba} WITH ADMIN OPTION"))
        code, url, _ = run("create", name)
        assert code == 0
        assert asked(url.strip(), "SELECT log_id FROM analytics.log") == [(1,)]
        told = asyncio.run(_revoked_while_reading(url.strip(), run, name))
        assert "cannot end" in told
        assert "SELECT pg_terminate_backend(" in told
    finally:
        asyncio.run(_executed(database, f"DROP OWNED BY {dba}; DROP ROLE {dba}"))


async def _revoked_while_reading(url: str, run: Run, name: str) -> str:
    """What is told beside that it is done."""
    connection = await asyncpg.connect(url)
    code, _, told = await asyncio.to_thread(run, "revoke", name)
    await connection.close()
    assert code == 0
    return told


def test_a_login_that_somebody_made_by_hand_is_shut_out_and_kept(
    database: Database, run: Run, name: str
) -> None:
    by_hand = f"""
    CREATE ROLE {name} LOGIN; GRANT pulseops_analyst TO {name};
    INSERT INTO access.analyst VALUES (1, '{name}');
    """
    asyncio.run(_executed(database, by_hand))
    assert run("list")[1].split()[-4:] == [name, "default", "none", "any"]
    code, out, _ = run("revoke", name)
    assert code == 0
    assert "The role is kept" in out
    assert asked(database.admin_url, f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == [(1,)]


async def _executed(database: Database, statements: str) -> None:
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(statements)
    await admin.close()


def test_a_login_does_not_inherit_what_one_of_its_name_could_see(
    database: Database, run: Run, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        logs(("create", "acme"))
    capsys.readouterr()
    asyncio.run(_executed(database, f"INSERT INTO access.analyst VALUES (1, '{name}'), (2, '{name}')"))
    url = run("create", name, "--log", "acme")[1].strip()
    assert asked(url, "SELECT name FROM analytics.log") == [("acme",)]


def test_the_password_is_hashed_here_as_postgresql_itself_does(database: Database, name: str) -> None:
    """What the server keeps of a password that it is given, made again from the salt that it chose."""
    set_by_server = f"CREATE ROLE {name} LOGIN PASSWORD 'correct horse'"
    asked(database.admin_url, set_by_server)
    [(kept,)] = asked(database.admin_url, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")
    salt = b64decode(str(kept).split(":")[1].split("$")[0])
    assert scram_verifier("correct horse", salt) == kept
