"""Which positions a stretch of time has: `recorded_at` never decreases within a log."""

from datetime import datetime

import asyncpg

_RECORDED = "SELECT recorded_at < $3 FROM eventstore.event WHERE log_id = $1 AND position = $2"


async def last_before(connection: asyncpg.Connection, log_id: int, moment: datetime, head: int) -> int:
    """The position of the last event up to `head` that was recorded before `moment`; 0 when none was.

    It is searched for by halves: no index goes by time, because each costs every append.
    """
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        if await connection.fetchval(_RECORDED, log_id, middle, moment) is not False:
            low = middle
        else:
            high = middle - 1
    return low
