"""A benchmark that gains by not keeping what it acknowledged fails: each way to do so is tried here."""

import asyncpg
import pytest

from pulseops.db.durability import NotDurable
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from tests.benchmarks import ground as grounds
from tests.benchmarks.bench import Reading
from tests.benchmarks.ground import Ground, Untrue, require_durable, require_flushed, watched
from tests.conftest import Database
from tests.integration.appending import append, request

_COMMITS = 200


@pytest.fixture
def server(home: Home, cluster: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setattr(grounds, "_REPORTED", 1.0)
    return Ground(home, cluster)


async def committed(database: Database, *, durably: bool) -> Reading:
    """One after another, each waited for."""
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute("SELECT set_config('synchronous_commit', $1, false)", "on" if durably else "off")
    await connection.execute("CREATE TABLE IF NOT EXISTS one (n int)")
    for number in range(_COMMITS):
        await connection.execute("INSERT INTO one VALUES ($1)", number)
    await connection.close()
    return Reading(operations=_COMMITS, seconds=1.0, waiting=1)


async def test_commits_that_waited_for_the_disk_are_believed(server: Ground, database: Database) -> None:
    before = await server.flushes()
    assert before is not None
    await require_flushed(server, "durable", await committed(database, durably=True), before)


async def test_commits_that_did_not_wait_for_the_disk_are_found_out(
    server: Ground, database: Database
) -> None:
    before = await server.flushes()
    with pytest.raises(Untrue, match="flushed"):
        await require_flushed(server, "loose", await committed(database, durably=False), before)


async def test_a_login_that_does_not_wait_for_the_disk_is_refused(
    database: Database, admin: asyncpg.Connection
) -> None:
    await require_durable(database.app_url)
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    with pytest.raises(NotDurable, match="synchronous_commit"):
        await require_durable(database.app_url)


async def test_events_that_were_acknowledged_and_are_not_there_are_missed(
    database: Database, app: asyncpg.Connection
) -> None:
    measured = grounds.Database(name=database.name, url=database.app_url, admin_url=database.admin_url)
    async with watched(measured):
        await append(app, request(events=2))
        measured.acknowledged = 2
    with pytest.raises(Untrue, match="3 events were acknowledged, and 2"):
        async with watched(measured):
            measured.acknowledged = 3
