"""The log's partitions: made ahead, by anybody, and never missing."""

import asyncio

import asyncpg

from pulseops.eventstore.codec import Codec
from pulseops.eventstore.history import LogHistory
from pulseops.kernel.ids import new_id
from tests.integration.appending import Noted, append, request

SIZE = 2**24
_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'eventstore.event'::regclass ORDER BY c.relname
"""
_HEAD = "UPDATE eventstore.log SET floor_position = $1 WHERE log_id = 1"


async def partitions(connection: asyncpg.Connection) -> list[str]:
    return [row["relname"] for row in await connection.fetch(_PARTITIONS)]


async def test_a_new_log_has_two_partitions_ahead(app: asyncpg.Connection) -> None:
    assert await partitions(app) == ["event_p0000", "event_p0001", "event_p0002"]
    assert await app.fetchval("SELECT eventstore.ensure_partitions_v1()") == 0


async def test_partitions_stay_ahead_of_the_head(app: asyncpg.Connection, admin: asyncpg.Connection) -> None:
    await admin.execute(_HEAD, 2 * SIZE)
    assert await app.fetchval("SELECT eventstore.ensure_partitions_v1()") == 2
    assert (await partitions(app))[-1] == "event_p0004"


async def test_two_workers_that_make_partitions_at_once_make_each_once(
    pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    await admin.execute(_HEAD, 9 * SIZE)
    made = await asyncio.gather(
        *(pool.fetchval("SELECT eventstore.ensure_partitions_v1()") for _ in range(6))
    )
    assert sorted(made) == [0, 0, 0, 0, 0, 3]


async def test_an_append_that_reaches_the_last_partition_makes_room_itself(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await admin.execute(_HEAD, 3 * SIZE - 3)
    stream = new_id()
    (answer,) = await append(app, request(stream, events=5))
    assert (answer.verdict, answer.position) == ("stored", 3 * SIZE + 2)
    history = LogHistory(pool, Codec([Noted]))
    assert [one.position for one in await history.stream(stream)] == list(range(3 * SIZE - 2, 3 * SIZE + 3))


async def test_readers_are_not_held_up_while_partitions_are_made(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await admin.execute(_HEAD, 5 * SIZE)
    async with admin.transaction():
        await admin.fetchval("SELECT count(*) FROM eventstore.event")
        assert await pool.fetchval("SELECT eventstore.ensure_partitions_v1()", timeout=5) == 3
        assert [answer.verdict for answer in await append(app, request())] == ["stored"]
