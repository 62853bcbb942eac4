"""Gateways, and a lock that holds their writers up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.gateway import Gateway
from tests.conftest import Database
from tests.integration.appending import until

_LOCK = "SELECT FROM eventstore.log WHERE log_id = 1 FOR UPDATE"


_WAITERS = "SELECT array_agg(pid) FROM pg_locks WHERE NOT granted"


Open = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def open_gateway(database: Database) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_one(url: str = database.app_url, **options: object) -> Gateway:
            gateway = Gateway(url, **options)  # type: ignore[arg-type]  # the options of its own signature
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield open_one


@asynccontextmanager
async def locked(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """Somebody else appends, and takes their time."""
    async with admin.transaction():
        await admin.execute(_LOCK)
        yield


async def waiters(admin: asyncpg.Connection) -> list[int]:
    """The server processes that wait for the log's lock, as soon as there is one."""
    found: list[int] = await until(lambda: admin.fetchval(_WAITERS))
    return found


def outcomes(answers: Sequence[object]) -> list[str]:
    return [getattr(answer, "verdict", type(answer).__name__) for answer in answers]


async def gather(gateway: Gateway, *requests: AppendRequest) -> list[object]:
    return list(await asyncio.gather(*(gateway.append(one) for one in requests), return_exceptions=True))
