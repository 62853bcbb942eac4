"""Who is let in. What cannot be answered in time is refused at once, before it has cost anything.

A queue that stands is known by this: even the quickest of the latest answers had to wait. Single slow
requests (a large batch, a client that dawdles over its body, a reader who waits for a position) say nothing
of the kind. Once somebody was refused, fewer are let in than before: who stands behind enough work to keep
the machine busy only waits, and is no sooner answered for it. Refusing takes time too: where those let in
wait long for their first turn, others wait unread in the kernel. Then fewer still are let in.
"""

from time import perf_counter

ALWAYS = ("/health/live", "/health/ready", "/metrics")
"""What is asked about the crowd is answered also in it."""
FREELY = 256
"""So many requests at a time are let in, however long they take."""
CROWDED, LEAST = 64, 24
"""And while there is a crowd, at most so many of them, and at least."""
MOST = 2_048
"""Never more than these."""
_TARGET = 0.025
"""Seconds. In between, a request is let in while the quickest of the latest answers took no longer."""
_TURN = 0.005
"""Seconds from a request's head to its first turn that are still short."""
_FEWER, _MORE = 0.9, 0.25
"""What a long wait for a turn leaves of the room in a crowd, and what a short one adds."""
_WINDOW = 0.1
"""Seconds that "the latest" are."""
_CALM = 1.0
"""Seconds without a refusal that end a crowd."""
WATCHERS = 64
"""So many at a time may ask in a crowd for one thing that is told about it."""


class Admission:
    """Counts the requests under way in this process, and knows how long the quickest answers take."""

    def __init__(self, now: float | None = None) -> None:
        now = perf_counter() if now is None else now
        self.under_way = 0
        self._room, self._prompt = float(CROWDED), True
        self._refused = float("-inf")
        self._window_began = self._answered = now
        self._quickest = self._before = 0.0

    def admits(self, now: float) -> bool:
        """Whether one more can be answered in time. When not, there is a crowd."""
        if now - self._refused >= _CALM:
            self._room, room = float(CROWDED), FREELY
        else:
            room = int(self._room)
        if self.under_way < room:
            return True
        if self.under_way < MOST and self._prompt and self._standing(now) <= _TARGET:
            return True
        self._refused = now
        return False

    def enter(self) -> None:
        self.under_way += 1

    def begin(self, waited: float) -> None:
        """One that was let in has its first turn, so many seconds after its head was read."""
        self._prompt = waited <= _TURN
        room = self._room + _MORE if self._prompt else self._room * _FEWER
        self._room = min(max(room, LEAST), CROWDED)

    def leave(self, began: float, now: float) -> None:
        """One that began then is answered."""
        self.under_way -= 1
        self._answered, took = now, now - began
        if now - self._window_began > _WINDOW:
            self._before, self._quickest, self._window_began = self._quickest, took, now
        elif took < self._quickest:
            self._quickest = took

    def _standing(self, now: float) -> float:
        """Seconds that even the quickest must wait. While nobody is answered they grow."""
        return max(min(self._quickest, self._before), now - self._answered)


class Aside:
    """A door beside `Admission`, for what is asked about the crowd: who comes by here takes nobody's place.

    What is asked here is found out once for all who ask, so nothing is known of how long anybody waits.
    """

    def __init__(self) -> None:
        self.under_way = 0

    def admits(self, _now: float) -> bool:
        return self.under_way < WATCHERS

    def enter(self) -> None:
        self.under_way += 1

    def begin(self, _waited: float) -> None:
        """Says nothing of the crowd."""

    def leave(self, _began: float, _now: float) -> None:
        self.under_way -= 1
