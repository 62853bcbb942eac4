"""What an operator does to a subscription, once under its key, and the audit trail's entry that tells of it.

The entry is written in the same transaction, and is what a repetition is answered from.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access import trail
from pulseops.access.recording import By, acted_by, answered, record_act, together


class Done(Struct, frozen=True, kw_only=True):
    """To which streams, and from which position on, where an answer names them."""

    stream_ids: tuple[UUID, ...] = ()
    position: int = 0
    replayed: bool = False


async def act(
    pool: asyncpg.Pool,
    by: By,
    subject: str,
    work: Callable[[asyncpg.Connection], Awaitable[Done]],
    *,
    log_id: int,
) -> Done:
    """`work` may run more than once; only the last counts. Raises what it does, CommandReused, OutcomeUnknown."""

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
