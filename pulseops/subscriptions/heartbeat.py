"""The workers' heartbeat: who is alive, and when somebody last looked for due deadlines."""

import asyncpg

# A worker that was killed leaves its row behind: the next heartbeat of another clears it away.
_BEAT = """
    WITH gone AS (
        DELETE FROM eventstore.worker
        WHERE worker_id <> $1 AND seen_at < clock_timestamp() - interval '1 hour'
    )
    INSERT INTO eventstore.worker AS w (worker_id, seen_at, swept_at)
    VALUES ($1, clock_timestamp(), CASE WHEN $2 THEN clock_timestamp() END)
    ON CONFLICT (worker_id) DO UPDATE
    SET seen_at = excluded.seen_at, swept_at = coalesce(excluded.swept_at, w.swept_at)
"""
# What is of the future was before the clock was set back.
_SINCE = """
    SELECT extract(epoch FROM clock_timestamp() - max(swept_at))::float8 FROM eventstore.worker
    WHERE swept_at <= clock_timestamp()
"""
_LEAVE = "DELETE FROM eventstore.worker WHERE worker_id = $1"


async def beat(pool: asyncpg.Pool, worker_id: str, *, swept: bool = False) -> None:
    """This worker is alive and, with `swept`, has just swept."""
    await pool.execute(_BEAT, worker_id, swept)


async def since_sweep(pool: asyncpg.Pool) -> float | None:
    """Seconds since any worker swept; None when none of those known ever did."""
    seconds: float | None = await pool.fetchval(_SINCE)
    return seconds


async def leave(pool: asyncpg.Pool, worker_id: str) -> None:
    """This worker ends in good order."""
    await pool.execute(_LEAVE, worker_id)
