"""What is read for everybody at once, and is never older than whoever asks will have it."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """`found` is what `load` last gave; at first it is what is given here."""

    def __init__(self, load: Callable[[], Awaitable[T]], found: T) -> None:
        self._load, self.found = load, found
        self._read_at = self._forgotten_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self, oldest: float) -> None:
        """All who come while it is being read wait for that one reading, and fail with it."""
        asked_at = monotonic()
        while asked_at - self._read_at >= oldest:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
                # Everyone who waited may have left.
                self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(self._reading)

    def forget(self) -> None:
        """It has just changed: whoever asks now has it read anew."""
        self._forgotten_at, self._read_at = monotonic(), float("-inf")

    async def _read(self) -> None:
        began_at = monotonic()
        self.found = await self._load()
        # What was under way when it changed does not know of that.
        self._read_at = began_at if began_at > self._forgotten_at else float("-inf")
