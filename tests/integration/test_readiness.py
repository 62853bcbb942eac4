"""What keeps readers waiting keeps nobody from reporting, and is no reason to leave the balancer."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from pulseops.access import guards
from pulseops.audit.registrar import make
from pulseops.eventstore.directory import create_log
from pulseops.http.health import Ready
from pulseops.http.look import Shared
from pulseops.kernel.clock import utc_now
from pulseops.publishing.folder import Folder
from pulseops.publishing.publisher import Publisher, forget
from pulseops.subscriptions.lag import lag, lags
from tests.conftest import Database
from tests.faults.wire import wire
from tests.integration.appending import append, request
from tests.integration.proving import KEYS, sign
from tests.integration.sealing import grow
from tests.serving import Api, serving


async def test_lists_that_take_long_keep_nobody_from_reporting(
    api: Api, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_FRESH", 0.0)
    path = (await api.post("/incident", json={"title": "before"})).headers["location"]
    async with admin.transaction():
        await admin.execute("LOCK incidents.incident_1 IN ACCESS EXCLUSIVE MODE")
        lists = [asyncio.create_task(api.get("/incidents")) for _ in range(12)]
        # Those that have a connection keep it, the others are told so after a second; one is for others.
        done, waiting = await asyncio.wait(lists, timeout=1.5)
        assert {(one.result().status_code, one.result().json()["code"]) for one in done} == {
            (503, "overloaded")
        }
        assert len(waiting) == 3
        assert (await api.post("/incident", json={"title": "while it lasts"})).status_code == 201
        assert (await api.get(path)).status_code == 200
        assert (await api.get(path, params={"min_position": 1})).status_code == 200
        assert (await api.get("/health/ready")).status_code == 200
    assert {(await one).status_code for one in waiting} == {200}


async def test_who_waits_for_a_position_takes_no_turn_of_those_who_read(api: Api) -> None:
    position = (await api.post("/incident", json={"title": "a"})).headers["x-pulseops-position"]
    least = {"min_position": position}
    waiting = [asyncio.create_task(api.get("/incidents", params=least)) for _ in range(20)]
    assert (await api.get("/incidents")).status_code == 200
    assert {(await one).json()["code"] for one in waiting} == {"behind"}


async def test_figures_that_do_not_come_in_time_are_no_reason_to_leave_the_balancer(
    api: Api, admin: asyncpg.Connection
) -> None:
    async with admin.transaction():
        await admin.execute("LOCK eventstore.subscription IN ACCESS EXCLUSIVE MODE")
        ready = await api.get("/health/ready")
    found = ready.json()
    assert (ready.status_code, found["status"], found["database"]) == (200, "degraded", True)
    assert found["schema"] == found["schemaExpected"]
    assert found["reasons"] == ["how far the logs are was not found out in time"]


async def test_readiness_takes_no_longer_the_more_logs_there_are(
    database: Database, pool: asyncpg.Pool
) -> None:
    for number in range(40):
        await create_log(pool, f"tenant-{number}", now=utc_now())
    async with wire(database.port) as between:
        url = database.app_url.replace(f":{database.port}/", f":{between.port}/")
        async with serving(url) as api:
            await api.get("/health/ready")
            between.delay = 0.02
            began = time.monotonic()
            found = (await api.get("/health/ready")).json()
            assert time.monotonic() - began < 1
    assert found["database"] is True
    assert [one["name"] for one in found["logs"]] == ["default", *(f"tenant-{one}" for one in range(40))]


async def test_all_logs_are_told_of_as_each_of_them_alone(api: Api, pool: asyncpg.Pool) -> None:
    await create_log(pool, "second", now=utc_now())
    await api.post("/incident", json={"title": "a"})
    await pool.execute(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) VALUES "
        "(1, 'incident', 1, clock_timestamp()), (2, 'incident', 0, clock_timestamp()), "
        "(1, 'timeline', 3, clock_timestamp())"
    )
    async with pool.acquire() as connection:
        found = await lags(connection)
    assert [(one.log_id, one.name, one.lag.position) for one in found] == [
        (1, "default", 3),
        (2, "second", 0),
    ]
    for one in found:
        alone = await lag(pool, log_id=one.log_id)
        told = [(each.name, each.shard, each.position, each.positions) for each in one.lag.followers]
        assert told == [(each.name, each.shard, each.position, each.positions) for each in alone.followers]
    assert [each.positions for each in found[0].lag.followers] == [2, 0]
    assert found[0].lag.followers[0].seconds > 0


async def test_history_that_is_not_signed_for_a_minute_is_told_and_is_no_reason_to_leave_the_balancer(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    async def reasons() -> list[str]:
        answer = await api.get("/health/ready")
        assert answer.status_code == 200
        return [one for one in answer.json()["reasons"] if "history" in one]

    await grow(app, 20)
    assert await reasons() == [], "where nobody signs, nobody misses it"
    await sign(app, pool, 10)
    assert await reasons() == [], "it is not a minute yet"
    [log] = (await api.get("/health/ready")).json()["logs"]
    assert (log["signedPosition"], log["unsignedSeconds"] > 0) == (10, True)
    told = (await api.get("/metrics")).text
    assert 'pulseops_audit_signed_position{log="default"} 10.0' in told
    assert 'pulseops_audit_unsigned_seconds{log="default"}' in told
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute("UPDATE eventstore.event SET recorded_at = recorded_at - interval '61 s'")
    [reason] = await reasons()
    assert reason.startswith("history of log default is not signed for 6")
    await admin.execute("UPDATE audit.checkpoint SET refused = 'x'")
    [reason] = await reasons()
    assert reason.startswith("history of log default is not signed any more")
    await app.execute("UPDATE audit.checkpoint SET refused = NULL, size = 1000000")  # as if all were signed
    [reason] = await reasons()
    assert reason.startswith("history of log default has not as many events as are told to be signed")
    await app.execute("UPDATE audit.checkpoint SET size = 10")
    await admin.execute("UPDATE eventstore.event SET recorded_at = recorded_at + interval '61 s'")
    await sign(app, pool, 20)
    assert await reasons() == []
    [log] = (await api.get("/health/ready")).json()["logs"]
    assert (log["signedPosition"], log["unsignedSeconds"]) == (20, 0)


async def test_it_is_told_how_old_is_what_is_not_published_and_in_no_register(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    publisher = Publisher(pool, Folder(tmp_path), KEYS.verifiers, every=timedelta(0))

    async def told() -> dict[str, float]:
        lines = (await api.get("/metrics")).text.splitlines()
        found = [line.split() for line in lines if line.startswith("pulseops_audit_")]
        return {name.removeprefix("pulseops_audit_").partition("{")[0]: float(told) for name, told in found}

    await grow(app, 10)
    assert await told() == {}
    await sign(app, pool, 10)
    await publisher.publish()
    assert await make(app, 1, "default", KEYS) is not None
    nothing = {"unsigned_seconds": 0, "unpublished_seconds": 0, "unregistered_seconds": 0, "refused": 0}
    everything = {"signed_position": 10, "published_position": 10, "registered_position": 10}
    assert await told() == everything | nothing
    await grow(app, 5)
    await sign(app, pool, 15)
    late = await told()
    assert late | nothing == everything | nothing | {"signed_position": 15}
    assert late["unsigned_seconds"] == 0
    # Nobody has tried since: it is told all the same.
    assert late["unpublished_seconds"] == pytest.approx(late["unregistered_seconds"], abs=1)
    assert late["unpublished_seconds"] > 0
    await app.execute("UPDATE audit.published SET refused = true")
    assert (await told())["refused"] == 1
    await forget(pool)
    assert {name for name in await told() if "published" in name} == set()


async def test_a_log_that_was_never_signed_is_missed_where_others_are(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    await create_log(app, "second", now=utc_now())
    await grow(app, 10)
    await append(app, request(), log=2)
    await sign(app, pool, 10)
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute(
        "UPDATE eventstore.event SET recorded_at = recorded_at - interval '1 h' WHERE log_id = 2"
    )
    reasons = (await api.get("/health/ready")).json()["reasons"]
    [reason] = [one for one in reasons if "history" in one]
    assert reason.startswith("history of log second is not signed for 36")


async def test_all_who_ask_at_once_are_told_what_one_look_found() -> None:
    looks = 0
    seen = asyncio.Event()

    async def look() -> Ready:
        nonlocal looks
        looks += 1
        await seen.wait()
        return Ready(status="ok", database=True, schema_expected="1")

    shared = Shared(look)
    asking = [asyncio.create_task(shared()) for _ in range(50)]
    await asyncio.sleep(0)
    asking.pop().cancel()
    seen.set()
    assert len({id(one) for one in await asyncio.gather(*asking)}) == 1
    await shared()
    assert looks == 1, "and so are those who ask a moment later"
    shared.fresh = 0.0
    await shared()
    assert looks == 2
