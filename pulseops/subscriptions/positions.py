"""Read your writes: wait until a read model has come to the position that an append returned."""

import asyncio

import asyncpg

from pulseops.kernel.errors import Behind

_SHORTEST, _LONGEST = 0.01, 0.05  # seconds between looks


async def wait_for(
    pool: asyncpg.Pool, name: str, position: int, *, log_id: int = 1, within: float = 2.0
) -> None:
    """Until all shards of `name` have come to `position`; Behind if that takes longer than `within` seconds.

    The checkpoint is committed with its rows, so this also holds on a replica. A stream that is parked may
    still be missing.
    """
    pause = _SHORTEST
    deadline = asyncio.get_running_loop().time() + within
    while True:
        reached = await pool.fetchval(
            "SELECT min(position) FROM eventstore.subscription WHERE log_id = $1 AND name = $2",
            log_id,
            name,
        )
        if (reached or 0) >= position:
            return
        if asyncio.get_running_loop().time() + pause > deadline:
            raise Behind
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
