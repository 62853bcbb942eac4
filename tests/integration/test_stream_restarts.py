"""A reader that comes back sees every event once and in order, whatever became of the server meanwhile."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import httpx

from pulseops.db.pools import open_connection
from pulseops.up.ports import free_port
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.streaming import client, created, following, happen
from tests.keys import a_key
from tests.releases import start

_VISIBLE = "SELECT position FROM eventstore.event WHERE log_id = 1 AND type !~ '[.]' ORDER BY position"


class _Reader:
    """Reads, and comes back with its last id, for ever. `seen`: the id of every event, as it came."""

    def __init__(self, asking: httpx.AsyncClient) -> None:
        self._asking = asking
        self.seen: list[int | None] = []
        self.last, self.begun = 0, 0

    async def read(self) -> None:
        while True:
            with suppress(httpx.TransportError):
                async with following(self._asking, last=self.last) as stream:
                    self.begun += 1
                    while (block := await stream.block()) is not None:
                        if block.event is not None:
                            self.seen.append(block.id)
                        self.last = stream.last
            await asyncio.sleep(0.01)

    async def reaches(self, position: int) -> None:
        async def there() -> bool:
            return self.last >= position

        await until(there)


async def _write(connection: asyncpg.Connection) -> None:
    """Without pause: incidents, and in between what is none."""
    while True:
        await happen(connection, None, created(), ("CLASSIFIED", {}))
        await happen(connection, None, ("TEAM.DEFINED", {}))


@asynccontextmanager
async def _server(database: Database, redis_url: str, port: int, with_signal: int) -> AsyncIterator[None]:
    """`pulseops api`, until the signal. It may take its time to stop, but not long."""
    process = await start(
        "api", database_url=database.app_url, redis_url=redis_url, port=str(port), log_level="error"
    )
    try:
        yield
    finally:
        process.send_signal(with_signal)
        async with asyncio.timeout(10):
            _, told = await process.communicate()
    assert not told, told


async def test_nothing_is_missed_or_doubled_over_restarts(
    database: Database, redis_url: str, app: asyncpg.Connection
) -> None:
    port, token = free_port(0), await a_key(app)
    writer = await open_connection(database.app_url)
    writing = asyncio.create_task(_write(writer))
    async with client(port, token) as asking:
        reader = _Reader(asking)
        reading = asyncio.create_task(reader.read())
        for with_signal in (signal.SIGTERM, signal.SIGKILL):
            async with _server(database, redis_url, port, with_signal):
                await reader.reaches(reader.last + 50)
        writing.cancel()
        await asyncio.wait([writing])
        await writer.close()
        visible = [row["position"] for row in await app.fetch(_VISIBLE)]
        async with _server(database, redis_url, port, signal.SIGTERM):
            await reader.reaches(visible[-1])
        reading.cancel()
        await asyncio.wait([reading])
    assert reader.begun >= 3
    assert reader.seen == visible
