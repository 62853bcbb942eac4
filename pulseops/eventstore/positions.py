"""How far each subscription has come: to wait until it shows what you wrote, and to see which one lags."""

import asyncio

import asyncpg
from msgspec import Struct

from pulseops.kernel.errors import Behind

# One statement, one snapshot: no checkpoint is ever ahead of the head.
_LAG = """
    SELECT s.log_id, s.name, s.position, h.head, h.head - s.position AS behind,
        coalesce(extract(epoch FROM clock_timestamp() - (
            SELECT e.recorded_at FROM eventstore.event AS e
            WHERE e.log_id = s.log_id AND e.position > s.position
            ORDER BY e.position LIMIT 1
        )), 0)::float8 AS age,
        CASE WHEN s.lease_until >= clock_timestamp() THEN s.owner END AS owner,
        s.attempts, s.last_error
    FROM eventstore.subscription AS s
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT e.position FROM eventstore.event AS e
            WHERE e.log_id = s.log_id ORDER BY e.position DESC LIMIT 1
        ), s.position) AS head
    ) AS h
    ORDER BY s.log_id, s.name
"""

_SHORTEST, _LONGEST = 0.01, 0.05  # seconds between looks


async def wait_for(
    pool: asyncpg.Pool, name: str, position: int, *, log_id: int = 1, within: float = 2.0
) -> None:
    """Until the subscription `name` has come to `position`; Behind when `within` seconds were not enough.

    One row is read, and the checkpoint is committed with its rows, so this also holds on a replica.
    """
    pause = _SHORTEST
    deadline = asyncio.get_running_loop().time() + within
    while True:
        reached = await pool.fetchval(
            "SELECT position FROM eventstore.subscription WHERE log_id = $1 AND name = $2", log_id, name
        )
        if reached is not None and reached >= position:
            return
        if asyncio.get_running_loop().time() + pause > deadline:
            raise Behind
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)


class Lag(Struct, frozen=True, kw_only=True, rename="camel"):
    """One subscription. `behind` counts positions; `age` is that of the oldest of these, in seconds.

    No `owner`: no worker leads it. `attempts` counts failures since the last progress.
    """

    log_id: int
    name: str
    position: int
    head: int
    behind: int
    age: float
    owner: str | None
    attempts: int
    last_error: str | None


async def lag(pool: asyncpg.Pool) -> tuple[Lag, ...]:
    """Every subscription that was ever led."""
    return tuple(Lag(**dict(row)) for row in await pool.fetch(_LAG))
