"""What the audit trail has."""

import asyncio

from pulseops.access import trail
from pulseops.access.trail import Entry
from pulseops.db.pools import open_pool
from tests.conftest import Database


def acts(database: Database, *, log_id: int = 1) -> tuple[Entry, ...]:
    """Who administered, as the audit trail of a log tells it."""

    async def read() -> tuple[Entry, ...]:
        pool = await open_pool(database.app_url, size=1)
        found = await trail.read(pool, what="ADMIN.ACTED", log_id=log_id)
        await pool.close()
        return found.items

    return asyncio.run(read())
