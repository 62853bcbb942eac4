"""The words of the suite: a bench has sides, measured in turn; a line divides one side by another."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from msgspec import Struct

from tests.benchmarks.goals import Goal


class Reading(Struct, frozen=True, kw_only=True):
    """One side in one round: what was done in how many seconds, for how many seconds of CPU.

    `events` is how many events an operation stores. `waiting` is how many operations waited at once at most,
    where each waited for a commit: then no flush can have answered more than that (see `ground.py`).
    `more` is whatever else was seen, by a name that ends in its unit: p50_ms, p99_ms, rss_mb.
    """

    operations: float
    seconds: float
    events: float = 1.0
    app_cpu: float | None = None
    postgres_cpu: float | None = None
    waiting: int | None = None
    more: Mapping[str, float] = {}

    def value(self, by: str) -> float:
        """What a line compares: rate, events, app_us, postgres_us, cpu_us, time_us or a name in `more`."""
        match by:
            case "rate":
                return self.operations / self.seconds
            case "events":
                return self.operations * self.events / self.seconds
            case "time_us":
                return self.seconds / self.operations * 1e6
            case "app_us" | "postgres_us" | "cpu_us":
                app, postgres = self.app_cpu or 0.0, self.postgres_cpu or 0.0
                spent = {"app_us": app, "postgres_us": postgres, "cpu_us": app + postgres}[by]
                return spent / self.operations * 1e6
            case _:
                return self.more[by]

    def has(self, by: str) -> bool:
        """Whether `value(by)` has something to say."""
        match by:
            case "app_us":
                return self.app_cpu is not None and self.operations > 0
            case "postgres_us":
                return self.postgres_cpu is not None and self.operations > 0
            case "rate" | "events":
                return True
            case "time_us" | "cpu_us":
                return self.operations > 0
            case _:
                return by in self.more


class Side(Struct, frozen=True):
    """`measure(seconds)` takes about so long, and starts from the same ground each time."""

    name: str
    measure: Callable[[float], Awaitable[Reading]]


class Line(Struct, frozen=True, kw_only=True):
    """A goal, and how to see whether it is met: `side` divided by `over` (nothing: as it is), by `by`.

    `over_by` is what the other side is compared by, where that is something else.
    """

    goal: Goal
    side: str
    over: str | None = None
    by: str
    over_by: str | None = None


class Bench(Struct, frozen=True, kw_only=True):
    """`sides(stage)` prepares, yields the sides and cleans up. `takes` is about how many seconds in all."""

    name: str
    title: str
    lines: Sequence[Line]
    sides: Callable[[Any], AbstractAsyncContextManager[Sequence[Side]]]
    rounds: int = 3
    seconds: float = 3.0
    takes: float = 40.0


class Measured(Struct, frozen=True, kw_only=True):
    """A line with what was seen: the ratio of each round, in order."""

    line: Line
    ratios: Sequence[float]
