"""What clients asked and what they were told, kept by the one process that nobody kills."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from pulseops.incidents.incident import Incident

Kind = Literal[
    "create",
    "acknowledge",
    "unacknowledge",
    "snooze",
    "unsnooze",
    "assign",
    "escalate",
    "priority",
    "comment",
    "resolve",
    "reopen",
]
Verdict = Literal["acknowledged", "refused", "unknown"]


class Answer(Struct, frozen=True, kw_only=True):
    """What became of one try. Without a `status` the connection was lost; `incident` is what a 2xx showed."""

    status: int | None = None
    incident: Incident | None = None
    replayed: bool = False
    retry_after: bool = False

    @property
    def verdict(self) -> Verdict:
        """A refusal promises that nothing was stored."""
        if self.incident is not None:
            return "acknowledged"
        if self.status is not None and (self.status < 500 or self.status == 503):
            return "refused"
        return "unknown"


class Order(Struct, kw_only=True):
    """One thing asked for under one Idempotency-Key, which also marks what is stored for it.

    `answers` has every try that may have reached a server. Items of a batch have an order each.
    """

    kind: Kind
    key: str
    asked: dict[str, Any]
    incident: UUID | None = None
    answers: list[Answer] = []

    @property
    def told(self) -> list[Incident]:
        return [answer.incident for answer in self.answers if answer.incident is not None]

    @property
    def refused(self) -> bool:
        return bool(self.answers) and {answer.verdict for answer in self.answers} == {"refused"}


class Reading(Struct, frozen=True, kw_only=True):
    """A look at an incident of which version `least` had been acknowledged before."""

    incident: UUID
    least: int
    status: int | None
    seen: Incident | None = None


class History(Struct):
    orders: list[Order] = []
    readings: list[Reading] = []

    def answers(self) -> Iterator[tuple[Order, Answer]]:
        return ((order, answer) for order in self.orders for answer in order.answers)

    def counts(self) -> Counter[str]:
        """Orders by what became of them, and tries."""
        found = Counter[str](
            "acknowledged" if order.told else "refused" if order.refused else "unknown"
            for order in self.orders
            if order.answers
        )
        found["lost answers"] = sum(answer.verdict == "unknown" for _, answer in self.answers())
        found["requests"] = sum(1 for _ in self.answers()) + len(self.readings)
        return found
