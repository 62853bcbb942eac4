"""One who listens: what waits to be sent, bounded, and how far it has come."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal

from pulseops.http.lasting import Line
from pulseops.live.pages import Piece
from pulseops.live.wanted import Wanted

Why = Literal["left", "slow", "age", "stopping", "access", "trouble"]

MOST_EVENTS, MOST_BYTES = 10_000, 2 * 1024 * 1024
"""What may wait for one listener. A page is taken whole when nothing waits."""
_FAR = 1_000
"""Positions that pass unseen before the listener is told of them at once."""
LEAVE = 1.0
"""Seconds that a listener has to take what it is just being told before the last words, and to take these."""
LEAVE_SLOWLY = 10.0
"""The same for one that was slow."""


class Listener:
    """`position`: everything up to there waits or was sent or is none of its business.

    `told`: the id that it was sent last. `allowed` says whether it still may listen. `caller` is whose it is.
    """

    def __init__(
        self, wanted: Wanted, after: int, allowed: Callable[[], Awaitable[bool]], caller: str
    ) -> None:
        self.wanted, self.allowed, self.caller = wanted, allowed, caller
        self.position = self.told = after
        self.ended: Why | None = None
        self.line: Line | None = None
        self._pieces: deque[Piece] = deque()
        self._events = self._bytes = 0
        self._rung = asyncio.Event()

    @property
    def leave(self) -> float:
        """Seconds to leave in."""
        return LEAVE_SLOWLY if self.ended == "slow" else LEAVE

    @property
    def apart(self) -> bool:
        """Whether it has long not heard how far the log is."""
        return self.position - self.told >= _FAR

    def offer(self, pieces: Sequence[Piece], position: int, room: int = MOST_BYTES) -> None:
        """What follows `self.position` up to `position`. More than may wait, or than `room`, ends it."""
        if self.ended is not None:
            return
        events, size = sum(one.events for one in pieces), sum(len(one.text) for one in pieces)
        if self._pieces and (self._events + events > MOST_EVENTS or self._bytes + size > room):
            self.end("slow")
            return
        self._pieces.extend(pieces)
        self._events, self._bytes, self.position = self._events + events, self._bytes + size, position
        if self._pieces or self.apart:
            self._rung.set()

    def take(self) -> Piece | None:
        """The next to be sent."""
        if not self._pieces:
            self._rung.clear()
            return None
        piece = self._pieces.popleft()
        self._events, self._bytes = self._events - piece.events, self._bytes - len(piece.text)
        return piece

    def end(self, why: Why) -> None:
        """It is sent nothing more but the reason. What waits it finds in the log when it comes back."""
        if self.ended is None:
            self.ended = why
            self._pieces.clear()
            self._events = self._bytes = 0
            self._rung.set()
            if self.line is not None:
                self.line.hurry(self.leave)

    async def wait(self, within: float) -> None:
        """Until there is something to do, or so many seconds have passed."""
        if not self._rung.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._rung.wait()
