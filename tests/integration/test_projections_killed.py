"""`pulseops projections` as operators run it: killed at each phase, run again, and what it says."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

import asyncpg
import pytest

from pulseops.cli.projections import projections
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import until
from tests.integration.rebuilding import lead, rows
from tests.integration.trail import acts

_HELD = {
    # What holds the program up where it is to be killed; indexes of a few rows need no more than a moment.
    "fill": "LOCK TABLE eventstore.parked, eventstore.stream IN ACCESS EXCLUSIVE MODE",
    "index": "SELECT",
    "compare": "SELECT FROM eventstore.subscription FOR UPDATE",
    "switch": "LOCK TABLE incidents.incident IN ACCESS SHARE MODE",
}
_OURS = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = 'pulseops' AND datname = current_database() AND pid <> pg_backend_pid()
"""


async def start(database: Database, *tokens: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pulseops",
        "projections",
        *tokens,
        env={"PULSEOPS_DATABASE_URL": database.app_url},
        stdout=PIPE,
        stderr=PIPE,
    )


async def said(process: asyncio.subprocess.Process, phase: str) -> None:
    """As soon as it says that it has come to the phase."""
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if line.startswith(f"incident: {phase}"):
            return
    raise AssertionError(f"it ended before {phase}")


@pytest.mark.parametrize(
    "phase",
    [
        "fill",
        pytest.param("index", marks=pytest.mark.long),
        pytest.param("compare", marks=pytest.mark.long),
        "switch",
    ],
)
async def test_killed_at_a_phase_and_run_again_it_ends_well(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection, phase: str
) -> None:
    await report(app, 60)
    await lead(app)
    watcher = await asyncpg.connect(database.admin_url)
    async with admin.transaction():
        await admin.execute(_HELD[phase])
        first = await start(database, "rebuild", "incident")
        await said(first, phase)
        first.kill()
        await first.wait()
        assert len(await rows(watcher, "incident")) == 60
    await until(lambda: _gone(watcher))
    await report(app, 20)
    again = await start(database, "rebuild", "incident", "--json")
    out, _ = await again.communicate()
    assert again.returncode == 0
    (told,) = json.loads(out)
    assert told["generation"] == 2
    # The live one is brought to where the new one began; what came later is the workers'.
    await lead(app)
    assert await rows(watcher, "incident") == await rows(watcher, "incident_2")
    assert len(await rows(watcher, "incident")) == 80
    await watcher.close()


async def _gone(watcher: asyncpg.Connection) -> bool:
    """No session of the killed program is left: the server notices within a second."""
    return bool(await watcher.fetchval(_OURS) == 1)


def test_it_lists_drops_and_says_what_differs(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)

    async def prepare() -> None:
        connection = await asyncpg.connect(database.admin_url)
        await report(connection, 8)
        await lead(connection)
        await connection.execute("UPDATE incidents.incident_1 SET title = 'changed' WHERE position = 3")
        await connection.close()

    asyncio.run(prepare())

    def run(*tokens: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as stopped:
            projections(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    code, out, err = run("rebuild", "incident", "timeline")
    assert (code, out) == (1, "")
    assert "1 differ" in err
    assert "--accept" in err
    listed = json.loads(run("list", "--json")[1])
    states = {(one["name"], one["generation"]): one["state"] for one in listed}
    assert states == {
        ("service", 1): "live",
        ("response", 1): "live",
        ("stint", 1): "live",
        ("team", 1): "live",
        ("incident", 1): "live",
        ("incident", 2): "ready",
        ("timeline", 1): "retired",
        ("timeline", 2): "live",
    }
    assert "ready" in run("list")[1]
    assert run("drop", "incident", "1")[0] == 1
    assert run("drop", "incident", "2") == (0, "Dropped generation 2 of incident.\n", "")
    code, out, _ = run("rebuild", "incident", "--accept")
    assert code == 0
    # Two of them are what was done here so far.
    assert "incident is generation 2 now: 10 events" in out
    assert run("rebuild", "nothing")[0] != 0
    assert [(act.who, act.subject) for act in acts(database)] == [
        ("system:cli", "projection:incident rebuild to generation 2, not compared"),
        ("system:cli", "projection:incident drop generation 2"),
        ("system:cli", "projection:timeline rebuild to generation 2"),
    ]
