"""`pulseops replay` as an auditor meets it."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import Database
from tests.histories import report
from tests.integration.importing import owner, worked_off
from tests.integration.taking_in import Run, done, run

__all__ = ["run"]


async def with_incidents(database: Database, *statements: str) -> None:
    async with owner(database.admin_url) as connection:
        if not statements:
            await report(connection, 5)
            await worked_off(database.app_url)
        for statement in statements:
            await connection.execute(statement)


def test_a_replay_says_that_all_is_as_history_says_or_which_row_and_column_are_not(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    done(with_incidents(database))
    code, out, told = run("replay")
    assert (code, told) == (0, "")
    assert "incidents.incident" in out
    assert out.count("sha256:") == 6
    assert "The 5 events up to position 5 say what everybody reads." in out
    code, out, _ = run("replay", "--json", "--up-to", "3")
    found = json.loads(out)
    assert (code, found["upTo"], found["head"]) == (0, 3, 5)
    assert [one["newer"] for one in found["models"]] == [2, 2, 2, 2, 0, 0]

    done(with_incidents(database, "UPDATE incidents.incident_1 SET priority = 'low' WHERE position = 2"))
    code, out, told = run("replay", "--keep")
    assert code == 1
    assert "incidents.incident is not what history says in 1 row. The first: id " in told
    assert told.rstrip().endswith("priority should be null, and is low")
    assert "kept in the schema replay" in out
    assert run("replay", "--up-to", "9") == (1, "", "History ends at position 5.\n")
    assert run("replay", "--log", "acme")[0] == 1


def test_where_and_how_a_machine_is_set_up_changes_nothing_of_what_a_replay_says(database: Database) -> None:
    done(with_incidents(database))
    machines: tuple[dict[str, str], ...] = (
        {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "PGTZ": "America/St_Johns"},
    )
    said = [
        subprocess.run(
            [sys.executable, "-m", "pulseops", "replay", "--json"],
            env=os.environ | {"PULSEOPS_DATABASE_URL": database.app_url} | machine,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for machine in machines
    ]
    assert json.loads(said[0])["upTo"] > 0
    assert said[0] == said[1]
