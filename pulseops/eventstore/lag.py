"""How far the followers of the log are behind it, and whether a worker is there to lead them."""

import asyncpg
from msgspec import Struct

# Ages go by the database's clock, which wrote the times they are counted from.
_FOLLOWERS = """
SELECT s.name, s.position, head.position - s.position AS positions, s.attempts, s.last_error,
  CASE WHEN s.lease_until >= clock_timestamp() THEN s.owner END AS owner,
  coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM eventstore.event e WHERE e.log_id = s.log_id AND e.position = s.position + 1
  )), 0)::float8 AS seconds
FROM eventstore.subscription s, (SELECT $2::bigint AS position) head
WHERE s.log_id = $1 ORDER BY s.name
"""
_HEAD = """
SELECT coalesce(
  (SELECT e.position FROM eventstore.event e WHERE e.log_id = $1 ORDER BY e.position DESC LIMIT 1),
  (SELECT l.floor_position FROM eventstore.log l WHERE l.log_id = $1), 0)
"""
_SWEPT = """
SELECT extract(epoch FROM clock_timestamp() - max(swept_at))::float8 FROM eventstore.worker
"""


class Follower(Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription at `position`: how far it is behind, in events and in seconds.

    `owner` is the worker that leads it, if any does. `attempts` counts failures since its last progress.
    """

    name: str
    position: int
    positions: int
    seconds: float
    owner: str | None
    attempts: int
    last_error: str | None

    @property
    def failing(self) -> bool:
        return self.attempts > 0


class Lag(Struct, frozen=True, kw_only=True, rename="camel"):
    """`sweepSeconds` is the age of the last search for due escalations; null when there never was one."""

    position: int
    followers: tuple[Follower, ...]
    sweep_seconds: float | None


async def lag(connection: asyncpg.Connection | asyncpg.Pool, *, log_id: int = 1) -> Lag:
    """The position of the newest event, and how far everyone is from it."""
    head = await connection.fetchval(_HEAD, log_id)
    return Lag(
        position=head,
        followers=tuple(
            Follower(
                name=row["name"],
                position=row["position"],
                positions=max(0, row["positions"]),
                seconds=round(max(0.0, row["seconds"]), 3),
                owner=row["owner"],
                attempts=row["attempts"],
                last_error=row["last_error"],
            )
            for row in await connection.fetch(_FOLLOWERS, log_id, head)
        ),
        sweep_seconds=await connection.fetchval(_SWEPT),
    )
