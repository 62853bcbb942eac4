"""How far the followers of the log are behind it, and whether a worker is there to lead them."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import asyncpg
from msgspec import Struct

from pulseops.subscriptions.leases import HELD

# One row a shard, and one without a name for a log that has none; of all logs where none is named. Each log's
# newest event is looked up by itself (OFFSET 0 keeps it so): a join would read all there is. Ages go by the
# database's clock, which wrote the times they are counted from.
_LAG = f"""
SELECT l.log_id, l.name AS log, head.position AS head, s.name, s.shard, s.shards, s.generation, s.position,
  greatest(0, head.position - s.position) AS positions, s.epoch, s.attempts, s.last_error,
  cardinality(s.parked) AS parked,
  CASE WHEN {HELD} THEN s.owner END AS owner,
  greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM eventstore.event e WHERE e.log_id = s.log_id AND e.position = s.position + 1
  )), 0))::float8 AS seconds,
  (SELECT extract(epoch FROM clock_timestamp() - max(w.swept_at))::float8 FROM eventstore.worker w
    WHERE w.swept_at <= clock_timestamp()) AS swept
FROM eventstore.log l CROSS JOIN LATERAL (
  SELECT coalesce((
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ), l.floor_position) AS position OFFSET 0
) head
LEFT JOIN eventstore.subscription s ON s.log_id = l.log_id
WHERE $1::smallint IS NULL OR l.log_id = $1
ORDER BY l.log_id, s.name, s.shard
"""  # noqa: S608 -- a constant of ours


class Follower(Struct, frozen=True, kw_only=True, rename="camel"):
    """A shard of a subscription at `position`: how far it is behind, in events and in seconds.

    `owner` is the worker that leads it, if any does; `epoch` grows with each change of the owner. `attempts`
    counts failures since its last progress, `parked` the streams that it leaves out.
    """

    name: str
    shard: int
    shards: int
    generation: int
    position: int
    positions: int
    seconds: float
    owner: str | None
    epoch: int
    attempts: int
    last_error: str | None
    parked: int

    @property
    def failing(self) -> bool:
        return self.attempts > 0


class Lag(Struct, frozen=True, kw_only=True, rename="camel"):
    """`sweepSeconds` is the age of the last search for due escalations; null when there never was one."""

    position: int
    followers: tuple[Follower, ...]
    sweep_seconds: float | None


class Standing(Struct, frozen=True, kw_only=True):
    """A log, and how far everyone is behind it."""

    log_id: int
    name: str
    lag: Lag


async def lag(connection: asyncpg.Connection | asyncpg.Pool, *, log_id: int = 1) -> Lag:
    """The position of the newest event, and how far everyone is from it."""
    return _lag(await connection.fetch(_LAG, log_id))


async def lags(connection: asyncpg.Connection | asyncpg.Pool) -> list[Standing]:
    """The same of every log, the oldest first: one question, however many there are."""
    rows = await connection.fetch(_LAG, None)
    return [
        Standing(log_id=log_id, name=name, lag=_lag(list(of_log)))
        for (log_id, name), of_log in groupby(rows, itemgetter("log_id", "log"))
    ]


def _lag(rows: Sequence[asyncpg.Record]) -> Lag:
    return Lag(
        position=rows[0]["head"],
        followers=tuple(
            Follower(**{name: row[name] for name in Follower.__struct_fields__})
            for row in rows
            if row["name"] is not None
        ),
        sweep_seconds=rows[0]["swept"],
    )
