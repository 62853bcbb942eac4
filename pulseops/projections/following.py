"""Brings a filled generation of a read model to where the live one stands, exactly.

Streams that the live one has parked wait in the new one as well. One that was parked for a while, and left
out meanwhile, stays left out until it is gone through again by itself, whole: a row that has a later fact
takes no earlier ones.
"""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.projections.generations import ReadModel
from pulseops.subscriptions.slices import Slice, bucket

MOST = 5_000
"""Positions of a batch, and of what may be left to do while the live one is held."""

_NEW_LOGS = """
INSERT INTO eventstore.filling (log_id, name, generation, lane, first, last, position)
SELECT l.log_id, $1, $2, 0, 0, 0, 0 FROM eventstore.log l
ON CONFLICT DO NOTHING
"""
# A log that nobody has followed yet is followed in as many shards as the others are.
_NEW_SUBSCRIPTIONS = """
INSERT INTO eventstore.subscription (log_id, name, shard, shards, position, epoch, updated_at, attempts)
SELECT l.log_id, $1, n.shard, o.shards, 0, 0, clock_timestamp(), 0
FROM eventstore.log l
CROSS JOIN (
  SELECT coalesce(max(s.shards), 1)::smallint AS shards FROM eventstore.subscription s WHERE s.name = $1
) o
CROSS JOIN LATERAL (SELECT generate_series(0, o.shards - 1)::smallint AS shard) n
WHERE NOT EXISTS (SELECT FROM eventstore.subscription s WHERE s.log_id = l.log_id AND s.name = $1)
ON CONFLICT DO NOTHING
"""
_LIVE = """
SELECT s.log_id, s.shard, s.shards, s.position, s.generation, s.parked FROM eventstore.subscription s
WHERE s.name = $1 ORDER BY s.log_id, s.shard
"""
_LIVE_HELD = """
SELECT s.log_id, s.shard, s.shards, s.position, s.generation, s.parked FROM eventstore.subscription s
WHERE s.name = $1 ORDER BY s.log_id, s.shard FOR UPDATE
"""
_OURS = """
SELECT f.log_id, f.position FROM eventstore.filling f
WHERE f.name = $1 AND f.generation = $2 AND f.lane = 0
"""
_OURS_HELD = """
SELECT f.log_id, f.position, f.left_out FROM eventstore.filling f
WHERE f.name = $1 AND f.generation = $2 AND f.lane = 0 FOR UPDATE
"""
_REACHED = """
UPDATE eventstore.filling SET position = $4, left_out = $5
WHERE log_id = $1 AND name = $2 AND generation = $3 AND lane = 0
"""
_HOLD = """
SELECT s.position, s.shards, s.generation, s.parked FROM eventstore.subscription s
WHERE s.log_id = $1 AND s.name = $2 AND s.shard = $3 FOR UPDATE
"""
_MOVE = """
UPDATE eventstore.subscription
SET position = $3, updated_at = clock_timestamp(), attempts = 0, last_error = NULL
WHERE log_id = $1 AND name = $2 AND position < $3
"""
_MOVE_ONE = """
UPDATE eventstore.subscription
SET position = $4, updated_at = clock_timestamp(), attempts = 0, last_error = NULL
WHERE log_id = $1 AND name = $2 AND shard = $3
"""
_PARKED_FROM = "SELECT position FROM eventstore.parked WHERE log_id = $1 AND name = $2 AND stream_id = $3"


class Shard(Struct, frozen=True, kw_only=True):
    """Where a shard of the live subscription stands in its log."""

    log_id: int
    shard: int
    shards: int
    position: int
    generation: int
    parked: tuple[UUID, ...]


class Gap(Struct, frozen=True, kw_only=True):
    """Positions that the new generation lacks, and those that the live one lacks, at most of a log."""

    ours: int
    live: int


class Moved(Exception):
    """The live generation went on, too far or at the wrong moment."""


async def shards(connection: asyncpg.Connection, name: str) -> tuple[Shard, ...]:
    return _shards(await connection.fetch(_LIVE, name))


def _shards(rows: Iterable[asyncpg.Record]) -> tuple[Shard, ...]:
    return tuple(Shard(**{**row, "parked": tuple(row["parked"])}) for row in rows)


async def _ours(connection: asyncpg.Connection, model: ReadModel, generation: int) -> dict[int, int]:
    """How far the new generation has come in each log."""
    return dict(await connection.fetch(_OURS, model.name, generation))


async def meet_new_logs(connection: asyncpg.Connection, model: ReadModel, generation: int) -> None:
    """Logs that begin while the read model is rebuilt are followed from their first position."""
    await connection.execute(_NEW_LOGS, model.name, generation)
    await connection.execute(_NEW_SUBSCRIPTIONS, model.name)


def _by_log(live: Iterable[Shard]) -> dict[int, list[Shard]]:
    logs: dict[int, list[Shard]] = defaultdict(list)
    for one in live:
        logs[one.log_id].append(one)
    return logs


async def gap(
    connection: asyncpg.Connection, model: ReadModel, generation: int, live: Iterable[Shard]
) -> Gap:
    reached = await _ours(connection, model, generation)
    behind = [one.position - reached.get(one.log_id, 0) for one in live]
    return Gap(ours=max([0, *behind]), live=max([0, *(-one for one in behind)]))


async def hold(connection: asyncpg.Connection, model: ReadModel, generation: int) -> tuple[Shard, ...]:
    """All shards of the live one; none of them moves until the end of the transaction.

    Raises Moved when the new one has more than a batch to go to be there, or has not met one of their logs.
    """
    live = _shards(await connection.fetch(_LIVE_HELD, model.name))
    # Whoever waited for a row sees what became of it, but not the rows that others put in its place.
    if await shards(connection, model.name) != live:
        raise Moved
    reached = await _ours(connection, model, generation)
    if any(one.log_id not in reached or one.position - reached[one.log_id] > MOST for one in live):
        raise Moved
    return live


async def advance(connection: asyncpg.Connection, model: ReadModel, generation: int) -> int:
    """One batch a log towards the live one; how many positions that were. A transaction of its own."""
    done = 0
    async with connection.transaction():
        logs = _by_log(await shards(connection, model.name))
        for log_id, position, left_out in await connection.fetch(_OURS_HELD, model.name, generation):
            live = logs.get(log_id, [])
            up_to = min((one.position for one in live), default=0)
            if up_to > position:
                to = min(up_to, position + MOST)
                waiting = tuple({*left_out, *(stream for one in live for stream in one.parked)})
                await model.projector.project(
                    connection,
                    Slice(log_id=log_id, after=position, up_to=to, parked=waiting, generation=generation),
                )
                await connection.execute(_REACHED, log_id, model.name, generation, to, waiting)
                done += to - position
    return done


async def lead(connection: asyncpg.Connection, model: ReadModel, generation: int) -> int:
    """One batch a shard of the live one towards the new one, as a worker would do it; how many positions.

    A transaction a shard. Raises what the projector raises.
    """
    done = 0
    reached = await _ours(connection, model, generation)
    for one in await shards(connection, model.name):
        goal = reached.get(one.log_id, 0)
        if one.position >= goal:
            continue
        key = (one.log_id, model.name, one.shard)
        async with connection.transaction():
            row = await connection.fetchrow(_HOLD, *key)
            if row is None:
                continue  # the streams were dealt to fewer shards meanwhile
            position, count, live, parked = row
            to = min(goal, position + MOST)
            if to > position:
                piece = Slice(
                    log_id=one.log_id,
                    after=position,
                    up_to=to,
                    shard=one.shard,
                    shards=count,
                    parked=tuple(parked),
                    generation=live,
                )
                await model.projector.project(connection, piece)
                await connection.execute(_MOVE_ONE, *key, to)
                done += to - position
    return done


async def bring(
    connection: asyncpg.Connection, model: ReadModel, generation: int, live: Iterable[Shard]
) -> None:
    """The new generation to exactly where `live` stands, which somebody holds. Inside a transaction."""
    logs = _by_log(live)
    for log_id, position, left_out in await connection.fetch(_OURS_HELD, model.name, generation):
        here = logs.get(log_id, [])
        reached = max(position, min((one.position for one in here), default=0))
        parked = {stream for one in here for stream in one.parked}
        waiting = tuple({*left_out, *parked})
        for one in here:
            piece = Slice(
                log_id=log_id,
                after=position,
                up_to=max(position, one.position),
                shard=one.shard,
                shards=one.shards,
                parked=waiting,
                generation=generation,
            )
            if piece.up_to > piece.after:
                await model.projector.project(connection, piece)
            for stream in waiting:
                if bucket(stream) % one.shards == one.shard:
                    await _again(connection, model, piece, stream, parked=stream in parked)
        await connection.execute(_REACHED, log_id, model.name, generation, reached, list(parked))


async def _again(
    connection: asyncpg.Connection, model: ReadModel, piece: Slice, stream: UUID, *, parked: bool
) -> None:
    """All of a stream that was left out, up to where the live one has it."""
    since = None
    if parked:
        since = await connection.fetchval(_PARKED_FROM, piece.log_id, model.name, stream)
    up_to = piece.up_to if since is None else since - 1
    await model.projector.project(
        connection,
        Slice(log_id=piece.log_id, after=0, up_to=up_to, only=(stream,), generation=piece.generation),
    )


async def move_live(connection: asyncpg.Connection, model: ReadModel, generation: int) -> None:
    """Where the new generation is ahead, its position becomes that of the subscription. Inside the switch."""
    for log_id, position in (await _ours(connection, model, generation)).items():
        await connection.execute(_MOVE, log_id, model.name, position)
