"""Read your writes: wait until a reader has come to the position that an append returned."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import cache
from typing import Generic, TypeVar

import asyncpg
from msgspec import Struct

from pulseops.db.pools import one_server
from pulseops.eventstore.history import newest
from pulseops.kernel.errors import Behind
from pulseops.subscriptions.tides import Measure, Tides

T = TypeVar("T")

Look = Callable[[asyncpg.Connection], Awaitable[T]]

_REACHED = """
SELECT coalesce(min(coalesce(s.position, 0)), 0) FROM unnest($2::text[]) AS n (name)
LEFT JOIN eventstore.subscription s ON s.log_id = $1 AND s.name = n.name
"""


class Seen(Struct, Generic[T], frozen=True):
    """What was read, and the position up to which it shows everything; it may show more."""

    position: int
    found: T


@cache
def models(names: tuple[str, ...], *, log_id: int) -> Measure:
    """How far all shards of all these read models are. The same for the same: so waits for it are shared."""

    async def measure(connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(_REACHED, log_id, names)
        return position

    return measure


@cache
def head(*, log_id: int) -> Measure:
    """How far the log itself is there, which a moment later is more on a primary than on its replica."""

    async def measure(connection: asyncpg.Connection) -> int:
        return await newest(connection, log_id)

    return measure


async def look_from(
    pool: asyncpg.Pool,
    measure: Measure,
    look: Look[T],
    *,
    least: int = 0,
    within: float = 2.0,
    turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    tides: Tides | None = None,
) -> Seen[T]:
    """Looks when `measure` has come to `least`; Behind if that takes longer than `within` seconds.

    A checkpoint is committed with its rows and replicates after them, and both are asked of one server: so
    this holds on any replica as well. No connection is kept meanwhile, and no `turn`, which is taken
    for each look; those who share `tides` wait together. A parked stream may still be missing.
    """
    tides = tides or Tides()
    deadline = asyncio.get_running_loop().time() + within
    while True:
        async with turn(), one_server(pool) as connection:
            position = await measure(connection)
            if position >= least:
                return Seen(position, await look(connection))
        if (left := deadline - asyncio.get_running_loop().time()) <= 0:
            raise Behind
        await tides.reach(pool, measure, least, within=left)


async def wait_for(
    pool: asyncpg.Pool, name: str, position: int, *, log_id: int = 1, within: float = 2.0
) -> None:
    """Until all shards of `name` have come to `position`; as `look_from`."""

    async def nothing(_connection: asyncpg.Connection) -> None:
        """Only the position is wanted."""

    await look_from(pool, models((name,), log_id=log_id), nothing, least=position, within=within)
