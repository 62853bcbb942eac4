"""What the server answers beyond an incident as such. Fields that are not here are passed over."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import Struct

from pulseops.catalog.events import Link, Member
from pulseops.client.errors import Problem
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Incident

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """`next_cursor` leads to the next one; it is None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Entry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A step of an incident's life. `text` and `why` tell it in words; `details` are the fact's own fields.

    `timestamp` is the database's clock, `occurred_at` the claim of whoever reported it.
    """

    event: str
    text: str = ""
    why: tuple[str, ...] = ()
    id: UUID | None = None
    timestamp: datetime
    occurred_at: datetime | None = None
    actor: str = ""
    version: int = 0
    position: int = 0
    details: dict[str, Any] = {}


class LivesOn(Struct, frozen=True, kw_only=True):
    """What a merged incident lives on in, after all merges: the one to act on, and how it stands."""

    id: UUID
    status: Status


class Story(Incident, frozen=True, kw_only=True, rename="camel"):
    """An incident with everything that happened to it, in order.

    `lives_on` is None for one that was not merged, and where the caller does not see where to.
    """

    lives_on: LivesOn | None = None
    timeline: tuple[Entry, ...] = ()


class Item(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one item of a batch: an incident, or a problem."""

    status: int
    incident: Incident | None = None
    deduplicated: bool = False
    replayed: bool = False
    problem: Problem | None = None


class Batch(Struct, frozen=True, kw_only=True, rename="camel"):
    """In the order of the request. `stored` counts the incidents that this request created."""

    items: tuple[Item, ...]
    stored: int
    failed: int


class Escalation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Unless somebody answers, `to` hears of the incident at `due_at`; `late_by` is in seconds.

    Of another `kind`, such as the end of a snooze, nobody hears.
    """

    incident_id: UUID
    kind: str = "escalation"
    title: str
    priority: Priority | None
    status: Status
    team: str | None
    policy: str | None
    level: int
    to: str | None
    due_at: datetime
    overdue: bool
    late_by: float
    problem: str | None = None


class Count(Struct, frozen=True, kw_only=True):
    """`value` is None for incidents that have none."""

    value: str | None
    count: int


class Facet(Struct, frozen=True, kw_only=True):
    """The most frequent values first. `others` have further values: so many incidents."""

    values: tuple[Count, ...] = ()
    others: int = 0


class Facets(Struct, frozen=True, kw_only=True):
    """`total` is what all filters let through; each facet counts under all filters but its own."""

    total: int
    status: Facet
    priority: Facet
    category: Facet
    team: Facet
    service: Facet
    responder: Facet


class Heard(Struct, frozen=True, kw_only=True, rename="camel"):
    """A level that has heard of an incident; `late_by` is in seconds."""

    level: int
    to: str
    due_at: datetime
    fired_at: datetime
    late_by: float
    by: str


class Planned(Struct, frozen=True, kw_only=True):
    """A level that will hear of an incident, if nobody answers before."""

    level: int
    to: str
    at: datetime


class Plan(Struct, frozen=True, kw_only=True, rename="camel"):
    """What will happen to an incident by the clock. `because` says why nobody will hear of it."""

    incident_id: UUID
    version: int
    status: Status
    because: str | None = None
    policy: str | None = None
    rules_version: str | None = None
    why: str | None = None
    began: str | None = None
    began_at: datetime | None = None
    heard: tuple[Heard, ...] = ()
    planned: tuple[Planned, ...] = ()
    ended_by: tuple[str, ...] = ()
    snoozed_until: datetime | None = None
    unacknowledge_at: datetime | None = None
    resolve_at: datetime | None = None
    estimated: bool = False


class Retired(Struct, frozen=True, kw_only=True):
    """What is there no more; `version` and `position` are those of the event that says so."""

    name: str
    version: int
    position: int


class Team(Struct, frozen=True, kw_only=True, rename="camel"):
    """A team. One that only the rules file names (`source`) has no history: its version is 0."""

    name: str
    display_name: str = ""
    description: str = ""
    lead: str | None = None
    email: str | None = None
    chat: str | None = None
    members: tuple[Member, ...] = ()
    runbooks: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    source: Literal["defined", "rules"] = "defined"
    updated_at: datetime | None = None
    updated_by: str | None = None
    version: int = 0
    position: int = 0


class Service(Struct, frozen=True, kw_only=True, rename="camel"):
    """A service. One that only the rules file names (`source`) has no history: its version is 0."""

    name: str
    team: str
    display_name: str = ""
    description: str = ""
    tier: int | None = None
    repository: str | None = None
    runbooks: tuple[Link, ...] = ()
    dashboards: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    labels: dict[str, str] = {}
    environments: tuple[str, ...] = ()
    source: Literal["defined", "rules"] = "defined"
    updated_at: datetime | None = None
    updated_by: str | None = None
    version: int = 0
    position: int = 0


class Key(Struct, frozen=True, kw_only=True, rename="camel"):
    """A key. `teams` None: all. Until `overlap_until` the secret before the present one opens as well."""

    id: str
    name: str
    role: str
    status: str = ""
    teams: tuple[str, ...] | None = None
    source: str | None = None
    rate: int | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    rotated_at: datetime | None = None
    overlap_until: datetime | None = None
    revoked_at: datetime | None = None


class KeyWithSecret(Key, frozen=True, kw_only=True, rename="camel"):
    """`key` is told this one time: it is None when the command is repeated."""

    key: str | None = None

    def __repr__(self) -> str:
        return f"KeyWithSecret(id={self.id!r}, name={self.name!r})"


class User(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user. `teams` None: all. `granted`: by an administrator, and no more by what the claims come to."""

    name: str
    status: str
    role: str | None = None
    teams: tuple[str, ...] | None = None
    granted: bool = False
    issuer: str | None = None
    subject: str | None = None
    created_at: datetime | None = None
    seen_at: datetime | None = None
    granted_at: datetime | None = None
    revoked_at: datetime | None = None


class WhoAmI(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who asks, and what it may do. `teams` None: all."""

    actor: str
    role: str
    name: str = ""
    via: str = "key"
    key_id: str | None = None
    teams: tuple[str, ...] | None = None
    actions: tuple[str, ...] = ()


class Act(Struct, frozen=True, kw_only=True, rename="camel"):
    """A refusal or an administrative act: `what` says which. `count` is how often a refusal came, alike."""

    position: int
    what: str
    who: str
    recorded_at: datetime
    event_id: UUID | None = None
    key_id: str | None = None
    code: str | None = None
    action: str | None = None
    subject: str | None = None
    method: str | None = None
    path: str | None = None
    origin: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    count: int | None = None


class Health(Struct, frozen=True, kw_only=True):
    """ok; degraded: incidents are recorded, but `reasons` says what is not as it should be; or unready."""

    status: Literal["ok", "degraded", "unready"]
    reasons: tuple[str, ...] = ()
