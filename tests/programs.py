"""`pulseops api` and `pulseops worker` as processes of their own."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from pulseops.db.schema import PACKAGE
from tests.releases import start


@asynccontextmanager
async def program(name: str, settings: dict[str, str]) -> AsyncIterator[Process]:
    """`pulseops api` or `pulseops worker`, until SIGTERM."""
    process = await start(name, PACKAGE.parent, log_level="error", **settings)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, told = await process.communicate()
    assert not told, told


async def answering(port: int) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            try:
                if (await client.get("/health/live")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)  # nothing tells
