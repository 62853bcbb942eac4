"""What `up` runs, as one shape: a server or a program of ours that starts, may die, and is stopped."""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pulseops.up.account import ourselves
from pulseops.up.attention import Hurried, Stopped
from pulseops.up.home import Home
from pulseops.up.processes import CannotStart, Child, Ladder, Rest, stop_leftover

POLITE = Ladder(((signal.SIGTERM, 10.0),))
HURRY = Ladder(())


class Part(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def start(self) -> None: ...
    def ended(self) -> int | None: ...
    def stop(self, *, hurry: bool = False) -> None: ...


class Program:
    """`pulseops api` or `pulseops worker`, set up through its environment: no secret is in an argument."""

    def __init__(
        self, name: str, home: Home, environment: Mapping[str, str], *, rest: Rest = time.sleep
    ) -> None:
        self.name, self._home, self._rest = name, home, rest
        self.environment = dict(environment)
        self.log = home.log(name)
        self._mark = home.run / name
        self._child: Child | None = None

    def start(self) -> None:
        self.stop()
        stop_leftover(self._mark, POLITE, self._rest)
        self._child = Child(
            [sys.executable, "-P", "-m", "pulseops", self.name],
            mark=self._mark,
            log=self.log,
            account=ourselves(),
            ladder=POLITE,
            cwd=self._home.path,
            env=self.environment,
        )

    def ended(self) -> int | None:
        return None if self._child is None else self._child.ended()

    def stop(self, *, hurry: bool = False) -> None:
        if self._child is not None:
            self._child.stop(self._rest, HURRY if hurry else None)
            self._child = None


class Watch:
    """Starts a part again when it has died, at once the first time and ever more slowly after that."""

    FIRST, LONGEST, STEADY = 0.5, 30.0, 60.0  # seconds

    def __init__(self, part: Part, *, now: float) -> None:
        self.part = part
        self._delay = 0.0
        self._due: float | None = None
        self._started = now

    def look(self, now: float) -> str | None:
        """What there is to say. `now` is monotonic."""
        if self._due is not None:
            if now < self._due:
                return None
            self._due, self._started = None, now
            try:
                self.part.start()
            except (CannotStart, OSError) as error:
                self._wait(now)
                return f"{self._why(error)}\nTrying again in {self._delay:g} s."
            return f"{self.part.name} is running again."
        if (code := self.part.ended()) is None:
            return None
        if now - self._started > self.STEADY:
            self._delay = 0.0
        self._wait(now)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{self.part.name} {how}; starting it again in {self._delay:g} s. See {self.part.log}"

    def renew(self, now: float) -> None:
        """Start it again at the next look, as what it was told has changed."""
        self._due = now

    def _why(self, error: CannotStart | OSError) -> str:
        if isinstance(error, CannotStart):
            return str(error)
        # A disk may be full for a while, or the machine short of processes.
        where = f"{error.filename}: " if error.filename else ""
        return f"{self.part.name} cannot be started: {where}{error.strerror or error}."

    def _wait(self, now: float) -> None:
        self._delay = min(max(self.FIRST, self._delay * 2), self.LONGEST)
        self._due = now + self._delay


def stop_all(parts: Sequence[Part]) -> None:
    """In the order given. Whoever asks again, and again, is heard."""
    hurry = False
    for part in parts:
        while True:  # each is raised once
            try:
                part.stop(hurry=hurry)
            except (Stopped, Hurried):
                hurry = True
            else:
                break
