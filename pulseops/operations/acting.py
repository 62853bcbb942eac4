"""What an operator does to a subscription is done once under its key, and on the audit trail.

The trail's entry is written in the same transaction, and is what a repetition is answered from. Beside what
`operating` raises there are CommandReused, OutcomeUnknown when the commit was not answered, and Unavailable.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access import trail
from pulseops.access.recording import By, acted_by, answered, record_act, together
from pulseops.subscriptions import operating


class Done(Struct, frozen=True, kw_only=True):
    """To which streams, and the position that the answer names."""

    stream_ids: tuple[UUID, ...] = ()
    position: int = 0
    replayed: bool = False


async def park(pool: asyncpg.Pool, by: By, name: str, stream_id: UUID, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        since = await operating.park(connection, name, stream_id, log_id=log_id)
        return Done(stream_ids=(stream_id,), position=since)

    return await _act(pool, by, f"{name} park {stream_id}", work, log_id=log_id)


async def retry(pool: asyncpg.Pool, by: By, name: str, stream_id: UUID | None = None, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        return Done(stream_ids=await operating.retry(connection, name, stream_id, log_id=log_id))

    return await _act(pool, by, f"{name} retry", work, log_id=log_id)


async def reset(pool: asyncpg.Pool, by: By, name: str, position: int, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        await operating.reset(connection, name, position, log_id=log_id)
        return Done(position=position)

    return await _act(pool, by, f"{name} reset to {position}", work, log_id=log_id)


async def _act(
    pool: asyncpg.Pool,
    by: By,
    subject: str,
    work: Callable[[asyncpg.Connection], Awaitable[Done]],
    *,
    log_id: int,
) -> Done:
    async def change(connection: asyncpg.Connection) -> Done:
        if await answered(connection, by, log_id):
            before = await trail.told(connection, by.command_id, log_id=log_id)
            return Done(stream_ids=before.stream_ids or (), position=before.from_position or 0, replayed=True)
        done = await work(connection)
        acted = acted_by(
            by,
            "subscriptions.operate",
            f"subscription:{subject}",
            stream_ids=done.stream_ids or None,
            from_position=done.position or None,
        )
        await record_act(connection, by, acted, log_id=log_id)
        return done

    return await together(pool, change)
