"""What the server answers about moments of before, and about what changed between two."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from pulseops.client.results import Entry


class Point(Struct, frozen=True, kw_only=True, rename="camel"):
    """A moment as history has it: its newest event. Before the first one `position` is 0."""

    position: int
    recorded_at: datetime | None = None


class RulesApplied(Struct, frozen=True, kw_only=True, rename="camel"):
    """That rules were applied: where in the log, when, by which process, and their sections' versions."""

    position: int
    recorded_at: datetime
    process: str
    sha256: str
    versions: dict[str, str]


class Rules(RulesApplied, frozen=True, kw_only=True, rename="camel"):
    """All rules, defaults included; `text` is the operator's own file to the letter."""

    classification: dict[str, Any]
    assignment: dict[str, Any]
    escalation: dict[str, Any]
    text: str = ""


class RulesDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """What rules there were, and which were applied between; `diff` is a unified one, of them all as YAML."""

    since: Point = field(name="from")
    until: Point = field(name="to")
    before: RulesApplied | None = None
    after: RulesApplied | None = None
    applied: tuple[RulesApplied, ...] = ()
    diff: str = ""


class Change(Struct, frozen=True, kw_only=True):
    """A field by its name in the API. `before` is None also where the incident was not there yet."""

    field: str
    before: Any = None
    after: Any = None


class Stand(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far one incident had come; before its first event `version` is 0."""

    version: int
    position: int = 0
    recorded_at: datetime | None = None


class IncidentDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is another about one incident, and the events between, a page of them."""

    id: UUID
    since: Stand = field(name="from")
    until: Stand = field(name="to")
    changes: tuple[Change, ...] = ()
    items: tuple[Entry, ...] = ()
    next_cursor: str | None = None


class Difference(Struct, frozen=True, kw_only=True, rename="camel"):
    """One incident of many. `created`: it was not there before. `ended`: it is over, and was not."""

    id: UUID
    title: str = ""
    created: bool = False
    ended: bool = False
    from_version: int = 0
    to_version: int = 0
    changes: tuple[Change, ...] = ()


class Happened(Struct, frozen=True, kw_only=True):
    """To how many incidents anything happened, and how many events there were of each type."""

    incidents: int
    events: dict[str, int] = {}


class ListDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """Incidents that anything happened to, a page of them; `counts` are of the whole, on the first page."""

    since: Point = field(name="from")
    until: Point = field(name="to")
    counts: Happened | None = None
    items: tuple[Difference, ...] = ()
    next_cursor: str | None = None


class Done(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event of a key, a user, a team or a service."""

    event: str
    position: int
    recorded_at: datetime
    actor: str = ""
    note: str = ""


class EntryDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """A key, user, team or service: `what` is added, removed or changed, or unchanged after all.

    `events` are the newest ones; `omitted` is how many there were before these.
    """

    kind: str
    name: str
    what: str
    changes: tuple[Change, ...] = ()
    events: tuple[Done, ...] = ()
    omitted: int = 0


class Entries(Struct, frozen=True, kw_only=True, rename="camel"):
    """By kind and name. A page may be short, even empty, and lead on."""

    since: Point = field(name="from")
    until: Point = field(name="to")
    items: tuple[EntryDiff, ...] = ()
    next_cursor: str | None = None
