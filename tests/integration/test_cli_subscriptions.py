"""`pulseops subscriptions …` on a real database."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID

import asyncpg
import pytest

from pulseops.cli.subscriptions import subscriptions
from tests.conftest import Database
from tests.integration.following import begin
from tests.integration.trail import acts
from tests.integration.venom import rounds

STREAM = UUID(int=(7 << 64) + 7)
Run = Callable[..., tuple[object, str]]


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    monkeypatch.setenv("COLUMNS", "200")

    async def prepared() -> None:
        admin = await asyncpg.connect(database.admin_url)
        await rounds(admin, (STREAM,), 3)
        await begin(admin, "deadline")
        await begin(admin, "incident")
        await admin.execute("UPDATE eventstore.subscription SET position = 2 WHERE name = 'deadline'")
        await admin.close()

    asyncio.run(prepared())

    def ran(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            subscriptions(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out + captured.err

    return ran


def test_they_are_listed_parked_and_dealt(run: Run) -> None:
    code, told = run("list")
    assert (code, told.split()[:8]) == (
        0,
        ["NAME", "SHARD", "POSITION", "BEHIND", "SECONDS", "FAILURES", "PARKED", "LED"],
    )
    assert "deadline  0/1    2         1" in told
    assert "nobody" in told
    left_out = (0, f"deadline leaves {STREAM} out from position 3 on.\n")
    assert run("park", "deadline", str(STREAM)) == left_out
    assert run("park", "deadline", str(STREAM)) == left_out
    assert f"{STREAM} from position 3 on: an operator parked it" in run("list")[1]
    assert run("shard", "deadline", "3") == (0, "deadline has 3 shards from position 2 on.\n")
    found = json.loads(run("list", "--json")[1])
    shards = [one for one in found["subscriptions"] if one["name"] == "deadline"]
    assert [(one["shard"], one["shards"], one["parked"]) for one in shards] == [
        (0, 3, 0),
        (1, 3, 1),
        (2, 3, 0),
    ]
    assert [one["streamId"] for one in found["parked"]] == [str(STREAM)]


def test_what_was_dealt_is_on_the_audit_trail(run: Run, database: Database) -> None:
    assert run("shard", "deadline", "3")[0] == 0
    assert run("shard", "deadline", "65")[0] == 1
    [act] = acts(database)
    assert (act.who, act.origin, act.action) == ("system:cli", "cli", "subscriptions.operate")
    assert (act.subject, act.from_position) == ("subscription:deadline shard 3", 2)


def test_a_reset_asks_first_and_a_read_model_is_rebuilt_instead(run: Run) -> None:
    code, told = run("reset", "deadline")
    assert (code, "--yes" in told) == (2, True)
    assert run("reset", "deadline", "--to", "9", "--yes")[0] == 1
    assert run("reset", "deadline", "--to", "1", "--yes") == (0, "deadline goes on from position 1.\n")
    code, told = run("reset", "incident", "--yes")
    assert (code, "pulseops projections rebuild incident" in told) == (1, True)


def test_what_there_is_not_is_said(run: Run) -> None:
    assert run("retry", "deadline") == (0, "deadline: 0 tried, 0 taken back.\n")
    assert run("retry", "deadline", str(STREAM)) == (1, "The stream is not parked.\n")
    assert run("retry", "nobody") == (1, "There is no subscription 'nobody'.\n")
    assert run("list", "--log", "elsewhere") == (1, "There is no log named elsewhere.\n")
