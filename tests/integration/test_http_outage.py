"""Days on which the database is away: nothing acknowledged is lost, and nobody is told what is not known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest

from pulseops import app
from pulseops.access import guards
from pulseops.db.pools import open_pool
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.incidents.commands import Create
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import OutcomeUnknown
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import CODEC, assemble
from tests.conftest import Database
from tests.faults.wire import Wire, wire
from tests.serving import Api, serving

_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON eventstore.stream FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


@asynccontextmanager
async def _behind_a_wire(database: Database) -> AsyncIterator[tuple[Api, Wire]]:
    async with wire(database.port) as between:
        url = database.app_url.replace(f":{database.port}/", f":{between.port}/")
        async with serving(url) as api:
            yield api, between


async def _everything(api: Api, path: str) -> tuple[httpx.Response, ...]:
    return await asyncio.gather(
        api.get(path),
        api.get("/incidents"),
        api.post("/incident", json={"title": "while it is away"}),
        api.post("/incidents:batch", json=[{"title": "while it is away"}]),
        api.post(f"{path}/resolve"),
    )


async def test_without_the_database_every_answer_is_a_503_and_it_recovers_by_itself(
    database: Database,
) -> None:
    async with _behind_a_wire(database) as (api, between):
        path = (await api.post("/incident", json={"title": "before"})).headers["location"]
        await between.cut()
        for answer in await _everything(api, path):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
        ready = await api.get("/health/ready")
        assert (ready.status_code, ready.json()["database"]) == (503, False)
        assert (await api.get("/health/live")).status_code == 200
        assert "pulseops_database_up 0.0" in (await api.get("/metrics")).text
        await between.mend()
        after = await api.post("/incident", json={"title": "after"})
        assert after.status_code == 201
        assert (await api.get(path)).json()["title"] == "before"
        titles = await api.app.state.pool.fetch("SELECT data ->> 'title' AS t FROM eventstore.event")
        assert {row["t"] for row in titles} - {None} == {"before", "after"}


async def test_a_write_whose_answer_is_lost_is_unknown_and_safe_to_repeat(database: Database) -> None:
    async with _behind_a_wire(database) as (api, between):
        await api.post("/incident", json={"title": "opens the writer's connection"})
        between.deaf = True
        key = {"idempotency-key": "k"}
        answer = await api.post("/incident", json={"title": "a"}, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (504, "outcome-unknown")
        assert "Idempotency-Key" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        between.deaf = False
        await between.cut()
        await between.mend()
        async with asyncio.timeout(20):
            while (again := await api.post("/incident", json={"title": "a"}, headers=key)).status_code != 201:
                pass
        assert again.headers["idempotency-replayed"] == "true"
        titles = await api.app.state.pool.fetch("SELECT data ->> 'title' AS t FROM eventstore.event")
        assert [row["t"] for row in titles].count("a") == 1


async def test_a_database_that_hangs_is_told_of_in_seconds_to_everyone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing: frozen, or behind a network that drops what comes."""
    monkeypatch.setattr(guards, "_FRESH", 0.0)
    async with _behind_a_wire(database) as (api, between):
        await api.get("/incidents")
        between.deaf = True
        async with asyncio.timeout(8):
            *answers, ready = await asyncio.gather(
                *(api.post("/incident", json={"title": "a"}) for _ in range(20)), api.get("/health/ready")
            )
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(503, "unavailable")}
        assert (ready.status_code, ready.json()["database"]) == (503, False)
        between.deaf = False
        await between.cut()
        await between.mend()
        async with asyncio.timeout(10):
            while (await api.post("/incident", json={"title": "a"})).status_code != 201:
                pass


async def test_what_is_stored_but_cannot_be_read_back_is_not_called_unavailable(database: Database) -> None:
    async with wire(database.port) as between, AsyncExitStack() as stack:
        pool = await open_pool(database.app_url.replace(f":{database.port}/", f":{between.port}/"))
        stack.callback(pool.terminate)
        gateway = Gateway(database.app_url)
        await gateway.start()
        stack.push_async_callback(gateway.stop)
        incidents = assemble(gateway, LogHistory(pool, CODEC), load_rulebook(None))
        context = Context(actor="key:a", now=utc_now(), command_id=new_id(), correlation_id=new_id())
        await incidents.execute(new_id(), Create(title="a"), context, expected_version=0)
        await between.cut()
        with pytest.raises(OutcomeUnknown):
            # As the gateway does when the answer to its first try was lost.
            await incidents.execute(new_id(), Create(title="a"), context, expected_version=0)


async def test_a_full_disk_is_called_so_and_reading_goes_on(
    database: Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_gateway", lambda url, _bell, log, **_: Gateway(url, log_id=log, patience=2.0))
    async with serving(database.app_url) as api:
        path = (await api.post("/incident", json={"title": "before"})).headers["location"]
        await admin.execute(_FULL)
        refused = await api.post("/incident", json={"title": "while it is full"})
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.json()["detail"] == "The database's disk is full. Nothing was stored."
        ready = await api.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded"), "it can still be read from"
        assert "appends fail: The database's disk is full. Nothing was stored." in ready.json()["reasons"]
        assert (await api.get(path)).status_code == 200
        await admin.execute("DROP TRIGGER full_disk ON eventstore.stream")
        async with asyncio.timeout(10):
            while (await api.post("/incident", json={"title": "after"})).status_code != 201:
                pass
        assert not [one for one in (await api.get("/health/ready")).json()["reasons"] if "appends" in one]
