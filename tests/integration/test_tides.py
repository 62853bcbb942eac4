"""Whoever waits for a position waits with the others: the database is asked once at a time for all."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads
from pulseops.subscriptions.tides import Measure
from tests.integration.following import until


class Sea:
    """A position that is set by the test, and how often it was looked at."""

    def __init__(self) -> None:
        self.position = self.looks = 0
        self._looked = asyncio.Condition()

    async def measure(self, _: asyncpg.Connection) -> int:
        async with self._looked:
            self.looks += 1
            self._looked.notify_all()
        return self.position

    async def looked(self, times: int) -> None:
        """Until it was looked at so often."""
        async with asyncio.timeout(10), self._looked:
            await self._looked.wait_for(lambda: self.looks >= times)


async def nothing(_: asyncpg.Connection) -> None:
    """There is nothing to see."""


async def crowd(reads: Reads, measure: Measure, least: Callable[[int], int], size: int = 100) -> list[int]:
    waiting: list[Awaitable[int]] = []

    async def one(number: int) -> int:
        return (await reads.current(measure, nothing, least=least(number))).position

    waiting = [asyncio.create_task(one(number)) for number in range(size)]
    return await asyncio.gather(*waiting)


async def test_a_hundred_who_wait_ask_hardly_more_often_than_one(pool: asyncpg.Pool) -> None:
    sea, reads = Sea(), Reads(pool)
    measure = sea.measure
    waiting = asyncio.create_task(crowd(reads, measure, lambda _: 5))
    await sea.looked(110)  # a first look each, and some together
    shared, sea.position = sea.looks, 5
    assert await waiting == [5] * 100
    # Once together, and then each sees for itself.
    assert sea.looks - shared <= 2 + 100


async def test_who_waits_for_less_goes_first(pool: asyncpg.Pool) -> None:
    sea, reads = Sea(), Reads(pool)
    measure = sea.measure
    low = asyncio.create_task(crowd(reads, measure, lambda _: 1, size=3))
    high = asyncio.create_task(crowd(reads, measure, lambda _: 9, size=3))
    await sea.looked(8)
    sea.position = 1
    assert await low == [1, 1, 1]
    assert not high.done()
    sea.position = 9
    assert await high == [9, 9, 9]


async def test_one_who_gives_up_takes_nobody_along(pool: asyncpg.Pool) -> None:
    sea, reads = Sea(), Reads(pool)
    measure = sea.measure
    tasks = [asyncio.create_task(reads.current(measure, nothing, least=1)) for _ in range(3)]
    await sea.looked(5)
    tasks[0].cancel()
    sea.position = 1
    assert [(await task).position for task in tasks[1:]] == [1, 1]


async def test_an_error_is_told_to_all_who_wait(pool: asyncpg.Pool) -> None:
    reads, failing, failed = Reads(pool), False, 0

    async def measure(_: asyncpg.Connection) -> int:
        nonlocal failed
        if failing:
            failed += 1
            raise asyncpg.ConnectionDoesNotExistError
        return 0

    async def all_wait() -> bool:
        return [len(tide.waiting) for tide in reads._tides._tides.values()] == [3]

    tasks = [asyncio.create_task(reads.current(measure, nothing, least=1)) for _ in range(3)]
    await until(all_wait)
    failing = True
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done] == [asyncpg.ConnectionDoesNotExistError] * 3
    assert failed == 1


def test_the_same_wait_has_the_same_measure() -> None:
    assert models(("a", "b"), log_id=1) is models(("a", "b"), log_id=1)
    assert models(("a", "b"), log_id=1) is not models(("a", "b"), log_id=2)
