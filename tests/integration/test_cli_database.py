"""What a command that speaks to the database says when that refuses: never a traceback, always what to do."""

import asyncio
import re
from collections.abc import Callable

import asyncpg
import pytest

from pulseops.cli.app import app
from tests.conftest import Database

Run = Callable[..., tuple[object, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            app(tokens)
        return stopped.value.code, capsys.readouterr().err

    return ran


def administer(database: Database, statement: str) -> None:
    async def executed() -> None:
        connection = await asyncpg.connect(database.admin_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(executed())


def test_a_missing_right_is_called_so(database: Database, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    administer(database, "REVOKE SELECT ON access.api_key FROM pulseops_app")
    code, told = run("key", "list")
    assert (code, "permission denied" in told, "pulseops migrate" in told) == (1, True, True)
    assert "does not answer" not in told


def test_a_login_that_is_no_member_is_told_of_the_role(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url.replace("pulseops:", "stranger:", 1))
    password = database.app_url.split(":")[2].partition("@")[0]
    administer(database, f"CREATE ROLE stranger LOGIN PASSWORD '{password}'")
    try:
        code, told = run("key", "list")
    finally:
        administer(database, "DROP ROLE stranger")
    assert (code, "GRANT pulseops_app TO" in told) == (1, True)


def test_a_database_that_was_never_migrated_is_called_so(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    administer(database, "DROP SCHEMA access CASCADE")
    assert run("key", "list") == (
        1,
        "The database has not this version's schema: run `pulseops migrate`.\n",
    )


@pytest.mark.parametrize("generation", ["99999999999", "0", "-1"])
def test_a_generation_that_cannot_be_is_a_mistake_of_the_caller(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch, generation: str
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    code, told = run("projections", "drop", "incident", "--", generation)
    assert (code, "1 to 32767" in told) == (2, True)


@pytest.mark.parametrize("position", ["-5", "9223372036854775808"])
def test_a_position_that_cannot_be_is_a_mistake_of_the_caller(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    code, told = run("subscriptions", "reset", "deadline", f"--to={position}", "--yes")
    assert (code, "a position is 0 or more" in told) == (2, True)


@pytest.mark.parametrize(("query", "port"), [("", "99999"), ("?sslmode=bogus", "1")])
@pytest.mark.parametrize("command", [("key", "list"), ("migrate",)])
def test_an_address_that_cannot_be_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], query: str, port: str
) -> None:
    monkeypatch.setenv("PGPORT", port)
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", f"postgresql://u:hunter2@127.0.0.1/d{query}")
    code, told = run(*command)
    assert code == (1 if command == ("migrate",) else 3)
    assert re.match(r"The database cannot be opened: .*(port must be|sslmode)", told)
    assert "hunter2" not in told


def test_a_database_that_there_is_not_is_called_so(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", f"{database.app_url}_gone")
    code, told = run("key", "list")
    assert code == 3
    assert f'The database cannot be opened: database "{database.name}_gone" does not exist' in told
