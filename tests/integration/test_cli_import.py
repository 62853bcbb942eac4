"""`pulseops events import` as an operator meets it."""

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest

from pulseops.up.home import Home, database_of
from pulseops.up.standing import standing
from tests.conftest import Database
from tests.histories import report
from tests.integration.importing import owner, rows, taken_out
from tests.integration.sealing import root_of_history
from tests.integration.taking_in import Run, done, run

__all__ = ["run"]


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


def test_a_home_that_no_up_runs_from_is_filled_before_its_first_start(
    database: Database, ground: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(with_incidents(database.admin_url, tmp_path / "all"))
    monkeypatch.delenv("PULSEOPS_DATABASE_URL", raising=False)
    monkeypatch.delenv("PULSEOPS_MIGRATION_URL", raising=False)
    home = ground / "filled"
    with Home(home).held():
        code, _, told = run("events", "import", str(tmp_path / "all"), "--home", str(home))
        assert (code, "PulseOps already runs from" in told) == (1, True)
    code, out, told = run("events", "import", str(tmp_path / "all"), "--home", str(home), "--json")
    assert (code, told, json.loads(out)["events"]) == (0, "", 7)
    assert database_of(home, admin=True) is None, "nothing runs any more"
    with standing(home) as url:
        assert done(rows(url, "eventstore.event")) == done(rows(database.admin_url, "eventstore.event"))
        # As with an `up` that runs: whoever has the home has its superuser.
        code, _, told = run("events", "import", str(tmp_path / "all"), "--home", str(home))
        assert (code, "default has a history already" in told) == (1, True)


def test_a_copy_to_look_at_makes_no_deadlines(
    database: Database, twin: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(with_incidents(database.admin_url, tmp_path / "all"))
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", twin.admin_url)
    assert run("events", "import", str(tmp_path / "all"), "--no-deadlines")[0] == 0
    led = done(rows(twin.admin_url, "eventstore.subscription"))
    assert [(one["name"], one["position"]) for one in led] == [("deadline", 7)]


def test_what_cannot_be_read_or_named_is_a_mistake_of_the_caller(
    database: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.admin_url)
    code, _, told = run("events", "import", str(tmp_path / "none"))
    assert (code, told) == (2, f"{tmp_path / 'none'} cannot be read: No such file or directory\n")
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        code, _, told = run("events", "import", str(tmp_path / name))
        assert (code, "is no file" in told) == (2, True), told
    (tmp_path / "some").write_text("")
    assert run("events", "import", str(tmp_path / "some")) == (1, "", "The file is empty.\n")
    assert run("events", "import", str(tmp_path / "some"), "--log", "No Name")[0] == 2
    assert run("events", "import", str(tmp_path / "some"), "--key", str(tmp_path / "none"))[0] == 2


def test_facts_of_a_newer_release_come_in_where_somebody_accepts_that_what_they_are_about_waits(
    database: Database, twin: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(with_incidents(database.admin_url, tmp_path / "all"))
    newer = (tmp_path / "all").read_bytes().replace(b'"type":"CREATED"', b'"type":"HEALED"', 1)
    (tmp_path / "newer").write_bytes(newer)
    (tmp_path / "none").write_bytes(newer.replace(b"Incident 3", b"\\ud800"))
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", twin.admin_url)
    code, _, told = run("events", "import", str(tmp_path / "newer"))
    assert (code, "Line 1 holds HEALED version 1" in told, "--accept" in told) == (1, True, True)
    code, _, told = run("events", "import", str(tmp_path / "none"), "--accept")
    assert (code, told.startswith("Line 4 ")) == (1, True)
    assert run("events", "import", str(tmp_path / "newer"), "--accept")[0] == 0
    assert done(rows(twin.admin_url, "eventstore.event"))[0]["type"] == "HEALED"
