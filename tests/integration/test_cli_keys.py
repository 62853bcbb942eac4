"""`pulseops key …` on a real database."""

import json
from typing import Any

import pytest

from pulseops.access.keys import parsed
from pulseops.cli.keys import key
from tests.conftest import Database


def test_a_key_is_made_once_listed_without_its_secret_and_revoked(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)

    def run(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            key(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    code, token = run("create", "ci.bot", "--role", "ingest")
    pair = parsed(token.strip())
    assert code == 0
    assert pair is not None
    key_id, secret = pair

    assert run("create", "ci.bot", "--role", "viewer") == (1, "There is a key named ci.bot already.\n")
    assert run("create", "two words", "--role", "viewer")[0] == 2
    assert run("create", "nobody")[0] == 2, "what a key may do is said, never assumed"
    listed = run("list")[1]
    assert f"{key_id}  ci.bot  ingest" in listed
    assert secret not in listed
    assert run("revoke", key_id) == (0, f"Revoked {key_id}.\n")
    assert run("revoke", key_id)[0] == 1
    assert key_id not in run("list")[1]


def test_scripts_get_json(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)

    def run(*tokens: str) -> Any:
        with pytest.raises(SystemExit) as stopped:
            key([*tokens, "--json"])
        assert stopped.value.code == 0
        return json.loads(capsys.readouterr().out)

    made = run("create", "ci.bot", "--role", "ingest")
    pair = parsed(made["key"])
    assert pair is not None
    assert made == {"id": pair[0], "name": "ci.bot", "role": "ingest", "log": "default", "key": made["key"]}
    assert run("list") == [{"id": pair[0], "name": "ci.bot", "role": "ingest", "log": "default"}]
    assert run("revoke", pair[0]) == {"id": pair[0], "revoked": True}
    assert run("list") == []


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("", 2, "start it with `pulseops up`, or set PULSEOPS_DATABASE_URL"),
        ("postgresql://pulseops:secret@127.0.0.1:1/x", 3, "does not answer"),
    ],
)
def test_without_a_database_it_says_so(
    url: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", url)
    monkeypatch.setenv("PULSEOPS_HOME", "nowhere")
    with pytest.raises(SystemExit) as stopped:
        key(["list"])
    told = capsys.readouterr().err
    assert stopped.value.code == code
    assert said in told
    assert "secret" not in told
