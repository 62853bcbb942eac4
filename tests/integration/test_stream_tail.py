"""Whoever joins the end of a log, at whatever place and moment, is told of everything behind it, once."""

import asyncio

import asyncpg

from pulseops.eventstore.bell import Bell
from pulseops.live.listener import Listener
from pulseops.live.pages import Log, Page
from pulseops.live.tail import Tail
from pulseops.live.wanted import Wanted
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.streaming import happen, hosting


class _Held(Log):
    """A page that was read is not told of before it is let go."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool, 1)
        self.go, self.read = asyncio.Event(), asyncio.Event()

    async def after(self, position: int, *, by_team: bool) -> Page:
        page = await super().after(position, by_team=by_team)
        self.read.set()
        await self.go.wait()
        return page


async def _allowed() -> bool:
    return True


def _waiting(listener: Listener) -> list[int]:
    """The positions that wait for it."""
    text = b"".join(piece.text for piece in iter(listener.take, None)).decode()
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]


async def test_who_is_before_or_behind_the_reader_misses_nothing_and_hears_nothing_twice(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    for _ in range(3):
        await happen(app)
    bell, log = Bell(), _Held(pool)
    tail = Tail(log, bell)
    first, ahead, between = (Listener(Wanted(), place, _allowed, "key:one") for place in (0, 5, 2))
    assert tail.join(first, there=True)
    await log.read.wait()
    # Its page has 1 to 3. Meanwhile the log grows, and others have read more of it by themselves.
    for _ in range(3):
        await happen(app)
    assert tail.join(ahead, there=True)
    assert tail.join(between, there=True)
    log.go.set()

    async def all_told() -> bool:
        bell.ring()
        return {first.position, ahead.position, between.position} == {6}

    await until(all_told)
    behind = Listener(Wanted(), 5, _allowed, "key:one")
    assert not tail.join(behind, there=True), "it reads by itself first"
    assert [_waiting(one) for one in (first, ahead, between)] == [[1, 2, 3, 4, 5, 6], [6], [3, 4, 5, 6]]
    for one in (first, ahead, between, behind):
        tail.leave(one)
    assert tail._following is None


async def test_who_comes_for_the_past_gets_it_while_others_hear_the_present(
    database: Database, app: asyncpg.Connection
) -> None:
    async with hosting(database.app_url) as host, host.follow() as present:
        for _ in range(3):
            await host.client.post("/incident", json={"title": "Disk full"})
        assert await present.ids(9) == list(range(1, 10))
        async with host.follow("?after=0") as past:
            await host.client.post("/incident", json={"title": "Disk full"})
            assert await past.ids(12) == list(range(1, 13))
