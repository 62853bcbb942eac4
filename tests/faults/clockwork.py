"""What the clock owes an incident, followed fact by fact and told apart from what the clock did.

Written from the promises, not from PulseOps: it shares no code with what it judges.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Escalated,
    Priority,
    Reopened,
    Resolved,
    Snoozed,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Recorded

CLOCK = "system:escalation"


class Terms(Struct, frozen=True, kw_only=True):
    """What is to happen to the incidents of one priority when nobody does anything."""

    steps: tuple[timedelta, ...] = ()
    unacknowledge_after: timedelta | None = None
    resolve_after: timedelta | None = None


Policies = Mapping[Priority, Terms]


class _Owed:
    """What is due at the earliest, by the type of the fact that it will be."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.due: dict[type[Any], datetime] = {}
        self.levels: list[int] = []

    def owe(self, what: type[Any], since: datetime, after: timedelta | None) -> None:
        self.due.pop(what, None)
        if after is not None:
            self.due[what] = since + after

    def forget(self, *what: type[Any]) -> None:
        for one in what:
            self.due.pop(one, None)

    def climb(self, since: datetime) -> None:
        done = len(self.levels)
        self.owe(Escalated, since, self._terms.steps[done] if done < len(self._terms.steps) else None)

    def go_on(self, fact: Recorded[Any]) -> None:
        """`fact` is what has happened; from here on something else is due."""
        at = fact.recorded_at
        match fact.fact:
            case Assigned() | Unacknowledged() | Unsnoozed() | Reopened():
                self.levels = []
                self.forget(Unacknowledged, Unsnoozed)
                self.climb(at)
            case Escalated(level=level, due_at=due_at):
                self.levels.append(level)
                self.climb(due_at)
            case Acknowledged():
                self.forget(Escalated, Unsnoozed)
                self.owe(Unacknowledged, at, self._terms.unacknowledge_after)
            case Snoozed(until=until):
                self.due = {Unsnoozed: until}
            case Resolved():
                self.due = {}
            case _:
                pass
        touched = not fact.meta.actor.startswith("system:") or isinstance(fact.fact, Unsnoozed)
        asleep = Unsnoozed in self.due
        if touched and not asleep and not isinstance(fact.fact, Resolved):
            self.owe(Resolved, at, self._terms.resolve_after)


def faults(facts: Sequence[Recorded[Any]], terms: Terms) -> Iterator[str]:
    """What the clock did too early, once too often, or not at all, when all is calm."""
    owed = _Owed(terms)
    for fact in facts:
        if fact.meta.actor == CLOCK:
            due = owed.due.pop(type(fact.fact), None)
            said = fact.fact.due_at if isinstance(fact.fact, Escalated) else due
            if due is None:
                yield f"{fact.fact.type} came with nothing due, after the levels {owed.levels}"
            elif said is not None and not due <= said <= fact.recorded_at:
                yield f"{fact.fact.type} came too early"
            if isinstance(fact.fact, Escalated) and fact.fact.level != len(owed.levels) + 1:
                yield f"was escalated to the level {fact.fact.level} after {owed.levels}"
        owed.go_on(fact)
    for kind in owed.due:
        yield f"{kind.type} never came, after the levels {owed.levels}"
