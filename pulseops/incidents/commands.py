"""What can be asked of an incident. Those that callers ask for are also the HTTP bodies."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from pulseops.incidents.events import Decision, Priority, Relation, Resolution

Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="What is wrong, in a line.")
]
Text = Annotated[str, Meta(max_length=20_000)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(max_length=1_000)]
Instant = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Note = Annotated[str, Meta(max_length=20_000, description="Why, in the words of whoever asks for it.")]
WebPage = Annotated[
    str,
    Meta(
        max_length=2_000,
        # History keeps it for ever, so no password; and `$` would let a line feed follow.
        pattern=r"^https?://[^\s/?#@\\]+([/?#]\S*)?(?![\s\S])",
        description="http or https, without a user name or a password.",
        examples=["https://status.example.com/incidents/42"],
    ),
]


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


class Rejoin(Struct, frozen=True, kw_only=True):
    """It is reported again under its dedup key."""


class Classify(Struct, frozen=True, kw_only=True):
    priority: Priority
    category: str
    priority_decision: Decision
    category_decision: Decision


class Assign(Struct, frozen=True, kw_only=True):
    """What the rules say; the first word only."""

    team: str
    decision: Decision


class Reassign(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Give it to a team, to one person, or to both. What is left out stays."""

    team: Name | None = None
    responder: Name | None = None
    note: Note = ""


class Acknowledge(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say that somebody is on it."""

    note: Note = ""


class Unacknowledge(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say that nobody is on it any more."""

    note: Note = ""


class Snooze(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Let nobody hear of it before `until`, within 90 days."""

    until: Instant
    note: Note = ""


class Unsnooze(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Let it need an answer again, now."""

    note: Note = ""


class Lapse(Struct, frozen=True, kw_only=True):
    """The time is up for an acknowledgement, a snooze, or the incident as a whole (nobody touched it)."""

    what: Literal["acknowledgement", "snooze", "incident"]
    due_at: datetime
    decision: Decision


class Escalate(Struct, frozen=True, kw_only=True):
    """`level` counts from 1; `late_by` is in seconds. `asked`: a person wants it, whatever the time."""

    level: int
    to: str
    policy: str
    due_at: datetime
    late_by: float
    decision: Decision
    asked: bool = False
    note: str = ""


class ChangePriority(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say how bad it is. As a `correction`: how bad it was from the beginning."""

    priority: Priority
    correction: bool = False
    note: Note = ""


class ChangeCategory(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say of what kind it is. As a `correction`: what the classification should have been."""

    category: Name
    correction: bool = True
    note: Note = ""


class Edit(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Change what it says. What is left out stays; a label that is null is taken away."""

    title: Title | None = None
    description: Text | None = None
    labels: Annotated[dict[Word, Label | None], Meta(max_length=64)] = {}
    note: Note = ""


class Comment(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Add something to its history."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"\S")]


class Link(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Say what it has to do with: another `incident`, or the page at `url`."""

    incident: UUID | None = None
    url: WebPage | None = None
    title: Annotated[str, Meta(max_length=200)] = ""
    relation: Relation = "related"
    note: Note = ""


class Merge(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say that it is the same fault as another incident."""

    into: UUID
    note: Note = ""


class Absorb(Struct, frozen=True, kw_only=True):
    """The other side of `Merge`."""

    incident: UUID
    note: str = ""


class Split(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Take it out again of what it was merged into."""

    note: Note = ""


class Release(Struct, frozen=True, kw_only=True):
    """The other side of `Split`."""

    incident: UUID
    note: str = ""


class DeclareImpact(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say who feels it: the whole of it, as known by now."""

    services: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    customers: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    note: Note = ""


class Resolve(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say that it is over, how it ended, and what the cause was."""

    note: Note = ""
    resolution: Resolution | None = None
    cause: Annotated[str, Meta(max_length=2_000)] | None = None


class Conclude(Struct, frozen=True, kw_only=True):
    """What a merged incident lives on in is over, so it is over as well."""

    decision: Decision


class Reopen(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Say that it is not over after all."""

    note: Note = ""


Command = (
    Create
    | Rejoin
    | Classify
    | Assign
    | Reassign
    | Acknowledge
    | Unacknowledge
    | Snooze
    | Unsnooze
    | Lapse
    | Escalate
    | ChangePriority
    | ChangeCategory
    | Edit
    | Comment
    | Link
    | Merge
    | Absorb
    | Split
    | Release
    | DeclareImpact
    | Resolve
    | Conclude
    | Reopen
)
