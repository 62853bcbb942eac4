"""Turns at what few may do at a time: by who asks, so that whoever asks for much waits for it alone."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from pulseops.kernel.errors import Overloaded


class Turns:
    """`most` at a time, of one caller all but one: the next one need not wait for what somebody's take.

    What is free goes to the callers who wait, a turn to each in turn, however many each of them waits for.
    Nobody waits for more than `patience` seconds.
    """

    def __init__(self, most: int, *, patience: float) -> None:
        self._free, self._each, self._patience = most, max(1, most - 1), patience
        self._held = Counter[Hashable]()
        self._queues: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def of(self, caller: Hashable) -> AsyncIterator[None]:
        """A turn of `caller`. Raises Overloaded."""
        mine = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(mine)
        self._give()
        try:
            try:
                async with asyncio.timeout(self._patience):
                    await mine
            except TimeoutError:
                raise Overloaded from None
            yield
        finally:
            # It may have been given in the moment in which its caller went away.
            if not mine.cancelled():
                self._free += 1
                self._held[caller] -= 1
            self._give()

    def _give(self) -> None:
        """Begin whatever can begin; whoever went away is forgotten."""
        self._held = +self._held
        for caller, queue in [*self._queues.items()]:
            while queue and queue[0].done():
                queue.popleft()
            if queue and self._free and self._held[caller] < self._each:
                self._free -= 1
                self._held[caller] += 1
                queue.popleft().set_result(None)
                # Behind the others, who wait for theirs.
                self._queues[caller] = self._queues.pop(caller)
            if not queue:
                del self._queues[caller]
