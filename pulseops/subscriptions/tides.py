"""Waiting for a position: however many wait for the same to come, the database is asked once at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from pulseops.db.pools import one_server

Measure = Callable[[asyncpg.Connection], Awaitable[int]]
"""The position that a connection's server has come to."""

_SHORTEST, _LONGEST = 0.01, 0.25
"""Seconds between looks. They grow with the wait, and lengthen it by half at most."""


class Tides:
    """What is waited for, by pool and measure. Each is looked at for as long as somebody waits."""

    def __init__(self) -> None:
        self._tides: dict[tuple[int, Measure], _Tide] = {}

    async def reach(self, pool: asyncpg.Pool, measure: Measure, least: int, *, within: float) -> None:
        """Until `measure` has been seen at `least`, or `within` seconds. Raises what asking raises."""
        key = id(pool), measure
        tide = self._tides.get(key)
        if tide is None:
            tide = self._tides[key] = _Tide(pool, measure)
        try:
            await tide.reach(least, within)
        finally:
            if not tide.waiting and self._tides.get(key) is tide:
                del self._tides[key]


class _Tide:
    def __init__(self, pool: asyncpg.Pool, measure: Measure) -> None:
        self._pool, self._measure = pool, measure
        self._pause = _SHORTEST
        self._looking: asyncio.Task[None] | None = None
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def reach(self, least: int, within: float) -> None:
        mine = least, asyncio.get_running_loop().create_future()
        self.waiting.append(mine)
        self._pause = _SHORTEST  # who has just come is not to wait as long as those before
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait([mine[1]], timeout=within)
            if mine[1].done():
                mine[1].result()
        finally:
            mine[1].cancel()
            self.waiting = [one for one in self.waiting if one is not mine]

    async def _look(self) -> None:
        while self.waiting:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 1.5, _LONGEST)
            try:
                async with one_server(self._pool) as connection:
                    position = await self._measure(connection)
            except Exception as error:  # noqa: BLE001 -- who waits hears of it
                for _, answer in self.waiting:
                    if not answer.done():
                        answer.set_exception(error)
                return
            for least, answer in self.waiting:
                if least <= position and not answer.done():
                    answer.set_result(None)
            # Whoever was told leaves the list before the next look.
            await asyncio.sleep(0)
