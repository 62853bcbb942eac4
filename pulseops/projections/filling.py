"""Fills a new generation of a read model from history, window by window, in lanes side by side.

A window and how far it brings its lane are one transaction, so a filling that was interrupted goes on where
it was. It fills up to where each log ended when it began; from there on the generation follows the log.
"""

import asyncio
from collections.abc import Callable, Sequence

import asyncpg
from msgspec import Struct

from pulseops.projections.generations import ReadModel, Stretch

_WINDOW = 50_000
"""Positions of a window: few enough to be sorted in memory."""

_LAY_OUT = """
INSERT INTO eventstore.filling (log_id, name, generation, lane, first, last, position)
SELECT l.log_id, $1, $2, n.lane, head.position * n.lane / $3, head.position * (n.lane + 1) / $3,
  head.position * n.lane / $3
FROM eventstore.log l
CROSS JOIN LATERAL (SELECT coalesce((
  SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
), 0) AS position) head
CROSS JOIN LATERAL (SELECT generate_series(0, $3 - 1)::smallint AS lane) n
WHERE NOT EXISTS (
  SELECT FROM eventstore.filling f WHERE f.log_id = l.log_id AND f.name = $1 AND f.generation = $2
)
"""
_LANES = """
SELECT f.log_id, f.lane, f.first, f.last, f.position,
  max(f.last) OVER (PARTITION BY f.log_id) AS up_to
FROM eventstore.filling f WHERE f.name = $1 AND f.generation = $2 ORDER BY f.log_id, f.lane
"""
_HOLD = """
SELECT f.position, f.left_out FROM eventstore.filling f
WHERE f.log_id = $1 AND f.name = $2 AND f.generation = $3 AND f.lane = $4 FOR UPDATE
"""
_PARKED = """
SELECT array(
  SELECT unnest(s.parked) FROM eventstore.subscription s WHERE s.log_id = $1 AND s.name = $2
  UNION SELECT unnest($3::uuid[])
)
"""
_REACHED = """
UPDATE eventstore.filling SET position = $5, left_out = $6
WHERE log_id = $1 AND name = $2 AND generation = $3 AND lane = $4
"""
_INDEX = "SELECT eventstore.index_generation_v1($1, $2)"
# From here on one lane stands for the whole log.
_JOIN = """
WITH whole AS (
  SELECT f.log_id, max(f.last) AS last, array(
    SELECT DISTINCT unnest(o.left_out) FROM eventstore.filling o
    WHERE o.log_id = f.log_id AND o.name = $1 AND o.generation = $2
  ) AS left_out
  FROM eventstore.filling f WHERE f.name = $1 AND f.generation = $2 GROUP BY f.log_id
), gone AS (
  DELETE FROM eventstore.filling f WHERE f.name = $1 AND f.generation = $2 AND f.lane > 0
)
UPDATE eventstore.filling f SET first = 0, last = w.last, position = w.last, left_out = w.left_out
FROM whole w WHERE f.log_id = w.log_id AND f.name = $1 AND f.generation = $2 AND f.lane = 0
"""


class Lane(Struct, frozen=True, kw_only=True):
    """A stretch of a log after `first` up to `last`, filled up to `position`. `up_to` is the last of all."""

    log_id: int
    lane: int
    first: int
    last: int
    position: int
    up_to: int


async def lanes(
    connection: asyncpg.Connection, model: ReadModel, generation: int, *, wanted: int
) -> tuple[Lane, ...]:
    """Those that there are; where a log has none, `wanted` of them up to its head, which are laid out now."""
    await connection.execute(_LAY_OUT, model.name, generation, wanted)
    rows = await connection.fetch(_LANES, model.name, generation)
    return tuple(Lane(**dict(row)) for row in rows)


async def fill(
    connections: Sequence[asyncpg.Connection],
    model: ReadModel,
    generation: int,
    chosen: Sequence[Lane],
    tell: Callable[[int], None],
) -> None:
    """Each connection takes lane after lane. `tell` hears of positions as they are filled."""
    left = [lane for lane in chosen if lane.position < lane.last]

    async def work(connection: asyncpg.Connection) -> None:
        while left:
            await _fill_lane(connection, model, generation, left.pop(0), tell)

    try:
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(work(connection))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _fill_lane(
    connection: asyncpg.Connection, model: ReadModel, generation: int, lane: Lane, tell: Callable[[int], None]
) -> None:
    key = (lane.log_id, model.name, generation, lane.lane)
    while True:
        async with connection.transaction():
            # Held for the whole window: nobody else fills it too, not even a process that was taken for dead.
            after, left_out = await connection.fetchrow(_HOLD, *key)
            if after >= lane.last:
                return
            to = min(after + _WINDOW, lane.last)
            parked = await connection.fetchval(_PARKED, lane.log_id, model.name, left_out)
            await model.fill(
                connection,
                Stretch(
                    log_id=lane.log_id,
                    generation=generation,
                    after=after,
                    to=to,
                    up_to=lane.up_to,
                    parked=tuple(parked),
                ),
            )
            await connection.execute(_REACHED, *key, to, parked)
        tell(to - after)


async def index(connection: asyncpg.Connection, model: ReadModel, generation: int) -> None:
    """Gives the filled tables their indexes; the generation is ready to follow the log then."""
    async with connection.transaction():
        await connection.execute(_INDEX, model.name, generation)
        await connection.execute(_JOIN, model.name, generation)
