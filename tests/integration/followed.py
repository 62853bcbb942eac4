"""The HTTP process with somebody who follows the log and sweeps."""

import asyncpg

from pulseops.rulebook.loader import load_rulebook
from pulseops.subscriptions.slices import Slice
from pulseops.wiring import projectors
from tests.serving import Api

RULES = load_rulebook(None)


class Followed:
    """An API whose read models follow when told to, by the subscriptions' own projectors."""

    def __init__(self, api: Api, pool: asyncpg.Pool) -> None:
        self.api, self.pool, self.reached = api, pool, 0

    async def report(self, priority: str, title: str = "Nobody answers") -> dict[str, str]:
        made: dict[str, str] = (
            await self.api.post("/incident", json={"title": title, "priority": priority})
        ).json()
        return made

    async def follow(self) -> None:
        head = await self.pool.fetchval("SELECT max(position) FROM eventstore.event")
        async with self.pool.acquire() as connection, connection.transaction():
            for projector in projectors(RULES):
                await projector.project(connection, Slice(log_id=1, after=self.reached, up_to=head))
        self.reached = head
