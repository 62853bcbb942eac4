"""How many streams one answer goes through: by their events, of which one may have as many as hundreds do."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from pulseops.eventstore.within import versions

MOST = 10_000
"""Events that one answer folds. Then its page ends, though it may be short."""


async def affordable(
    connection: asyncpg.Connection | asyncpg.Pool,
    streams: Sequence[UUID | None],
    *,
    most: int = MOST,
    log_id: int,
) -> tuple[int, int]:
    """How many of these, in their order, have at most `most` events together, and how many events that is.

    None is one that costs nothing. The first is always affordable, or nobody would ever get beyond it.
    """
    lengths = await versions(connection, {one for one in streams if one is not None}, log_id=log_id)
    total = 0
    for count, stream_id in enumerate(streams):
        length = 0 if stream_id is None else lengths[stream_id]
        if count and total + length > most:
            return count, total
        total += length
    return len(streams), total
