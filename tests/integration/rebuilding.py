"""What the tests of rebuilds share: a live read model, a rebuild of it, and what they say."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any

import asyncpg

from pulseops.db.pools import open_pool
from pulseops.incidents import board, response, stint, timeline
from pulseops.projections.generations import ReadModel
from pulseops.projections.rebuild import Rebuilt, Step, Tell, rebuild
from pulseops.subscriptions.slices import Slice

MODELS = (board.MODEL, timeline.MODEL, response.MODEL, stint.MODEL)
"""Those of incidents."""

_HEADS = """
SELECT l.log_id, coalesce((
  SELECT max(e.position) FROM eventstore.event e WHERE e.log_id = l.log_id
), 0) AS head
FROM eventstore.log l WHERE $1::smallint IS NULL OR l.log_id = $1
"""
_AT = """
INSERT INTO eventstore.subscription (log_id, name, shard, shards, position, updated_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
ON CONFLICT (log_id, name, shard) DO UPDATE SET position = $5 RETURNING generation, parked
"""


async def lead(
    connection: asyncpg.Connection, *, shards: int = 1, behind: int = 0, log_id: int | None = None
) -> None:
    """The live generations to the end of the log, or of every log, each further shard `behind` the last."""
    for log, head in await connection.fetch(_HEADS, log_id):
        for model in MODELS:
            for shard in range(shards):
                async with connection.transaction():
                    up_to = max(0, head - shard * behind)
                    generation, parked = await connection.fetchrow(_AT, log, model.name, shard, shards, up_to)
                    piece = Slice(
                        log_id=log,
                        after=0,
                        up_to=up_to,
                        shard=shard,
                        shards=shards,
                        parked=tuple(parked),
                        generation=generation,
                    )
                    await model.projector.project(connection, piece)


async def parked_at(connection: asyncpg.Connection, position: int) -> None:
    """The stream of that position waits from there on, as the worker leaves it."""
    stream = await connection.fetchval(
        "SELECT stream_id FROM eventstore.event WHERE log_id = 1 AND position = $1", position
    )
    await connection.execute(
        "INSERT INTO eventstore.parked (log_id, name, stream_id, position, parked_at) "
        "VALUES (1, 'incident', $1, $2, clock_timestamp())",
        stream,
        position,
    )
    await connection.execute(
        "UPDATE eventstore.subscription SET parked = array_append(parked, $1) WHERE name = 'incident'", stream
    )


async def take_back(connection: asyncpg.Connection) -> None:
    """What was parked is led with the others from now on; to deal with what it missed is the caller's."""
    await connection.execute("DELETE FROM eventstore.parked")
    await connection.execute("UPDATE eventstore.subscription SET parked = '{}'")


def ignore(_: Step) -> None:
    """Nobody wants to know."""


async def rebuilt(
    url: str, model: ReadModel, *, tell: Tell = ignore, width: int = 1, accept: bool = False
) -> Rebuilt:
    pool = await open_pool(url, size=width + 1)
    try:
        return await rebuild(pool, model, tell=tell, width=width, accept=accept)
    finally:
        await pool.close()


async def rows(connection: asyncpg.Connection, relation: str) -> list[dict[str, Any]]:
    """All of a read model's rows, in the order of their keys."""
    found = await connection.fetch(f"SELECT to_jsonb(t) AS row FROM incidents.{relation} t ORDER BY t::text")
    return [json.loads(row["row"]) for row in found]


def at(phase: str, act: Callable[[], None]) -> Tell:
    """Acts when the phase begins."""

    def tell(step: Step) -> None:
        if step.phase == phase:
            act()

    return tell


def apart(url: str, act: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    """Acts on a connection of its own, while whoever calls stands still."""

    async def go() -> None:
        connection = await asyncpg.connect(url)
        try:
            await act(connection)
        finally:
            await connection.close()

    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(go())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
