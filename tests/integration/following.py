"""A follower of the log that writes down each position once, and may be made to wait or to fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector


async def prepare(admin: asyncpg.Connection) -> None:
    await admin.execute(
        """
        CREATE TABLE public.seen (name text, position bigint, PRIMARY KEY (name, position));
        GRANT SELECT, INSERT ON public.seen TO pulseops_app;
        """
    )


Check = Callable[[asyncpg.Connection, Slice], Awaitable[None]]


def follower(
    name: str = "follower",
    before: Callable[[int, int], Awaitable[None]] | None = None,
    check: Check | None = None,
) -> Projector:
    """`before(after, up_to)` comes between its effect and its checkpoint; the key refuses a second time.

    So does `check(connection, slice)`, which sees more.
    """

    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        await connection.execute(
            "INSERT INTO public.seen "
            "SELECT $1, position FROM eventstore.slice_v1($2, $3, $4, $5, $6, $7, $8)",
            name,
            *piece.parameters,
        )
        if before is not None:
            await before(piece.after, piece.up_to)
        if check is not None:
            await check(connection, piece)

    return Projector(name, project)


async def seen(connection: asyncpg.Connection | asyncpg.Pool, name: str = "follower") -> list[int]:
    rows = await connection.fetch("SELECT position FROM public.seen WHERE name = $1 ORDER BY 1", name)
    return [row["position"] for row in rows]


async def begin(connection: asyncpg.Connection, name: str = "follower") -> None:
    """Its row, as the first worker makes it."""
    await connection.execute(
        "INSERT INTO eventstore.subscription (log_id, name, updated_at) VALUES (1, $1, clock_timestamp())",
        name,
    )


@asynccontextmanager
async def running(*workers: Subscriptions) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Killed at the end, unless they ended."""
    tasks = [asyncio.create_task(one.run()) for one in workers]
    try:
        yield tasks
    finally:
        await kill(*tasks)


async def kill(*tasks: asyncio.Task[None]) -> None:
    """As a SIGKILL does: no lease is given back."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], Awaitable[bool]], within: float = 10.0) -> None:
    """For what only the database can tell."""
    async with asyncio.timeout(within):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)
