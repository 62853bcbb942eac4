"""Lists take turns by who asks: whoever asks for many at once waits behind whoever asks for one."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from pulseops.kernel.errors import Overloaded
from pulseops.subscriptions import reads
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads
from pulseops.subscriptions.turns import Turns
from tests.integration.appending import until

NOTHING = models(("nothing",), log_id=1)


class Desk:
    """Looks that take until they are let go; who has begun, in order."""

    def __init__(self, room: Reads) -> None:
        self._reads, self._go = room, asyncio.Semaphore(0)
        self.begun: list[Hashable] = []
        self.under_way = Counter[Hashable]()

    def ask(self, caller: str) -> asyncio.Task[None]:
        async def look(_connection: asyncpg.Connection) -> None:
            self.begun.append(caller)
            self.under_way[caller] += 1
            await self._go.acquire()
            self.under_way[caller] -= 1

        async def asking() -> None:
            await self._reads.of(NOTHING, look, caller=caller)

        return asyncio.create_task(asking())

    def let_go(self, looks: int) -> None:
        for _ in range(looks):
            self._go.release()

    async def begins(self, looks: int) -> None:
        async def begun() -> bool:
            return len(self.begun) >= looks

        await until(begun)


@contextmanager
def at_a_desk(pool: asyncpg.Pool, turns: int) -> Iterator[Desk]:
    """At the end whatever still looks is let go, so that it gives its connection back."""
    desk = Desk(Reads(pool, aside=turns))
    try:
        yield desk
    finally:
        desk.let_go(1_000)


async def test_one_who_asks_for_many_lists_keeps_nobody_elses_waiting(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_PATIENCE", 30)
    with at_a_desk(pool, 4) as desk:
        greedy = [desk.ask("greedy") for _ in range(20)]
        await desk.begins(3)
        other = [desk.ask("other")]
        await desk.begins(4)
        assert desk.begun == ["greedy"] * 3 + ["other"], "one turn is left to the others"
        other += [desk.ask(caller) for caller in ("other", "another", "other")]
        await asyncio.sleep(0)
        desk.let_go(4)
        await desk.begins(8)
        assert Counter(desk.begun[4:]) == {"greedy": 2, "another": 1, "other": 1}, "each in turn"
        desk.let_go(100)
        await asyncio.gather(*greedy, *other)


async def test_who_waits_for_too_long_is_told_so_and_leaves_nothing_behind(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_PATIENCE", 0.5)
    with at_a_desk(pool, 2) as desk:
        first, second = desk.ask("one"), desk.ask("other")
        await desk.begins(2)
        late = [desk.ask(caller) for caller in ("one", "other", "third")]
        refused = await asyncio.gather(*late, return_exceptions=True)
        assert [type(one) for one in refused] == [Overloaded] * 3
        desk.let_go(3)
        await asyncio.gather(first, second, desk.ask("third"))


async def test_one_who_leaves_takes_no_turn_along() -> None:
    taking, held = Turns(1, patience=30), asyncio.Event()

    async def hold(caller: str) -> None:
        async with taking.of(caller):
            await held.wait()

    tasks = [asyncio.create_task(hold(caller)) for caller in ("waits", "leaves", "is given it and leaves")]
    await asyncio.sleep(0)
    tasks[1].cancel()
    held.set()
    await tasks[0]
    tasks[2].cancel()  # it has been given the turn, and does not know yet
    await asyncio.wait(tasks)
    async with taking.of("last"):
        assert not taking.waiting
