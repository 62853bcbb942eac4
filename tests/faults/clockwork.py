"""What the clock owes an incident, followed fact by fact and told apart from what the clock did.

Written from the promises, not from PulseOps: it shares no code with what it judges.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Escalated,
    Merged,
    Priority,
    PriorityChanged,
    Reopened,
    Resolved,
    Snoozed,
    Split,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Recorded

CLOCK = "system:escalation"


class Terms(Struct, frozen=True, kw_only=True):
    """What is to happen to the incidents of one priority when nobody does anything.

    The steps are gone through once, and `repeat` times again.
    """

    steps: tuple[timedelta, ...] = ()
    repeat: int = 0
    unacknowledge_after: timedelta | None = None
    resolve_after: timedelta | None = None

    def step(self, level: int) -> timedelta | None:
        """How long until this level hears of it, from 1."""
        return dict(enumerate(self.steps * (1 + self.repeat), start=1)).get(level)


Policies = Mapping[Priority, Terms]


class Slip(Struct, frozen=True):
    """What the clock did twice or unasked (doubled), at another time (wrong), or not at all (lost)."""

    kind: Literal["doubled", "wrong", "lost"]
    told: str


class _Owed:
    """How an incident stands, as far as the clock is concerned."""

    def __init__(self, policies: Policies) -> None:
        self._policies, self._terms = policies, Terms()
        self._status: Literal["open", "acknowledged", "over"] = "open"
        self._until: datetime | None = None
        self._waits_since: datetime | None = None
        self._held_since: datetime | None = None
        self._touched: datetime | None = None
        self.levels: list[int] = []

    def due(self) -> dict[type[Any], datetime]:
        """What will be, if nobody does anything, and when; what follows from that is not due yet."""
        if self._status == "over":
            return {}
        if self._until is not None:
            return {Unsnoozed: self._until}
        terms = self._terms
        found: dict[type[Any], datetime | None] = {Resolved: _later(self._touched, terms.resolve_after)}
        if self._status == "acknowledged":
            found[Unacknowledged] = _later(self._held_since, terms.unacknowledge_after)
        else:
            found[Escalated] = _later(self._waits_since, terms.step(len(self.levels) + 1))
        return {what: at for what, at in found.items() if at is not None}

    def go_on(self, fact: Recorded[Any]) -> None:
        """`fact` is what has happened; from here on something else is due."""
        at = fact.recorded_at
        if isinstance(fact.fact, Classified | PriorityChanged):
            self._terms = self._policies.get(fact.fact.priority, Terms())
        match fact.fact:
            case Assigned() | PriorityChanged():
                self._begin(at)
            case CategoryChanged():
                self._held_since = at
            case Unacknowledged() | Unsnoozed() | Reopened() | Split():
                self._status, self._until = "open", None
                self._begin(at)
            case Escalated(level=level, due_at=due_at, late_by=late_by):
                self.levels.append(level)
                self._waits_since = due_at + timedelta(seconds=late_by)
            case Acknowledged():
                self._status, self._until, self._held_since = "acknowledged", None, at
            case Snoozed(until=until):
                self._until = until
            case Resolved() | Merged():
                self._status, self._until = "over", None
            case _:
                pass
        if not fact.meta.actor.startswith("system:") or isinstance(fact.fact, Unsnoozed):
            self._touched = at

    def _begin(self, at: datetime) -> None:
        self.levels = []
        self._waits_since = self._held_since = at


def slips(facts: Sequence[Recorded[Any]], policies: Policies) -> Iterator[Slip]:
    """Of one incident, from its first fact to the last, when all is calm."""
    owed = _Owed(policies)
    for fact in facts:
        if fact.meta.actor == CLOCK:
            yield from _unowed(fact, owed.due().get(type(fact.fact)), owed.levels)
        if isinstance(fact.fact, Escalated) and fact.fact.level != len(owed.levels) + 1:
            yield Slip("doubled", f"was escalated to the level {fact.fact.level} after {owed.levels}")
        owed.go_on(fact)
    for kind in owed.due():
        yield Slip("lost", f"{kind.type} never came, after the levels {owed.levels}")


def _unowed(fact: Recorded[Any], due: datetime | None, levels: Sequence[int]) -> Iterator[Slip]:
    """An escalation says itself when it was due, and it is due at one moment only."""
    said = fact.fact.due_at if isinstance(fact.fact, Escalated) else due
    if due is None or said is None:
        yield Slip("doubled", f"{fact.fact.type} came with nothing due, after the levels {levels}")
    elif said < due or fact.recorded_at < said:
        yield Slip("wrong", f"{fact.fact.type} came too early")
    elif said > due:
        yield Slip("wrong", f"{fact.fact.type} was put off, and nobody had asked for it")


def _later(at: datetime | None, by: timedelta | None) -> datetime | None:
    return None if at is None or by is None else at + by
