"""`pulseops doctor` finds what is wrong, says what to do, and changes nothing."""

import asyncio
import json
import socket
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit import keyfile
from pulseops.settings import Settings
from pulseops.up.doctor import examine
from pulseops.up.home import Home
from tests.conftest import Database


def diagnose(
    capsys: pytest.CaptureFixture[str], settings: Settings, home: Path
) -> tuple[int, dict[str, tuple[str, str]]]:
    code = examine(settings, home, json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] == (code == 0)
    return code, {
        one["check"]: (one["verdict"], f"{one['found']} {one.get('advice', '')}") for one in told["findings"]
    }


def test_a_machine_without_a_home_is_fit_and_stays_without(
    capsys: pytest.CaptureFixture[str], ground: Path
) -> None:
    code, found = diagnose(capsys, Settings(port=0), ground / "none-yet")
    assert code == 0
    assert {verdict for verdict, _ in found.values()} == {"ok"}
    assert "18." in found["postgresql program"][1]
    assert not (ground / "none-yet").exists()


def test_a_key_that_others_can_read_is_a_failure(capsys: pytest.CaptureFixture[str], ground: Path) -> None:
    home = Home(ground / "leaky")
    home.servers()
    home.admin_key.write_text("pulseops_secret")
    home.admin_key.chmod(0o644)
    code, found = diagnose(capsys, Settings(port=0), home.path)
    assert code == 1
    assert found["admin.key"][0] == "fail"
    assert f"chmod 600 {home.admin_key}" in found["admin.key"][1]


def test_a_key_that_cannot_sign_history_is_a_failure(
    capsys: pytest.CaptureFixture[str], ground: Path
) -> None:
    home = Home(ground / "signs")
    home.servers()
    keyfile.make(home.audit_key)
    assert diagnose(capsys, Settings(port=0), home.path)[1]["audit.key"][0] == "ok"
    home.audit_key.chmod(0o644)
    code, found = diagnose(capsys, Settings(port=0), home.path)
    assert (code, found["audit.key"][0]) == (1, "fail")
    assert f"chmod 600 {home.audit_key}" in found["audit.key"][1]
    code, found = diagnose(capsys, Settings(port=0, audit_key=ground / "none.key"), home.path)
    assert (code, found["audit.key"][0]) == (1, "fail")
    assert f"{ground / 'none.key'} cannot be read: No such file" in found["audit.key"][1]
    assert "Nothing is signed" in found["audit.key"][1]


def test_rules_that_cannot_be_used_are_a_failure_with_their_line(
    capsys: pytest.CaptureFixture[str], ground: Path
) -> None:
    rules = ground / "doctor-rules.yaml"
    rules.write_text("assignment:\n  version: mine-1\n  rooutes: []\n")
    code, found = diagnose(capsys, Settings(port=0, rules=rules), ground / "none-yet")
    assert code == 1
    assert "doctor-rules.yaml:3" in found["rules"][1]


def test_a_taken_port_is_a_warning(capsys: pytest.CaptureFixture[str], ground: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, found = diagnose(capsys, Settings(port=taken.getsockname()[1]), ground / "none-yet")
    assert (code, found["port"][0]) == (0, "warn")


def test_ones_own_servers_are_looked_at(
    capsys: pytest.CaptureFixture[str], ground: Path, database: Database, redis_url: str
) -> None:
    settings = Settings(port=0, database_url=database.app_url, redis_url=redis_url)
    code, found = diagnose(capsys, settings, ground / "none-yet")
    assert code == 0
    assert {found[check][0] for check in ("database", "schema", "redis")} == {"ok"}


def test_a_wrong_password_is_a_failure_that_does_not_repeat_it(
    capsys: pytest.CaptureFixture[str], ground: Path, database: Database
) -> None:
    settings = Settings(
        port=0, database_url=f"postgresql://pulseops:hunter2@127.0.0.1:{database.port}/pulseops"
    )
    code, found = diagnose(capsys, settings, ground / "none-yet")
    assert (code, found["database"][0]) == (1, "fail")
    assert "hunter2" not in found["database"][1]


def test_a_guard_of_history_that_was_taken_away_is_a_failure(
    capsys: pytest.CaptureFixture[str], ground: Path, database: Database
) -> None:
    async def take_away() -> None:
        connection = await asyncpg.connect(database.admin_url)
        await connection.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER refuse_change")
        await connection.close()

    settings = Settings(port=0, database_url=database.app_url)
    assert diagnose(capsys, settings, ground / "none-yet")[1]["history"][0] == "ok"
    asyncio.run(take_away())
    code, found = diagnose(capsys, settings, ground / "none-yet")
    assert (code, found["history"][0]) == (1, "fail")
    assert "eventstore.event_p0000 may be changed" in found["history"][1]
