"""`pulseops logs …` on a real database."""

import json

import pytest

from pulseops.cli.keys import key
from pulseops.cli.logs import logs
from tests.conftest import Database
from tests.integration.trail import acts


def test_a_log_is_made_once_listed_and_keys_open_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)

    def run(command: str, *tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            (logs if command == "logs" else key)(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    assert run("logs", "create", "acme")[0] == 0
    assert run("logs", "create", "acme") == (1, "There is a log named acme already.\n")
    assert run("logs", "create", "Two Words")[0] == 2
    assert json.loads(run("logs", "create", "beta", "--json")[1]) == {"id": 3, "name": "beta"}
    assert run("logs", "list")[1].split() == [
        *("ID", "NAME", "POSITION", "BEHIND"),
        *("1", "default", "0", "0"),
        *("2", "acme", "1", "1"),
        *("3", "beta", "1", "1"),
    ]

    made = [(act.who, act.action, act.subject) for act in acts(database, log_id=2)]
    assert made == [("system:cli", "logs.create", "log:acme create")]
    assert not acts(database), "a tenant hears of no other one"

    assert run("key", "create", "bot", "--role", "ingest", "--log", "nobody") == (
        1,
        "There is no log named nobody.\n",
    )
    assert run("key", "create", "bot", "--role", "ingest", "--log", "acme")[0] == 0
    assert run("key", "create", "bot", "--role", "ingest")[0] == 0, "a name is taken in its log only"
    listed = json.loads(run("key", "list", "--json")[1])
    assert [(one["name"], one["log"]) for one in listed] == [("bot", "acme"), ("bot", "default")]
