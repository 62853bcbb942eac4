"""`client.incidents`: reporting, seeing and finding incidents. What is done to one is in `responding.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from pulseops.client.call import Call, Id, Value, command, get, incident_path, or_none
from pulseops.client.method import W, method, paged
from pulseops.client.past import IncidentDiff, ListDiff
from pulseops.client.responding import Responding
from pulseops.client.results import Batch, Entry, Facets, Page, Plan, Story
from pulseops.incidents.commands import Create
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Deduplicated, Incident
from pulseops.kernel.moments import Moment

Sort: TypeAlias = Literal["created", "-created", "updated", "-updated", "priority", "-priority"]
Statuses: TypeAlias = Status | Sequence[Status]
Priorities: TypeAlias = Priority | Sequence[Priority]
Words: TypeAlias = str | Sequence[str]


class Incidents(Responding[W]):
    """Report, see, find and answer incidents."""

    @method
    def create(
        self,
        title: str,
        *,
        description: str = "",
        source: str = "user",
        service: str | None = None,
        environment: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: Priority | None = None,
        occurred_at: datetime | None = None,
        dedup_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Deduplicated]:
        """Report an incident. `deduplicated`: it joined the open one that holds its `dedup_key`."""
        body = Create(
            title=title,
            description=description,
            source=source,
            service=service,
            environment=environment,
            labels=dict(labels or {}),
            priority=priority,
            occurred_at=occurred_at,
            dedup_key=dedup_key,
        )
        return command("/incidents", body, Deduplicated, key=idempotency_key)

    @method
    def create_many(self, reports: Sequence[Create], *, idempotency_key: str | None = None) -> Call[Batch]:
        """Report up to 1,000 at once. Each stands for itself: look at every item of the answer."""
        return command("/incidents:batch", [*reports], Batch, key=idempotency_key)

    @method
    def get(
        self, incident_id: Id, *, as_of: Moment | int | None = None, min_position: int | None = None
    ) -> Call[Story]:
        """An incident with its timeline: as it now stands, or as of a time, a position or a version."""
        return get(incident_path(incident_id), Story, {"asOf": as_of, "min_position": min_position})

    @method
    def get_if_changed(self, incident_id: Id, if_none_match: int) -> Call[Story | None]:
        """The same, when its version is another by now; else None, and hardly anything is sent."""
        tag = {"If-None-Match": f'"{if_none_match}"'}
        return or_none(get(incident_path(incident_id), Story, headers=tag))

    @method
    def timeline(
        self,
        incident_id: Id,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[Entry]]:
        """What happened to it, in words, and why: one page, in order."""
        wanted: dict[str, Value] = {"limit": limit, "cursor": cursor, "min_position": min_position}
        return get(incident_path(incident_id, "timeline"), Page[Entry], wanted)

    iterate_timeline = paged(timeline)

    @method
    def events(
        self,
        incident_id: Id,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[EventEntry]]:
        """Its events as they are recorded: one page, in order."""
        wanted: dict[str, Value] = {"limit": limit, "cursor": cursor, "min_position": min_position}
        return get(incident_path(incident_id, "events"), Page[EventEntry], wanted)

    iterate_events = paged(events)

    @method
    def diff(
        self,
        incident_id: Id,
        since: Moment | int,
        until: Moment | int | None = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[IncidentDiff]:
        """What changed after `since` up to `until`, or now; an int is a version. One page of the events."""
        wanted: dict[str, Value] = {"from": since, "to": until, "limit": limit, "cursor": cursor}
        return get(incident_path(incident_id, "diff"), IncidentDiff, wanted)

    @method
    def changes(
        self,
        since: Moment,
        until: Moment | None = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[ListDiff]:
        """Which incidents changed after `since` up to `until`, or now: one page, which may be short."""
        wanted: dict[str, Value] = {"from": since, "to": until, "limit": limit, "cursor": cursor}
        return get("/incidents/diff", ListDiff, wanted)

    @method
    def plan(self, incident_id: Id) -> Call[Plan]:
        """What will happen when, unless somebody does something."""
        return get(incident_path(incident_id, "plan"), Plan)

    @method
    def facets(
        self,
        *,
        status: Statuses | None = None,
        priority: Priorities | None = None,
        category: Words | None = None,
        team: Words | None = None,
        service: Words | None = None,
        label: Words | None = None,
        responder: Words | None = None,
        source: Words | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        as_of: Moment | None = None,
        min_position: int | None = None,
    ) -> Call[Facets]:
        """How many there are, or were, of each status, priority …, of those that the filters let through."""
        wanted: dict[str, Value] = {
            "status": status,
            "priority": priority,
            "category": category,
            "team": team,
            "service": service,
            "label": label,
            "responder": responder,
            "source": source,
            "since": since,
            "until": until,
            "text": text,
            "asOf": as_of,
            "min_position": min_position,
        }
        return get("/incidents/facets", Facets, wanted)

    @method
    def list(
        self,
        *,
        status: Statuses | None = None,
        priority: Priorities | None = None,
        category: Words | None = None,
        team: Words | None = None,
        service: Words | None = None,
        label: Words | None = None,
        responder: Words | None = None,
        source: Words | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        as_of: Moment | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[Incident]]:
        """One page, newest first unless sorted otherwise: a minus is the newest, or the worst, first.

        A filter lets through any of its values, but every `label` (name=value, or a name) must be there.
        `text` are words, each in the title or the description. `as_of` a time or a position the list is as
        it was then, sorted by creation; a page may be short and lead on all the same.
        """
        wanted: dict[str, Value] = {
            "status": status,
            "priority": priority,
            "category": category,
            "team": team,
            "service": service,
            "label": label,
            "responder": responder,
            "source": source,
            "since": since,
            "until": until,
            "text": text,
            "sort": sort,
            "asOf": as_of,
            "limit": limit,
            "cursor": cursor,
            "min_position": min_position,
        }
        return get("/incidents", Page[Incident], wanted)

    iterate = paged(list)
