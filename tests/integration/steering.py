"""What operators do to a subscription, each in a transaction of its own and on no trail."""

from uuid import UUID

import asyncpg

from pulseops.subscriptions import operating


async def park(pool: asyncpg.Pool, name: str, stream_id: UUID) -> int:
    async with pool.acquire() as connection, connection.transaction():
        return await operating.park(connection, name, stream_id)


async def retry(pool: asyncpg.Pool, name: str, stream_id: UUID | None = None) -> tuple[UUID, ...]:
    async with pool.acquire() as connection, connection.transaction():
        return await operating.retry(connection, name, stream_id)


async def reset(pool: asyncpg.Pool, name: str, position: int = 0) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await operating.reset(connection, name, position)
