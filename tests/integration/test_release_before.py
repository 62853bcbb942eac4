"""The release before on our database: while it is upgraded, afterwards, and its work taken over by ours."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pulseops.db.pools import open_connection, open_pool
from pulseops.db.schema import schema_status
from pulseops.eventstore.codec import COLUMNS
from pulseops.eventstore.wake import Doorbell
from pulseops.incidents.board import BOARD
from pulseops.incidents.timeline import TIMELINE
from pulseops.subscriptions.leading import Subscriptions
from pulseops.wiring import CODEC
from tests import before
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import positions, until
from tests.integration.folding import Past, folded_board, folded_timeline, stored, without_versions
from tests.integration.following import running
from tests.releases import start

_LAST = "SELECT max(position) FROM eventstore.event"
_CAUGHT_UP = """
SELECT count(*) = 2 FROM eventstore.subscription WHERE log_id = 1 AND name IN ('incident', 'timeline')
  AND position = (SELECT max(position) FROM eventstore.event WHERE log_id = 1)
"""
_FACTS = f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = 1 ORDER BY position"


@pytest.fixture
async def old(database: Database) -> AsyncIterator[Database]:
    """A database as that release left it."""
    name = f"{database.name}_before"
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER pulseops_owner")
    there, ours = f"/{name}", f"/{database.name}"
    made = Database(
        name, database.port, database.app_url.replace(ours, there), database.admin_url.replace(ours, there)
    )
    connection = await asyncpg.connect(made.admin_url)
    await connection.execute(before.SCHEMA)
    await connection.close()
    yield made
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_the_release_before_works_through_the_upgrade_and_beside_this_one(old: Database) -> None:
    lines = [await open_connection(old.app_url) for _ in range(4)]
    reporting, projecting, reading, looking = lines
    worker = before.Worker(projecting)
    await worker.take()
    stored_up_to = 0

    async def reports() -> None:
        nonlocal stored_up_to
        while True:
            stored_up_to = await report(reporting, 3, by=before.APPEND)
            await asyncio.sleep(0.01)

    async def reads() -> None:
        while True:
            await before.read(reading)
            await asyncio.sleep(0.01)

    async def more() -> None:
        wanted = stored_up_to + 30
        async with asyncio.timeout(30):
            while stored_up_to < wanted:
                assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
                await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(one) for one in (reports(), worker.lead(), reads())]
    try:
        await more()
        upgrade = await start("migrate", database_url=old.admin_url)
        _, told = await upgrade.communicate()
        assert upgrade.returncode == 0, told.decode()
        assert (await schema_status(looking)).ready
        await more()
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in ends if not isinstance(one, asyncio.CancelledError)] == []
    assert await positions(looking) == list(range(1, await looking.fetchval(_LAST) + 1))

    await worker.release()
    await followed(old, looking)
    for line in lines:
        await line.close()


async def followed(database: Database, connection: asyncpg.Connection) -> None:
    """This release's projectors take over, and the tables say what the fold says."""
    await report(connection, 5)
    pool = await open_pool(database.app_url)
    doorbell = Doorbell(None, database="test")
    async with running(Subscriptions(pool, (BOARD, TIMELINE), owner="ours", doorbell=doorbell)):
        await until(lambda: connection.fetchval(_CAUGHT_UP))
    facts = [CODEC.decode(row) for row in await connection.fetch(_FACTS)]
    past: Past = {one: [] for one in dict.fromkeys(fact.stream_id for fact in facts)}
    for fact in facts:
        past[fact.stream_id].append(fact)
    assert without_versions(await stored(connection, "incident_1", 1)) == folded_board(past, 1)
    assert without_versions(await stored(connection, "timeline_1", 1)) == folded_timeline(past, 1)
    await doorbell.close()
    await pool.close()
