"""What can be asked of an incident. `Create`, `Acknowledge` and `Resolve` are also the HTTP bodies."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from pulseops.incidents.events import Decision, Priority

Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="What is wrong, in a line.")
]
Text = Annotated[str, Meta(max_length=20_000)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(max_length=1_000)]
Instant = Annotated[datetime, Meta(tz=True)]


class Create(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Report an incident. An explicit `priority` wins over every rule; `dedupKey` joins an open incident."""

    title: Title
    description: Text = ""
    source: Word = "user"
    service: Word | None = None
    environment: Word | None = None
    labels: Annotated[dict[Word, Label], Meta(max_length=64)] = {}
    priority: Priority | None = None
    occurred_at: Instant | None = None
    dedup_key: Word | None = None


class Classify(Struct, frozen=True, kw_only=True):
    priority: Priority
    category: str
    priority_decision: Decision
    category_decision: Decision


class Assign(Struct, frozen=True, kw_only=True):
    team: str
    decision: Decision


class Acknowledge(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Say that somebody is on it."""

    note: Text = ""


class Escalate(Struct, frozen=True, kw_only=True):
    """`level` counts from 1; `late_by` is in seconds."""

    level: int
    to: str
    policy: str
    due_at: datetime
    late_by: float
    decision: Decision


class Resolve(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Say that it is over."""

    note: Text = ""


Command = Create | Classify | Assign | Acknowledge | Escalate | Resolve
