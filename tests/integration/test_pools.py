"""A pool on a database that goes silent: connections stay open, and nothing comes back."""

import asyncio
import time

import pytest

from pulseops.db.pools import open_pool
from tests.conftest import Database
from tests.faults.wire import wire

_SECONDS = 0.2


async def test_nobody_waits_for_ever_for_a_silent_database(database: Database) -> None:
    async with wire(database.port) as between:
        url = database.app_url.replace(f":{database.port}/", f":{between.port}/")
        pool = await open_pool(url, size=2, command_seconds=_SECONDS)
        between.deaf = True
        begun = time.monotonic()
        told = await asyncio.gather(*(pool.fetchval("SELECT 1") for _ in range(10)), return_exceptions=True)
        assert {type(error) for error in told} == {TimeoutError}
        assert time.monotonic() - begun < 10 * _SECONDS
        between.deaf = False
        assert await pool.fetchval("SELECT 1") == 1
        pool.terminate()


async def test_nobody_waits_for_ever_for_a_connection_that_others_have(database: Database) -> None:
    pool = await open_pool(database.app_url, size=2, command_seconds=_SECONDS)
    async with pool.acquire(), pool.acquire():
        with pytest.raises(TimeoutError):
            await pool.fetchval("SELECT 1")
    assert await pool.fetchval("SELECT 1") == 1
    await pool.close()
