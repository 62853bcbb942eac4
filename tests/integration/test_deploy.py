"""An upgrade beside the load, and releases beside each other on one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from uuid import UUID

import asyncpg
import httpx
import pytest

from pulseops.db.migrate import migrate, unmigrate
from pulseops.incidents.board import BOARD
from pulseops.incidents.timeline import TIMELINE
from pulseops.subscriptions.slices import Slice
from pulseops.up.ports import free_port
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import positions, until
from tests.releases import later_release, start
from tests.serving import Api, serving

_NEEDS_THE_LOG = "ALTER TABLE eventstore.event ADD COLUMN remark text"
"""What no migration should do: it has to have the log to itself."""
_WRITTEN = (
    "incidents.incident",
    "incidents.timeline",
    "escalation.deadline",
    "eventstore.subscription",
    "eventstore.worker",
    "access.api_key",
)
_WAITS = """
SELECT EXISTS (
  SELECT FROM pg_locks o
  WHERE o.pid = l.pid AND o.granted AND o.mode = 'AccessExclusiveLock'
    AND o.relation IN ('eventstore.log'::regclass, 'eventstore.event'::regclass)
) AS shut_out
FROM pg_locks l WHERE l.relation = $1::text::regclass AND NOT l.granted
"""
"""Whoever waits for a table: has he the log meanwhile?"""
_PAUSE = 0.01
"""Seconds between a client's requests: the machine is to be busy, not overloaded."""
_LONGEST = 10.0
"""Seconds, on a machine that does much else. A request waits for an upgrade's lock for 150 ms at most."""


class Load:
    """Clients that report and look without pause. `kept`: what was acknowledged; `worst`: in seconds."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.kept: list[UUID] = []
        self.refused: list[str] = []
        self.worst = 0.0

    async def report(self) -> None:
        while True:
            answer = await self._timed("POST", "/incident", json={"title": "Disk full on db-1"})
            if answer.status_code == 201:
                self.kept.append(UUID(answer.json()["id"]))
                await self._timed("GET", f"/incident/{self.kept[-1]}")

    async def look(self) -> None:
        while True:
            await self._timed("GET", "/incidents")

    async def go_on(self) -> None:
        """Until ten more are acknowledged, or one is refused."""
        wanted = len(self.kept) + 10

        async def enough() -> bool:
            return len(self.kept) >= wanted or bool(self.refused)

        await until(enough)

    async def _timed(self, verb: str, path: str, **more: object) -> httpx.Response:
        await asyncio.sleep(_PAUSE)
        began = perf_counter()
        answer = await self._api.request(verb, path, **more)  # type: ignore[arg-type]  # httpx's keywords
        self.worst = max(self.worst, perf_counter() - began)
        if not answer.is_success:
            self.refused.append(f"{verb} {path}: {answer.status_code} {answer.text}")
        return answer


@asynccontextmanager
async def under_load(api: Api) -> AsyncIterator[Load]:
    load = Load(api)
    tasks = [asyncio.create_task(one()) for one in (*[load.report] * 6, load.look)]
    try:
        await load.go_on()
        yield load
        await load.go_on()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def long_reader(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """An analyst whose query goes on and on: it has a read lock on the log and the board."""
    analyst = await asyncpg.connect(
        database.admin_url, server_settings={"application_name": "quarterly report"}
    )
    async with analyst.transaction(isolation="repeatable_read", readonly=True):
        await analyst.fetchval("SELECT count(*) FROM eventstore.event, incidents.incident")
        yield analyst
    await analyst.close()


async def told(stream: asyncio.StreamReader | None, words: str) -> str:
    """The next line that has these words."""
    assert stream is not None
    async with asyncio.timeout(60):
        while line := (await stream.readline()).decode():
            if words in line:
                return line
    pytest.fail(f"it ended without saying {words!r}")


async def test_an_upgrade_that_changes_nothing_waits_for_nobody(database: Database) -> None:
    async with serving(database.app_url) as api, under_load(api) as load, long_reader(database):
        upgrade = await start("migrate", database_url=database.admin_url)
        assert await upgrade.communicate() == (b"", b""), "nobody had to be waited for"
    assert load.refused == []
    assert load.worst < _LONGEST


async def test_an_upgrade_that_changes_nothing_passes_by_whoever_is_in_the_middle_of_writing(
    database: Database, app: asyncpg.Connection
) -> None:
    async with app.transaction():
        head = await report(app, 3)
        for projector in (BOARD, TIMELINE):
            await projector.project(app, Slice(log_id=1, after=0, up_to=head))
        for table in _WRITTEN:
            await app.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
        await migrate(database.admin_url, patience=0)
    assert await positions(app) == [1, 2, 3]


async def test_releases_work_side_by_side_during_and_after_an_upgrade_under_load(
    database: Database, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    later = later_release(tmp_path, upgrade=_NEEDS_THE_LOG)
    async with serving(database.app_url) as api:
        async with under_load(api) as load:
            async with long_reader(database):
                upgrade = await start("migrate", later, database_url=database.admin_url)
                for _ in range(2):
                    assert "quarterly report" in await told(upgrade.stderr, "Waiting for locks")
                await load.go_on()
            _, rest = await upgrade.communicate()
            assert upgrade.returncode == 0, rest.decode()
        assert load.refused == []
        assert load.worst < _LONGEST
        assert await admin.fetchval("SELECT version_num FROM eventstore.alembic_version") == "9999_later"

        kept = await admin.fetch("SELECT stream_id FROM eventstore.stream WHERE log_id = 1")
        assert {row[0] for row in kept} >= set(load.kept)
        found = await positions(admin)
        assert found == list(range(1, len(found) + 1))

        ready = await api.get("/health/ready")
        assert (ready.status_code, ready.json()["schema"]) == (200, "9999_later")
        async with serving(database.app_url) as again, beside(later, database, api.token) as newer:
            again.headers["authorization"] = api.headers["authorization"]
            for one, other in ((again, newer), (newer, api)):
                made = await one.post("/incident", json={"title": "Checkout fails"})
                assert (await other.get(f"/incident/{made.json()['id']}")).json()["title"] == "Checkout fails"


@asynccontextmanager
async def beside(release: Path, database: Database, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API of another release as a process of its own."""
    port = free_port(0)
    process = await start("api", release, database_url=database.app_url, port=str(port))
    headers = {"authorization": f"Bearer {token}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            await until(lambda: answers(client))
            yield client
    finally:
        process.terminate()
        await process.communicate()


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/live")).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("table", ["access.api_key", "escalation.deadline", "incidents.incident"])
async def test_an_upgrade_that_waits_keeps_nobody_from_recording(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection, table: str
) -> None:
    """It takes the log last: for whatever else it waits, appends go on."""
    await unmigrate(database.admin_url, revision="0004_access")
    analyst = app.transaction()
    await analyst.start()
    await app.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
    upgrade = asyncio.create_task(migrate(database.admin_url))
    waits = await until(lambda: admin.fetchrow(_WAITS, table))
    assert waits["shut_out"] is False
    await analyst.rollback()
    await upgrade
