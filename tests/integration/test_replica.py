"""Reads on a real streaming replica: never older than they were asked to be, and never without an answer."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.access.recording import local
from pulseops.analytics import logins
from pulseops.cli.analysts import for_login
from pulseops.db.identity import identity
from pulseops.db.pools import open_pool
from pulseops.eventstore import replica
from pulseops.eventstore.replica import Replica
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import Behind, Overloaded
from pulseops.settings import Settings
from pulseops.subscriptions.positions import head
from pulseops.subscriptions.reads import Reads
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.worker import working
from tests.conftest import Database
from tests.faults.wire import wire
from tests.integration.appending import until
from tests.serving import Api, Refused, serving
from tests.standby import Standby, standby_of

SEED = 20


@pytest.fixture(scope="module")
def standby(cluster: EmbeddedPostgres, home: Home) -> Iterator[Standby]:
    with standby_of(cluster, home) as made:
        yield made


@asynccontextmanager
async def apart(database: Database, standby: Standby, port: int | None = None) -> AsyncIterator[Api]:
    """An API that writes to the primary and reads from the replica, with a worker beside it."""
    await standby.caught_up()
    url = standby.url(database.name).replace(f":{standby.port}/", f":{port or standby.port}/")
    async with (
        working(Settings(database_url=database.app_url, pool_size=4)),
        serving(database.app_url, read_database_url=url) as api,
    ):
        yield api


async def report(api: Api, title: str = "Nobody answers") -> tuple[str, int]:
    """Its path and its position."""
    answer = await api.post("/incidents", json={"title": title, "priority": "critical"})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], int(answer.headers["x-pulseops-position"])


async def test_reads_go_to_the_replica_and_wait_there_for_what_was_written(
    database: Database, standby: Standby
) -> None:
    async with apart(database, standby) as api:
        _, old = await report(api)
        assert (await api.get("/incidents", params={"min_position": old})).status_code == 200
        async with standby.paused():
            path, new = await report(api)
            listed = await api.get("/incidents")
            assert len(listed.json()["items"]) == 1, "it was not the replica that answered"
            assert old <= int(listed.headers["x-pulseops-position"]) < new
            assert (await api.get(path)).status_code == 200, "one incident is always current"
            least = {"min_position": new}
            waited = await asyncio.gather(
                *(api.get(one, params=least) for one in ("/incidents", "/escalations", path))
            )
            for answer in waited:
                assert (answer.status_code, answer.json()["code"]) == (503, "behind")
                assert answer.headers["retry-after"] == "1"
            ready = (await api.get("/health/ready")).json()["replica"]
            assert ready["answers"] is True
            assert ready["positions"] == new - old
            patient = [
                asyncio.create_task(api.get(one, params=least))
                for one in ("/incidents", "/escalations", path)
            ]
            await asyncio.wait(patient, timeout=0.2)
        listed, due, shown = await asyncio.gather(*patient)
        assert [one["position"] for one in listed.json()["items"]] == [new, old]
        assert len(due.json()["items"]) == 2
        assert shown.json()["position"] == new
        assert min(int(one.headers["x-pulseops-position"]) for one in (listed, due)) >= new


async def test_a_flood_of_writes_never_reads_what_is_older_than_itself(
    database: Database, standby: Standby
) -> None:
    chance = random.Random(SEED)
    seen = {200: 0, 503: 0}
    over = asyncio.Event()

    async def client(api: Api, chance: random.Random) -> None:
        for number in range(15):
            path, position = await report(api, f"{number}")
            if chance.random() < 0.3:
                answer = await api.post(f"{path}/acknowledge", json={})
                position = int(answer.headers["x-pulseops-position"])
            where = chance.choice(["/incidents", path])
            answer = await api.get(where, params={"min_position": position})
            seen[answer.status_code] += 1
            if answer.status_code == 200:
                items = answer.json()["items"] if where == "/incidents" else [answer.json()]
                assert position in [one["position"] for one in items], (where, position)

    async def stumble() -> None:
        while not over.is_set():
            async with standby.paused():
                await asyncio.sleep(chance.uniform(0, 0.1))
            await asyncio.sleep(chance.uniform(0, 0.1))

    async with apart(database, standby) as api:
        stumbling = asyncio.create_task(stumble())
        await asyncio.gather(*(client(api, random.Random(chance.random())) for _ in range(8)))
        over.set()
        await stumbling
    assert seen[200] >= 100, seen


async def test_without_its_replica_it_reads_from_the_primary_says_so_and_goes_back(
    database: Database, standby: Standby
) -> None:
    async with wire(standby.port) as between, apart(database, standby, between.port) as api:
        reads: Reads = api.app.state.reads
        path, position = await report(api)
        least = {"min_position": position}
        assert (await api.get("/incidents", params=least)).status_code == 200
        await between.cut()
        for where in ("/incidents", "/escalations", path):
            assert (await api.get(where, params=least)).status_code == 200
        ready = await api.get("/health/ready")
        assert (ready.status_code, ready.json()["replica"]["answers"]) == (200, False)
        assert "the replica does not answer: reads go to the primary" in ready.json()["reasons"]
        metrics = (await api.get("/metrics")).text
        assert "pulseops_replica_up 0.0" in metrics
        await between.mend()

        async def back() -> bool:
            return reads.replica is not None and reads.replica.answers

        await until(back)
        assert (await api.get("/incidents", params=least)).status_code == 200
        assert "pulseops_replica_up 1.0" in (await api.get("/metrics")).text


async def test_an_unforeseen_error_does_not_lose_the_replica_until_a_restart(
    database: Database, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "_AGAIN", 0.02)
    found = await Replica.of(
        database.app_url, primary=await identity(pool), size=2, command_seconds=5.0, pooled=False
    )
    errors = [ZeroDivisionError("once"), ZeroDivisionError("once"), ZeroDivisionError("twice")]
    ask = found._ask

    async def stumbling() -> None:
        if errors:
            raise errors.pop()
        await ask()

    async def back() -> bool:
        return found.answers

    monkeypatch.setattr(found, "_ask", stumbling)
    with capture_logs() as lines:
        found.gone(ConnectionResetError())
        await until(back)
    found.close()
    told = [one["error"] for one in lines if one["log_level"] == "error"]
    assert told == ["ZeroDivisionError('twice')", "ZeroDivisionError('once')"]


async def test_what_is_no_replica_is_refused_and_one_that_is_away_is_waited_for(
    database: Database, standby: Standby
) -> None:
    await standby.caught_up()
    other = standby.url("pulseops_template")
    with pytest.raises(Refused, match="PULSEOPS_READ_DATABASE_URL leads to another database"):
        async with serving(database.app_url, read_database_url=other):
            pass
    async with wire(standby.port) as between:
        await between.cut()
        url = standby.url(database.name).replace(f":{standby.port}/", f":{between.port}/")
        async with serving(database.app_url, read_database_url=url) as api:
            assert (await api.get("/incidents")).status_code == 200
            assert (await api.get("/health/ready")).json()["replica"]["answers"] is False


@pytest.mark.parametrize("conflicts", [1, 2])
async def test_a_read_that_is_in_the_way_of_replay_is_asked_once_more(
    database: Database, standby: Standby, admin: asyncpg.Connection, conflicts: int
) -> None:
    await standby.caught_up()
    tries = 0

    async def look(connection: asyncpg.Connection) -> int:
        nonlocal tries
        tries += 1
        pause = 5 if tries <= conflicts else 0
        # What the primary locks exclusively, the replica locks as soon as it has got rid of its readers.
        await connection.execute(
            "SELECT pg_sleep($1) FROM (SELECT count(*) FROM incidents.incident) one", pause
        )
        return tries

    async def in_the_way(stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            async with admin.transaction():
                await admin.execute("LOCK incidents.incident_1 IN ACCESS EXCLUSIVE MODE")
                # A lock alone would be on its way only when somebody else's commit is.
                await admin.execute("SELECT pg_logical_emit_message(true, '', '')")
            await asyncio.sleep(0.1)

    async with AsyncExitStack() as stack:
        primary = await open_pool(database.app_url, size=2)
        stack.callback(primary.terminate)
        replica = await Replica.of(
            standby.url(database.name),
            primary=await identity(primary),
            size=2,
            command_seconds=10,
            pooled=False,
        )
        stack.callback(replica.close)
        stopped = asyncio.Event()
        locking = asyncio.create_task(in_the_way(stopped))
        asked = Reads(primary, replica).of(head(log_id=1), look, caller="key:one")
        if conflicts == 1:
            assert (await asked).found == 2
        else:
            with pytest.raises(Behind, match="give way"):
                await asked
            assert tries == 2
        stopped.set()
        await locking
        assert replica.answers


async def test_a_silent_replica_costs_its_callers_once_and_the_primary_no_more_than_its_share(
    database: Database, standby: Standby
) -> None:
    await standby.caught_up()
    held = asyncio.Event()

    async def look(connection: asyncpg.Connection) -> int:
        await held.wait()
        found: int = await connection.fetchval("SELECT 1")
        return found

    async with wire(standby.port) as between, AsyncExitStack() as stack:
        primary = await open_pool(database.app_url, size=4)
        stack.callback(primary.terminate)
        url = standby.url(database.name).replace(f":{standby.port}/", f":{between.port}/")
        replica = await Replica.of(
            url, primary=await identity(primary), size=2, command_seconds=0.3, pooled=False
        )
        stack.callback(replica.close)
        reads = Reads(primary, replica, aside=2)
        between.deaf = True
        with pytest.raises(TimeoutError):
            await reads.of(head(log_id=1), look, caller="key:one")
        asked = [asyncio.create_task(reads.of(head(log_id=1), look, caller=number)) for number in range(3)]
        done, waiting = await asyncio.wait(asked, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert [type(one.exception()) for one in done] == [Overloaded]
        held.set()
        assert [one.found for one in await asyncio.gather(*waiting)] == [1, 1]
        between.deaf = False


async def test_an_analyst_reads_the_same_rows_on_the_replica(database: Database, standby: Standby) -> None:
    name = f"ana_{database.name}"
    pool = await open_pool(database.admin_url, role=None, size=1)
    async with apart(database, standby) as api:
        await report(api)
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM incidents.response"))
    password = await logins.create(
        pool,
        local("cli", now=utc_now()),
        name,
        logs=("default",),
        longest=timedelta(minutes=1),
        connections=5,
    )
    await standby.caught_up()
    found = []
    for url in (database.admin_url, standby.url(database.name)):
        connection = await asyncpg.connect(for_login(url, name, password))
        found.append(await connection.fetch("SELECT * FROM analytics.response"))
        await connection.close()
    assert found[0] == found[1]
    assert len(found[0]) == 1
    assert await logins.revoke(pool, local("cli", now=utc_now()), name)
    await pool.close()
