"""Rebuilt while incidents are reported, projected and read: no reader ever sees less than it saw before."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from pulseops.eventstore.wake import Doorbell
from pulseops.incidents.listing import list_incidents
from pulseops.projections import filling
from pulseops.subscriptions.leading import Subscriptions
from tests.conftest import Database
from tests.histories import report
from tests.integration.rebuilding import MODELS, rebuilt, rows

_SEEN = """
SELECT count(*) AS incidents, count(*) FILTER (WHERE id = ANY ($1)) AS known,
  (SELECT count(*) FROM incidents.timeline) AS steps
FROM incidents.incident
"""


async def test_readers_never_see_an_empty_or_half_table(
    database: Database, pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_WINDOW", 150)
    done = asyncio.Event()
    await report(app, 1_000)
    workers = [
        Subscriptions(pool, [model.projector for model in MODELS], owner=owner, doorbell=Doorbell())
        for owner in ("one", "two")
    ]
    for worker in workers:
        worker.start()

    async def load() -> None:
        while not done.is_set():
            await report(app, 20)
            await asyncio.sleep(0)

    async def read() -> int:
        """Until the end: never fewer than last time, and whatever was seen once is there."""
        reads, least, steps = 0, 0, 0
        known: set[UUID] = set()
        while not done.is_set():
            row = await pool.fetchrow(_SEEN, list(known))
            assert (row["incidents"] >= least, row["known"], row["steps"] >= steps) == (
                True,
                len(known),
                True,
            )
            least, steps = row["incidents"], row["steps"]
            page = await list_incidents(pool, log_id=1, limit=200)
            assert len(page.items) == min(200, least) or least == 0
            known |= {incident.id for incident in page.items[:5]}
            reads += 1
        return reads

    readers = [asyncio.create_task(read()) for _ in range(2)]
    loading = asyncio.create_task(load())
    try:
        for model in MODELS:
            assert (await rebuilt(database.app_url, model)).compared is not None
    finally:
        done.set()
    await loading
    assert min(await asyncio.gather(*readers)) > 0
    for worker in workers:
        await worker.stop()
    # A last rebuild at rest brings the live ones to the head: row for row the same.
    for model in MODELS:
        await rebuilt(database.app_url, model)
        assert await rows(app, f"{model.name}_3") == await rows(app, f"{model.name}_2")
        assert len(await rows(app, model.name)) == await app.fetchval("SELECT count(*) FROM eventstore.event")
