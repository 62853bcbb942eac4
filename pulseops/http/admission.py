"""Who is let in. What cannot be answered in time is refused at once, before it has cost anything.

A queue that stands is known by this: even the quickest of the latest answers had to wait. Single slow
requests (a large batch, a client that dawdles over its body, a reader who waits for a position) say nothing
of the kind.
"""

from time import perf_counter

FREELY = 256
"""So many requests at a time are let in, however long they take."""
MOST = 2_048
"""And never more than these."""
TARGET = 0.05
"""Seconds. Between the two, a request is let in while the quickest of the latest answers took no longer."""
_WINDOW = 0.1
"""Seconds that "the latest" are."""


class Admission:
    """Counts the requests under way in this process, and knows how long the quickest answers take."""

    def __init__(self) -> None:
        self.under_way = 0
        self._since = self._changed = perf_counter()
        self._quickest = self._before = 0.0

    def admits(self, now: float) -> bool:
        """Whether one more can be answered in time."""
        if self.under_way < FREELY:
            return True
        return self.under_way < MOST and self.standing(now) <= TARGET

    def enter(self) -> None:
        self.under_way += 1

    def leave(self, began: float, now: float) -> None:
        """One that began then is answered."""
        self.under_way -= 1
        took = now - began
        if now - self._since > _WINDOW:
            self._before, self._quickest, self._since = self._quickest, took, now
        elif took < self._quickest:
            self._quickest = took
        self._changed = now

    def standing(self, now: float) -> float:
        """Seconds that even the quickest must wait. While nothing is answered they grow."""
        silence = now - self._changed
        return max(min(self._quickest, self._before), silence)
