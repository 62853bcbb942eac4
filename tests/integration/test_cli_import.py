"""`pulseops events import` as an operator meets it."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pulseops.cli.app import app
from tests.conftest import Database
from tests.histories import report
from tests.integration.importing import owner, rows, taken_out
from tests.integration.sealing import root_of_history

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*tokens: str) -> tuple[object, str, str]:
        try:
            app(tokens, result_action="return_value")
            code: object = 0
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def done(work: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await work

    return asyncio.run(awaited())


async def with_incidents(url: str, file: Path) -> bytes:
    async with owner(url) as connection:
        await report(connection, 7)
        root = await root_of_history(connection, 7)
    await taken_out(url, file)
    return root


def test_an_export_is_taken_in_by_whoever_may_migrate_and_by_nobody_else(
    database: Database, twin: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = done(with_incidents(database.admin_url, tmp_path / "all"))
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", twin.app_url)
    code, _, told = run("events", "import", str(tmp_path / "all"))
    assert (code, "PULSEOPS_MIGRATION_URL" in told) == (1, True)

    monkeypatch.setenv("PULSEOPS_MIGRATION_URL", twin.admin_url)
    code, out, told = run("events", "import", str(tmp_path / "all"), "--json")
    assert (code, told) == (0, "")
    assert json.loads(out) == {"log": "default", "events": 7, "root": b64encode(root).decode()}
    here, there = (done(rows(one.admin_url, "eventstore.event")) for one in (database, twin))
    assert there == here
    assert run("events", "import", str(tmp_path / "all"))[0] == 1
