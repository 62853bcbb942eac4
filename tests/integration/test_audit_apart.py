"""What keeps one log from being signed, registered or published keeps no other from it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit.notary import Notary, newest_note
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import Registrar
from pulseops.audit.sealing import SEALER
from pulseops.db.pools import open_pool
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from pulseops.publishing.folder import Folder
from pulseops.publishing.publisher import Publisher
from pulseops.subscriptions.slices import Slice
from tests.conftest import Database
from tests.integration.appending import append, request
from tests.integration.proving import KEYS

_SEALED = """
INSERT INTO eventstore.subscription (log_id, name, position, updated_at)
VALUES ($1, 'seal', $2, clock_timestamp())
ON CONFLICT (log_id, name, shard) DO UPDATE SET position = excluded.position
"""


@pytest.fixture
async def hurried(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Of a process whose statements have half a second."""
    pool = await open_pool(database.app_url, size=2, command_seconds=0.5)
    yield pool
    await pool.close()


async def signed(app: asyncpg.Connection, after: int, up_to: int) -> None:
    for log_id in (1, 2):
        await append(app, request(events=up_to - after), log=log_id)
        async with app.transaction():
            await SEALER.project(app, Slice(log_id=log_id, after=after, up_to=up_to))
        await app.execute(_SEALED, log_id, up_to)
    await app.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")


async def test_a_row_that_somebody_holds_on_to_is_waited_for_by_its_own_log_alone(
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    hurried: asyncpg.Pool,
    tmp_path: Path,
) -> None:
    await create_log(app, "second", now=utc_now())
    notary, registrar = Notary(hurried, KEYS), Registrar(hurried, KEYS)
    publisher = Publisher(hurried, Folder(tmp_path), KEYS.verifiers, every=timedelta(0))
    await signed(app, 0, 10)
    assert len(await notary.sign()) == len(await registrar.make()) == len(await publisher.publish()) == 2
    await signed(app, 10, 20)
    await app.execute("UPDATE audit.register SET made_at = made_at - interval '2 hours'")
    async with admin.transaction():
        for table in ("checkpoint", "register", "published"):
            await admin.execute(f"SELECT FROM audit.{table} WHERE log_id = 1 FOR UPDATE")
        with pytest.raises((TimeoutError, asyncpg.QueryCanceledError)):
            await notary.sign()
        assert "second\n20\n" in (await newest_note(app, 2) or "")
        assert [one.log.size for one in await registrar.make()] == [20]
        assert "register/20\n" in (await newest_register(app, 2) or "")
        assert [one.log for one in await publisher.publish()] == ["second"]
    assert [one.size for one in await notary.sign()] == [20]
    assert [one.log.size for one in await registrar.make()] == [20]
    assert [(one.log, one.size) for one in await publisher.publish()] == [("default", 20), ("second", 20)]
