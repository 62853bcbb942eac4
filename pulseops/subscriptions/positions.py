"""Read your writes: wait until a reader has come to the position that an append returned."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Generic, TypeVar

import asyncpg
from msgspec import Struct

from pulseops.db.pools import one_server
from pulseops.eventstore.history import newest
from pulseops.kernel.errors import Behind

T = TypeVar("T")

Measure = Callable[[asyncpg.Connection], Awaitable[int]]
"""The position that a connection's server has come to."""
Look = Callable[[asyncpg.Connection], Awaitable[T]]

_SHORTEST, _LONGEST = 0.01, 0.25
"""Seconds between looks. They grow with the wait, and lengthen it by half at most."""

_REACHED = """
SELECT coalesce(min(coalesce(s.position, 0)), 0) FROM unnest($2::text[]) AS n (name)
LEFT JOIN eventstore.subscription s ON s.log_id = $1 AND s.name = n.name
"""


class Seen(Struct, Generic[T], frozen=True):
    """What was read, and the position up to which it shows everything; it may show more."""

    position: int
    found: T


def models(names: Sequence[str], *, log_id: int) -> Measure:
    """How far all shards of all these read models are."""

    async def measure(connection: asyncpg.Connection) -> int:
        position: int = await connection.fetchval(_REACHED, log_id, names)
        return position

    return measure


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
) -> Seen[T]:
    """Looks when `measure` has come to `least`; Behind if that takes longer than `within` seconds.

    A checkpoint is committed with its rows and replicates after them, and both are asked of one server: so
    this holds on any replica as well. No connection is kept meanwhile, and no `turn`, which is taken
    for each look. A parked stream may still be missing.
    """
    pause = _SHORTEST
    deadline = asyncio.get_running_loop().time() + within
    while True:
        async with turn(), one_server(pool) as connection:
            position = await measure(connection)
            if position >= least:
                return Seen(position, await look(connection))
        if (left := deadline - asyncio.get_running_loop().time()) <= 0:
            raise Behind
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST)


async def wait_for(
    pool: asyncpg.Pool, name: str, position: int, *, log_id: int = 1, within: float = 2.0
) -> None:
    """Until all shards of `name` have come to `position`; as `look_from`."""

    async def nothing(_connection: asyncpg.Connection) -> None:
        """Only the position is wanted."""

    await look_from(pool, models((name,), log_id=log_id), nothing, least=position, within=within)
