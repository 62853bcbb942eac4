"""The past on the command line, against a real server: what was, and what changed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from pulseops.catalog.commands import TeamValue
from pulseops.cli import differing
from pulseops.cli.access import access
from pulseops.cli.app import app
from pulseops.cli.catalog import team
from pulseops.cli.incident.comparing import show_changes
from pulseops.cli.incident.incidents import incident
from pulseops.cli.ruling import rules
from pulseops.cli.speak import PLAINLY, speaking
from pulseops.client import KeyDefinition, PulseOps, UserGrant
from pulseops.db.pools import open_pool
from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.recording import Recorder
from tests.conftest import Database

Run = Callable[..., str]


@pytest.fixture
def run(worked: Database, capsys: pytest.CaptureFixture[str]) -> Run:
    def told(command: App, *tokens: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as stopped:
            command(tokens)
        captured = capsys.readouterr()
        assert stopped.value.code == code, captured.err
        return captured.out if code == 0 else captured.err

    return told


def reported(run: Run, title: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(incident, "create", title, "--json"))
    return found


async def recorded(database: Database) -> None:
    """The rules, as a process records them once it serves."""
    pool = await open_pool(database.app_url)
    await Recorder(pool, load_rulebook(), "api").record()
    await pool.close()


def test_an_auditor_asks_what_was_and_what_changed_who_did_it_and_why(run: Run) -> None:
    one = reported(run, "Postgres primary is down")
    then = f"@{one['position']}"
    run(incident, "acknowledge", one["id"], "--note", "on it")
    run(incident, "resolve", one["id"], "--note", "failed over")
    other = reported(run, "Phishing mail reached the board")

    assert one["id"] in run(incident, "list", "--as-of", then, "--status", "open")
    assert other["id"] not in run(incident, "list", "--as-of", then)
    assert run(incident, "list", "--as-of", "@0") == "No incidents.\n"
    assert "open" in run(incident, "show", one["id"], "--as-of", then)

    told = run(incident, "diff", one["id"], "--from", then)
    assert "status" in told
    assert "resolvedBy" in told
    assert "“failed over”" in told
    assert "RESOLVED" in told
    assert run(incident, "diff", one["id"], "--from", "3", "--to", "3").splitlines()[1:] == [
        "Nothing about it changed."
    ]

    lines = run(incident, "changes", "--from", then).splitlines()
    assert any(line.startswith("ended") and "Postgres primary is down" in line for line in lines)
    assert any(line.startswith("created") and "Phishing mail" in line for line in lines)
    documents = run(incident, "changes", "--from", then, "--json").splitlines()
    assert [json.loads(line)["id"] for line in documents] == [one["id"], other["id"]]

    for wrong in ("yesterday", "3", "2026-01-01T00:00:00"):
        assert "position" in run(incident, "list", "--as-of", wrong, code=2)
    assert "There is no position" in run(incident, "list", "--as-of", "@999", code=1)


def test_rules_are_shown_and_held_against_those_of_before(run: Run, worked: Database) -> None:
    asyncio.run(recorded(worked))
    told = run(rules, "show")
    assert told.splitlines()[0] == "classification:"
    assert "policies:" in told
    assert json.loads(run(rules, "show", "--json"))["versions"]["assignment"] == "default-1"
    assert run(rules, "show", "--cited", "default-1") == told
    assert "No rules of the version acme-1" in run(rules, "show", "--cited", "acme-1", code=1)
    assert "No rules were recorded by then" in run(rules, "show", "--as-of", "@0", code=1)
    same = run(rules, "diff", "--from", "@1", "--to", "@1")
    assert same.splitlines()[1:] == ["The rules are the same."]
    assert "+  version: default-1" in run(rules, "diff", "--from", "@0")


def test_access_and_the_catalog_are_shown_as_they_were_and_what_changed_in_one_go(
    run: Run, worked: Database
) -> None:
    before = reported(run, "The beginning")["position"]
    run(team, "define", "shop", "--lead", "ada", "--note", "founded")
    with speaking(PLAINLY) as client:
        client.keys.create(KeyDefinition(name="ci", role="ingest"))
        client.users.grant("eve", UserGrant(role="viewer"))
    assert "ada" in run(team, "show", "shop")
    assert "There was no team" in run(team, "show", "shop", "--as-of", f"@{before}", code=1)
    assert "shop" not in run(team, "list", "--as-of", f"@{before}")
    shown = run(access, "show")
    assert "key:ci" in shown
    assert "user:eve" in shown
    assert "key:ci" not in run(access, "show", "--as-of", f"@{before}")
    told = run(access, "diff", "--from", f"@{before}")
    assert "added     key ci" in told
    assert "KEY.CREATED  key:admin" in told
    whole = run(app, "diff", "--from", f"@{before}")
    for line in ("Incidents", "Teams and services", "added     team shop", "Keys and users", "Rules"):
        assert line in whole.splitlines(), whole
    assert "“founded”" in whole
    assert run(access, "diff", "--from", "@0", "--to", "@0").splitlines()[-1] == "Nothing changed."


def test_who_may_see_nothing_of_what_changed_is_refused(run: Run, tmp_path: Path) -> None:
    with speaking(PLAINLY) as client:
        made = client.keys.create(KeyDefinition(name="ci", role="ingest"))
    (tmp_path / "ci.key").write_text(made.key or "")
    told = run(app, "diff", "--from", "@0", "--key-file", str(tmp_path / "ci.key"), code=1)
    for name in ("Incidents", "Teams and services", "Keys and users", "Rules"):
        assert f"{name}: this key may not see them." in told.splitlines()


def test_all_that_changed_is_told_of_the_same_two_moments_whatever_happens_meanwhile(
    run: Run, worked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(recorded(worked))
    reported(run, "The beginning")

    def and_meanwhile(client: PulseOps, *more: Any) -> Any:
        found = show_changes(client, *more)
        client.incidents.create("Meanwhile")
        client.teams.put("later", TeamValue(lead="ada"))
        return found

    monkeypatch.setattr(differing, "show_changes", and_meanwhile)
    told = run(app, "diff", "--from", "@0")
    between = {line for line in told.splitlines() if line.startswith("From ")}
    assert len(between) == 1, between
    assert told.count("From ") == 4
    assert "team later" not in told


def test_a_long_story_is_told_whole_in_words_and_as_json(run: Run) -> None:
    one = reported(run, "Postgres primary is down")
    with speaking(PLAINLY) as client:
        for number in range(204):
            client.incidents.comment(one["id"], f"Remark {number}")
    words = run(incident, "diff", one["id"], "--from", "@0")
    assert "Remark 203" in words
    lines = run(incident, "diff", one["id"], "--from", "@0", "--json").splitlines()
    pages = [json.loads(line) for line in lines]
    assert [len(page["items"]) for page in pages] == [200, 7]
    assert {page["to"]["version"] for page in pages} == {207}
