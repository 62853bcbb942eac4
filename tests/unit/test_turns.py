"""Turns at streams: in the order in which they were asked for, and for those alone who wait."""

import asyncio
from uuid import UUID

import pytest

from pulseops.eventstore import turns
from pulseops.eventstore.turns import Turns
from pulseops.kernel.errors import Overloaded

ONE, OTHER = UUID(int=1), UUID(int=2)


async def test_nobody_waits_before_a_race_was_lost_nor_after_all_had_their_turn() -> None:
    known = Turns()
    async with known.of([ONE]), known.of([ONE]), known.of([ONE]) as loser:
        await loser.take()
        await loser.take()
        async with known.of([OTHER]):
            pass
    async with known.of([ONE]), known.of([ONE]):
        pass


async def test_after_a_lost_race_everybody_has_a_turn_in_the_order_of_asking() -> None:
    known, seen = Turns(), list[str]()

    async def asks(name: str, *streams: UUID) -> None:
        async with known.of(streams):
            seen.append(name)
            await asyncio.sleep(0)
            seen.append(name)

    async with asyncio.TaskGroup() as group, known.of([ONE]) as loser:
        await loser.take()
        for name, streams in (("a", [ONE]), ("b", [OTHER, ONE]), ("c", [ONE, OTHER]), ("d", [ONE])):
            group.create_task(asks(name, *streams))
        await asyncio.sleep(0)
        assert seen == []
    assert seen == [*"aabbccdd"]


async def test_who_waits_too_long_or_goes_away_leaves_no_turn_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Turns()

    async def asks() -> None:
        async with known.of([ONE, OTHER]):
            raise AssertionError("It was not our turn.")

    async with known.of([OTHER]) as holder:
        await holder.take()
        gone = asyncio.create_task(asks())
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        monkeypatch.setattr(turns, "_PATIENCE", 0.01)
        with pytest.raises(Overloaded):
            await asks()
        async with known.of([ONE]):
            pass
    async with known.of([ONE, OTHER]) as free:
        await free.take()
