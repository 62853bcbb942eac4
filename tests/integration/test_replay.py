"""History folded anew is what everybody reads; what is not there to be compared is told apart."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.archive.replaying import CannotReplay, Compared, Replayed, alone, replay
from pulseops.archive.retelling import HistoryHasGaps
from pulseops.incidents.events import Created, ImpactDeclared
from pulseops.wiring import CODEC, READ_MODELS, REFOLDS
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import append, event, request
from tests.integration.importing import lived, taken_in, taken_out, worked_off
from tests.integration.rebuilding import apart, parked_at
from tests.integration.strange import PLAIN, store
from tests.serving import Api

NAMES = ["incident", "timeline", "response", "stint", "team", "service"]


async def replayed(pool: asyncpg.Pool, **more: Any) -> Replayed:
    return await replay(pool, REFOLDS, CODEC, **more)


def of(name: str, found: Replayed) -> Compared:
    return next(one for one in found.models if one.name == name)


def test_whatever_is_made_of_history_alone_is_replayed() -> None:
    assert [one.name for one in REFOLDS] == [one.projector.name for one in READ_MODELS]


async def test_what_everybody_reads_is_what_history_says_twice_and_on_another_machine(
    api: Api, pool: asyncpg.Pool, database: Database, twin: Database, tmp_path: Path
) -> None:
    await lived(api)
    await worked_off(database.app_url)
    found = await replayed(pool)
    assert found.same
    assert [one.name for one in found.models] == NAMES
    assert all(one.rows == one.compared > 0 and one.newer == one.left_out == 0 for one in found.models)
    assert await replayed(pool) == found

    await taken_in(twin.admin_url, await taken_out(database.app_url, tmp_path / "all"))
    await worked_off(twin.app_url)
    there = await asyncpg.create_pool(twin.app_url, min_size=1, max_size=1)
    assert await replayed(there) == found
    await there.close()


async def test_up_to_an_earlier_position_what_went_on_since_is_not_compared(
    api: Api, pool: asyncpg.Pool, database: Database
) -> None:
    await lived(api)
    await worked_off(database.app_url)
    whole = await replayed(pool)
    half = await replayed(pool, up_to=whole.head // 2)
    assert (half.same, half.up_to, half.head) == (True, whole.head // 2, whole.head)
    for one, all_of_it in zip(half.models, whole.models, strict=True):
        assert one.compared + one.newer == all_of_it.compared
    assert 0 < of("timeline", half).newer < of("timeline", whole).compared
    assert of("incident", half).newer > of("incident", whole).rows - of("incident", half).rows
    begun = await replayed(pool, up_to=0)
    assert (begun.same, of("incident", begun).compared) == (True, 0)


async def test_a_read_model_that_is_behind_is_replayed_as_far_as_it_is(
    app: asyncpg.Connection, pool: asyncpg.Pool, database: Database
) -> None:
    await report(app, 3)
    with pytest.raises(CannotReplay, match="No worker has made anything of the 3 events"):
        await replayed(pool)
    await worked_off(database.app_url)
    await report(app, 4)
    found = await replayed(pool)
    assert (found.same, found.up_to, found.head) == (True, 3, 7)
    with pytest.raises(CannotReplay, match="has come to position 3 of 7 only"):
        await replayed(pool, up_to=5)
    with pytest.raises(CannotReplay, match="History ends at position 7"):
        await replayed(pool, up_to=8)


async def test_streams_that_wait_are_left_out_and_counted(
    app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    await report(app, 3)
    await worked_off(database.app_url)
    poisoned = await store(app, '{"title": 7}', PLAIN, kind="CREATED")
    await parked_at(app, poisoned)
    # No column holds so many, which the timeline does not mind.
    created, impact = Created(title="Huge"), ImpactDeclared(customers=1 << 40)
    events = tuple(replace(event(), type=fact.type, data=fact) for fact in (created, impact))
    await append(app, replace(request(), events=events))
    await parked_at(app, 5)
    await worked_off(database.app_url, but=("incident", "deadline", "seal"))
    await app.execute("UPDATE eventstore.subscription SET position = 6")
    found = await replayed(pool)
    assert (found.same, found.unfolded) == (True, 0)
    assert (of("incident", found).rows, of("incident", found).compared) == (3, 3)
    assert (of("timeline", found).rows, of("timeline", found).left_out) == (3, 3)
    await admin.execute("DELETE FROM eventstore.parked")
    found = await replayed(pool)
    assert not found.same
    assert (found.unfolded, of("incident", found).compared, of("incident", found).differing) == (2, 3, 0)
    assert "at positions 4 to 4: " in (found.first_unfolded or "")


async def test_what_only_an_intruder_would_append_is_told_and_keeps_nothing_else_from_being_compared(
    app: asyncpg.Connection, pool: asyncpg.Pool, database: Database
) -> None:
    await report(app, 2)
    created = Created(title="Twice")
    twice = tuple(replace(event(), type="CREATED", data=created) for _ in range(2))
    await append(app, replace(request(), events=twice))
    await append(app, replace(request(), events=(replace(event(), type="SOMETHING.ELSE"), twice[0])))
    await report(app, 2)
    await worked_off(database.app_url)
    found = await replayed(pool)
    assert (found.stray, found.unfolded, found.same) == (1, 1, False)
    # The projection has made a row of what began with something else.
    assert (of("incident", found).rows, of("incident", found).compared) == (4, 5)
    assert (of("incident", found).differing, of("timeline", found).differing) == (1, 1)


async def test_history_that_lacks_an_event_is_not_replayed(
    app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    await report(app, 3)
    await worked_off(database.app_url)
    await admin.execute("ALTER TABLE eventstore.event DISABLE TRIGGER ALL")
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute("DELETE FROM eventstore.event WHERE position = 2")
    with pytest.raises(HistoryHasGaps, match="2 events after position 0 up to 3"):
        await replayed(pool)


async def test_nothing_is_left_of_a_replay_but_what_is_to_be_kept_and_live_is_as_it_was(
    app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    await report(app, 3)
    await worked_off(database.app_url)
    written = "SELECT id, xmin::text, ctid::text FROM incidents.incident_1 ORDER BY id"
    before = await admin.fetch(written)
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'replay'::regnamespace ORDER BY 1"
    await replayed(pool)
    assert await admin.fetch(tables) == []
    await replayed(pool, keep=True)
    assert [row[0] for row in await admin.fetch(tables)] == sorted(NAMES)
    assert await app.fetchval("SELECT count(*) FROM replay.incident") == 3
    await report(app, 1)
    await worked_off(database.app_url)
    await replayed(pool, keep=True)  # in the place of what was kept, or left by one that was killed
    assert await app.fetchval("SELECT count(*) FROM replay.incident") == 4
    await replayed(pool)
    assert await admin.fetch(tables) == []
    assert [row for row in await admin.fetch(written) if row["id"] in {one["id"] for one in before}] == before


async def test_one_replay_at_a_time(app: asyncpg.Connection, pool: asyncpg.Pool, database: Database) -> None:
    await report(app, 3)
    await worked_off(database.app_url)
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> Replayed:
        other = await asyncpg.create_pool(database.app_url, min_size=1, max_size=1)
        async with other, other.acquire() as connection, alone(connection):
            under_way.set()
            await go_on.wait()
        return await replayed(pool)

    task = asyncio.create_task(first())
    await under_way.wait()
    with pytest.raises(CannotReplay, match="Another replay"):
        await replayed(pool)
    go_on.set()
    assert (await task).same


async def test_nobody_waits_for_a_replay(
    app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    """At its longest moment, the comparison, no lock of it keeps a writer of anything from its work."""
    await report(app, 3)
    await worked_off(database.app_url)
    heard: list[int] = []

    def progress(done: int, _: int) -> None:
        heard.append(done)
        apart(database.app_url, work)

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("SET lock_timeout = '100ms'")
        await report(connection, 1)
        await worked_off(database.app_url)
        await connection.execute("SELECT eventstore.ensure_partitions_v1()")

    found = await replayed(pool, progress=progress)
    assert heard == [0, 3]
    assert (found.same, found.up_to, of("incident", found).newer) == (True, 3, 2)
