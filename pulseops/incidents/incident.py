"""An incident as it now stands: the state decided on, the row of the board, the HTTP answer."""

from datetime import datetime
from functools import partial
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Classified,
    Created,
    Escalated,
    IncidentFact,
    Priority,
    Resolved,
    Status,
)
from pulseops.kernel.envelope import Recorded


class Incident(Struct, frozen=True, kw_only=True, rename="camel"):
    """One incident. `version` counts its events; `position` is the place of the newest one in the log.

    Instants are the database's clock, but for `occurred_at`, which is the reporter's claim.
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
    escalation_level: int = 0
    escalated_to: str | None = None
    acknowledged_by: str | None = None
    resolved_by: str | None = None
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
    match fact:
        case Created():
            raise TypeError(f"{recorded.stream_id} is created twice")
        case Classified():
            return then(priority=fact.priority, category=fact.category, classified_at=at)
        case Assigned():
            return then(assigned_team=fact.team, assigned_at=at)
        case Acknowledged():
            return then(status="acknowledged", acknowledged_by=recorded.meta.actor, acknowledged_at=at)
        case Escalated():
            return then(escalation_level=fact.level, escalated_to=fact.to, escalated_at=at)
        case Resolved():
            return then(status="resolved", resolved_by=recorded.meta.actor, resolved_at=at)


def _begin(recorded: Recorded[IncidentFact]) -> Incident:
    fact, at = recorded.fact, recorded.recorded_at
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
