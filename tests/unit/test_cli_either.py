"""Database or server: which of them is meant, where a command can ask either."""

from pathlib import Path

import pytest

from pulseops.cli.either import HERE, Server
from pulseops.cli.history.exporting import events
from pulseops.cli.speak import Speak

URL, DATABASE = "https://pulseops.example", "postgresql://pulseops@db/pulseops"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path))
    for name in ("PULSEOPS_URL", "PULSEOPS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_it_is_the_database_where_nothing_names_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HERE.asked("default") is None
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", DATABASE)
    assert HERE.asked("default") is None


def test_pulseops_url_means_the_same_server_as_everywhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEOPS_URL", URL)
    assert HERE.asked("default") == Speak()
    assert HERE.asked("acme") is None, "a key is of one log, so it is the database's that is meant"
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", DATABASE)
    assert HERE.asked("default") is None, "who has the database asks that"
    assert Server(url=URL).asked("default") == Speak(url=URL)


def test_a_server_has_no_logs_to_choose_from(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        Server(key_file=Path("key")).asked("acme")
    assert "leave out --log" in capsys.readouterr().err


def test_a_range_that_ends_before_it_begins_is_no_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        events(("export", "--output", str(tmp_path / "a"), "--after", "100", "--up-to", "5"))
    assert capsys.readouterr().err == "--up-to 5 is before --after 100.\n"
    assert not list(tmp_path.iterdir())
