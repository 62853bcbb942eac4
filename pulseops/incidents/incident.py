"""An incident as it now stands: the state decided on, the row of the board, the HTTP answer."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from pulseops.incidents.events import (
    Absorbed,
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Edited,
    Escalated,
    ImpactDeclared,
    IncidentFact,
    Linked,
    Merged,
    Priority,
    PriorityChanged,
    Relation,
    Released,
    Reopened,
    Resolution,
    Resolved,
    Snoozed,
    Split,
    Status,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import NotFound


class Tie(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What an incident has to do with another one, or with the page at `url`."""

    incident: UUID | None = None
    url: str | None = None
    title: str = ""
    relation: Relation = "related"


class Incident(Struct, frozen=True, kw_only=True, rename="camel"):
    """One incident. `version` counts its events; `position` is the place of the newest one in the log.

    Instants are the database's clock, but for `occurred_at`, which is the reporter's claim. What no longer
    holds is null again: who acknowledged it once it needs an answer anew, or who resolved it once it is open.
    `escalation_level` is how far the present wait for an answer has come; 0 is not at all.
    """

    id: UUID
    status: Status
    title: str
    description: str
    source: str
    service: str | None
    environment: str | None
    labels: dict[str, str]
    dedup_key: str | None
    priority: Priority | None = None
    category: str | None = None
    assigned_team: str | None = None
    responder: str | None = None
    escalation_level: int = 0
    escalated_to: str | None = None
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    resolved_by: str | None = None
    resolution: Resolution | None = None
    cause: str | None = None
    merged_into: UUID | None = None
    merged: tuple[UUID, ...] = ()
    impacted_services: tuple[str, ...] = ()
    customers_affected: int | None = None
    links: tuple[Tie, ...] = ()
    occurred_at: datetime
    created_at: datetime
    classified_at: datetime | None = None
    assigned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    escalated_at: datetime | None = None
    resolved_at: datetime | None = None
    updated_at: datetime
    version: int
    position: int


class Deduplicated(Incident, frozen=True, kw_only=True, rename="camel"):
    """The answer to a report. `deduplicated`: this open incident already held its `dedupKey`."""

    deduplicated: bool = False


def evolve(incident: Incident | None, recorded: Recorded[IncidentFact]) -> Incident:
    """The incident after one more fact. The first is always CREATED."""
    fact, at = recorded.fact, recorded.recorded_at
    if incident is None:
        return _begin(recorded)
    then = partial(replace, incident, updated_at=at, version=recorded.version, position=recorded.position)
    anew = partial(then, escalation_level=0, escalated_to=None)
    match fact:
        case Created():
            raise TypeError(f"{recorded.stream_id} is created twice")
        case Classified():
            return then(priority=fact.priority, category=fact.category, classified_at=at)
        case Assigned():
            return anew(assigned_team=fact.team, responder=fact.responder, assigned_at=at)
        case Acknowledged():
            return then(
                status="acknowledged",
                acknowledged_by=recorded.meta.actor,
                acknowledged_at=at,
                snoozed_until=None,
            )
        case Unacknowledged() | Unsnoozed():
            return anew(status="open", acknowledged_by=None, acknowledged_at=None, snoozed_until=None)
        case Snoozed():
            return then(snoozed_until=fact.until)
        case Escalated():
            return then(escalation_level=fact.level, escalated_to=fact.to, escalated_at=at)
        case PriorityChanged():
            return anew(priority=fact.priority)
        case CategoryChanged():
            return then(category=fact.category)
        case Edited():
            return then(
                title=incident.title if fact.title is None else fact.title,
                description=incident.description if fact.description is None else fact.description,
                labels=incident.labels if fact.labels is None else fact.labels,
            )
        case Commented():
            return then()
        case Linked():
            tie = Tie(incident=fact.incident, url=fact.url, title=fact.title, relation=fact.relation)
            return then(links=(*incident.links, tie))
        case Merged():
            return then(status="merged", merged_into=fact.into, snoozed_until=None)
        case Absorbed():
            return then(merged=(*incident.merged, fact.incident))
        case Split():
            return _open_again(anew, merged_into=None)
        case Released():
            return then(merged=tuple(one for one in incident.merged if one != fact.incident))
        case ImpactDeclared():
            return then(impacted_services=fact.services, customers_affected=fact.customers)
        case Resolved():
            return then(
                status="resolved",
                resolved_by=recorded.meta.actor,
                resolved_at=at,
                resolution=fact.resolution,
                cause=fact.cause,
                snoozed_until=None,
            )
        case Reopened():
            return _open_again(anew)


def _open_again(anew: Callable[..., Incident], **also: None) -> Incident:
    return anew(
        status="open",
        acknowledged_by=None,
        acknowledged_at=None,
        resolved_by=None,
        resolved_at=None,
        resolution=None,
        cause=None,
        **also,
    )


def _begin(recorded: Recorded[IncidentFact]) -> Incident:
    fact, at = recorded.fact, recorded.recorded_at
    if "." in fact.type:
        raise NotFound("There is no such incident.")  # the stream is that of a team, a key, or the like
    if not isinstance(fact, Created):
        raise TypeError(f"{recorded.stream_id} begins with {fact.type}, not CREATED")
    return Incident(
        id=recorded.stream_id,
        status="open",
        title=fact.title,
        description=fact.description,
        source=fact.source,
        service=fact.service,
        environment=fact.environment,
        labels=fact.labels,
        dedup_key=fact.dedup_key,
        priority=fact.priority,
        occurred_at=recorded.occurred_at,
        created_at=at,
        updated_at=at,
        version=recorded.version,
        position=recorded.position,
    )
