"""Everything through PgBouncer in transaction mode, where no two transactions need meet the same session."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY

from pulseops.db.pools import open_connection, open_pool
from pulseops.eventstore.gateway import Gateway
from pulseops.settings import Settings
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.worker import working
from tests.conftest import Database
from tests.integration.appending import request
from tests.pooler import Pooler, pooling
from tests.serving import Api, Refused, serving


@pytest.fixture(scope="module")
def pooler(cluster: EmbeddedPostgres, home: Home) -> Iterator[Pooler]:
    with pooling(cluster, home) as running:
        yield running


@asynccontextmanager
async def behind(pooler: Pooler, database: Database, **settings: Any) -> AsyncIterator[Api]:
    """An API and a worker that know nothing but the pooler."""
    url = pooler.url(database.name)
    told = {"pooler": "transaction", **settings}
    async with (
        working(Settings(database_url=url, pool_size=4, **told)),
        serving(url, pool_size=4, **told) as api,
    ):
        yield api


async def test_an_incident_lives_its_whole_life_behind_a_pooler(pooler: Pooler, database: Database) -> None:
    async with behind(pooler, database) as api:
        made = await asyncio.gather(
            *(api.post("/incident", json={"title": f"{one}", "priority": "critical"}) for one in range(40))
        )
        assert {one.status_code for one in made} == {201}
        batch = await api.post("/incidents:batch", json=[{"title": "a"}, {"title": "b"}])
        least = {"min_position": batch.headers["x-pulseops-position"]}
        listed, due = await asyncio.gather(
            *(api.get(path, params={**least, "limit": 200}) for path in ("/incidents", "/escalations"))
        )
        assert len(listed.json()["items"]) == 42
        assert {one["level"] for one in due.json()["items"]} == {1}
        path = made[0].headers["location"]
        for verb in ("acknowledge", "resolve"):
            changed = await api.post(f"{path}/{verb}", json={}, headers={"idempotency-key": verb})
            assert (changed.status_code, changed.json()["status"]) == (200, f"{verb}d")
        again = await api.post(f"{path}/resolve", json={}, headers={"idempotency-key": "resolve"})
        assert again.headers["idempotency-replayed"] == "true"
        least = {"min_position": again.headers["x-pulseops-position"]}
        shown = await api.get(path, params=least)
        assert [one["event"] for one in shown.json()["timeline"]][-2:] == ["ACKNOWLEDGED", "RESOLVED"]
        assert (await api.get("/health/ready")).json()["reasons"] == []


async def test_every_transaction_says_its_role_its_limits_and_how_it_commits(
    pooler: Pooler, database: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    stranger = await asyncpg.connect(pooler.url(database.name), statement_cache_size=0)
    for _ in range(10):  # what it leaves behind, others find
        await stranger.execute("SET synchronous_commit = local; SET statement_timeout = 0; RESET ROLE")
    pool = await open_pool(pooler.url(database.name), size=8, command_seconds=7, pooled=True)
    session = """
        SELECT concat_ws(' ', current_user, current_setting('synchronous_commit'),
          current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'))
    """
    told = await asyncio.gather(*(pool.fetchval(session) for _ in range(40)))
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        told.append(await connection.fetchval(session))
    assert set(told) == {"pulseops_app on 7s 5s"}
    assert await stranger.fetchval("SHOW synchronous_commit") in {"off", "local"}, "it was left behind"
    await stranger.close()
    await pool.close()


async def test_what_is_acknowledged_through_a_pooler_is_on_disk(
    pooler: Pooler, database: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    gateway = Gateway(pooler.url(database.name), pooled=True)
    await gateway.start()
    flushed = []
    for _ in range(30):
        before = await admin.fetchval("SELECT pg_current_wal_insert_lsn()::text")
        await gateway.append(request())
        flushed.append(await admin.fetchval("SELECT pg_current_wal_flush_lsn() > $1::text::pg_lsn", before))
    await gateway.stop()
    assert flushed == [True] * 30


async def test_two_clients_of_one_session_never_get_each_others_answers(
    pooler: Pooler, database: Database
) -> None:
    pool = await open_pool(pooler.url(database.name), size=16, pooled=True)

    async def ask(number: int) -> bool:
        # As many shapes as there are clients: a statement mistaken for another one shows.
        columns = ", ".join(f"$1::int + {one}" for one in range(number % 7 + 1))
        row = await pool.fetchrow(f"SELECT {columns}", number)
        return tuple(row) == tuple(number + one for one in range(number % 7 + 1))

    assert all(await asyncio.gather(*(ask(number) for number in range(400))))
    await pool.close()


async def test_nothing_acknowledged_is_lost_when_the_pooler_is_killed_under_load(
    pooler: Pooler, database: Database, admin: asyncpg.Connection
) -> None:
    acknowledged: set[str] = set()
    over = asyncio.Event()
    noticed = REGISTRY.get_sample_value("pulseops_append_connection_failures_total") or 0

    async def report(api: Api, who: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            key = f"{who}-{number}"
            for _ in range(60):
                answer = await send(api, key)
                if answer.status_code == 201:
                    acknowledged.add(key)
                    break
                assert answer.status_code in {503, 504}, answer.text
                await asyncio.sleep(0.05)

    async def send(api: Api, key: str) -> httpx.Response:
        return await api.post("/incident", json={"title": key}, headers={"idempotency-key": key})

    async def more(wanted: int) -> None:
        async with asyncio.timeout(20):
            while len(acknowledged) < wanted:  # noqa: ASYNC110 -- nothing tells
                await asyncio.sleep(0.01)

    async with behind(pooler, database) as api:
        clients = [asyncio.create_task(report(api, who)) for who in range(12)]
        for _ in range(3):
            await more(len(acknowledged) + 30)
            await asyncio.to_thread(pooler.kill)
            pooler.start()
        await more(len(acknowledged) + 30)
        over.set()
        await asyncio.gather(*clients)
        listed = await api.get("/incidents", params={"min_position": await head(admin)})
        assert listed.status_code == 200, "the worker has come back as well"
    failures = REGISTRY.get_sample_value("pulseops_append_connection_failures_total") or 0
    assert failures >= noticed + 3
    stored = await admin.fetch("SELECT data->>'title' FROM eventstore.event WHERE type = 'CREATED'")
    titles = Counter(row[0] for row in stored)
    assert acknowledged <= set(titles)
    assert set(titles.values()) == {1}


async def head(admin: asyncpg.Connection) -> int:
    found: int = await admin.fetchval("SELECT max(position) FROM eventstore.event")
    return found


async def test_writers_take_the_way_past_the_pooler_when_they_know_it(
    pooler: Pooler, database: Database, admin: asyncpg.Connection
) -> None:
    told: dict[str, Any] = {"pooler": "transaction", "direct_database_url": database.app_url}
    async with serving(pooler.url(database.name), pool_size=4, **told) as api:
        assert (await api.post("/incident", json={"title": "a"})).status_code == 201
        appended = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE '%append_v2%' AND pid <> pg_backend_pid()"
        )
        # A session whose last words were those is one that nobody else uses.
        assert appended == 1
    with pytest.raises(Refused, match="PULSEOPS_DIRECT_DATABASE_URL leads to another database"):
        async with serving(
            pooler.url(database.name),
            pooler="transaction",
            direct_database_url=database.app_url.replace(database.name, "pulseops_template"),
        ):
            pass


async def test_a_pooler_that_nobody_told_of_is_refused_with_what_to_do(
    pooler: Pooler, database: Database, cluster: EmbeddedPostgres, home: Home
) -> None:
    with pytest.raises(Refused, match=r"startup parameter.*set PULSEOPS_POOLER=transaction"):
        async with serving(pooler.url(database.name)):
            pass
    ignored = "role, statement_timeout, idle_in_transaction_session_timeout"
    told = r"role is pulseops, though.*set PULSEOPS_POOLER=transaction"
    with (
        pooling(cluster, home, f"ignore_startup_parameters = {ignored}") as lax,
        pytest.raises(Refused, match=told),
    ):
        async with serving(lax.url(database.name)):
            pass


async def test_pooled_connections_work_without_a_pooler_as_well(database: Database) -> None:
    connection = await open_connection(database.app_url, pooled=True)
    assert await connection.fetchval("SELECT current_user") == "pulseops_app"
    assert tuple(await connection.fetchrow("SELECT current_user, $1::int", 2)) == ("pulseops_app", 2)
    assert await connection.fetch("SELECT current_user") == [("pulseops_app",)]
    await connection.execute("DO $$ BEGIN ASSERT current_user = 'pulseops_app'; END $$")
    assert not connection.is_in_transaction()
    async with connection.transaction():
        await connection.execute("SET LOCAL work_mem = '1MB'")
        async with connection.transaction():
            assert await connection.fetchval("SHOW work_mem") == "1MB"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM eventstore.event")
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
