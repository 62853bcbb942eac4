"""The database's clock: what deadlines go by, so that no worker's own clock matters."""

from datetime import datetime

import asyncpg


class DatabaseClock:
    """A `kernel.clock.Clock`. Not now(), which stands still within a transaction."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection) -> None:
        self._pool = pool

    async def now(self) -> datetime:
        moment: datetime = await self._pool.fetchval("SELECT clock_timestamp()")
        return moment
