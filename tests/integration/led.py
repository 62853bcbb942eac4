"""Read models led to the end of each log."""

import asyncpg

from pulseops.rulebook.loader import load_rulebook
from pulseops.subscriptions.slices import Slice
from pulseops.wiring import projectors


async def follow(pool: asyncpg.Pool, log_id: int) -> None:
    """Bring a log's read models to its head."""
    head = await pool.fetchval("SELECT max(position) FROM eventstore.event WHERE log_id = $1", log_id)
    async with pool.acquire() as connection, connection.transaction():
        for projector in projectors(load_rulebook(None)):
            await projector.project(connection, Slice(log_id=log_id, after=0, up_to=head or 0))
            await connection.execute(
                "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
                "VALUES ($1, $2, $3, clock_timestamp())",
                log_id,
                projector.name,
                head or 0,
            )
