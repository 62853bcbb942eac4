"""Who changes a stream takes turns with the others in this process, once they have got in each other's way.

Without turns, of many who decide at once one is stored and all decide again, and who asks without a pause
pushes aside who asks once. In the order in which they came, everybody has one.
"""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from uuid import UUID
from weakref import WeakValueDictionary

from pulseops.kernel.errors import Overloaded

_PATIENCE = 5.0
"""Seconds to wait for a turn; a gateway waits as long for a commit."""


class Turns:
    """The streams that somebody waits for. Others cost nobody anything."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def of(self, streams: Iterable[UUID]) -> "Turn":
        """One caller's turn at all of these streams."""
        return Turn(self._known, streams)


class Turn:
    """Entered, it waits only behind others who wait. After a lost race, `take` waits in any case."""

    def __init__(self, known: WeakValueDictionary[UUID, asyncio.Lock], streams: Iterable[UUID]) -> None:
        # In one order, so that no two wait for each other.
        self._known, self._streams = known, sorted(streams)
        self._held: list[asyncio.Lock] = []

    async def __aenter__(self) -> Self:
        if any(stream in self._known for stream in self._streams):
            await self.take()
        return self

    async def take(self) -> None:
        """Holds all of them until the end; nothing when it does already. Raises Overloaded."""
        if self._held:
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                for stream in self._streams:
                    lock = self._known.setdefault(stream, asyncio.Lock())
                    await lock.acquire()
                    self._held.append(lock)
        except TimeoutError:
            self._release()
            raise Overloaded from None
        except asyncio.CancelledError:
            self._release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        for lock in self._held:
            lock.release()
        self._held.clear()
