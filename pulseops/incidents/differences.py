"""What is another about an incident between two moments. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field

from pulseops.eventstore.moments import Point
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.incidents.timeline import TimelineEntry
from pulseops.kernel import differences as kernel
from pulseops.kernel.differences import Change
from pulseops.kernel.envelope import Recorded

OVER = {"resolved", "merged"}
# These are another with every event.
_BESIDES = {"id", "version", "position", "updatedAt"}


class Stand(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far one incident had come: its newest event of then. Before its first one `version` is 0."""

    version: int
    position: int
    recorded_at: datetime | None


class IncidentDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is another about one incident, and the events between: `items`, oldest first, a page of them.

    `changes` are of the whole, on every page.
    """

    id: UUID
    since: Stand = field(name="from")
    until: Stand = field(name="to")
    changes: tuple[Change, ...]
    items: tuple[TimelineEntry, ...]
    next_cursor: str | None


class Difference(Struct, frozen=True, kw_only=True, rename="camel"):
    """One incident of many: its title of the later moment, and what is another.

    `created`: it was not there before. `ended`: it is resolved or merged, and was not.
    `fromVersion` and `toVersion` lead to the events between.
    """

    id: UUID
    title: str
    created: bool
    ended: bool
    from_version: int
    to_version: int
    changes: tuple[Change, ...]


class Counts(Struct, frozen=True, kw_only=True):
    """To how many incidents anything happened, and how many events there were of each type."""

    incidents: int
    events: dict[str, int]


class ListDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """Incidents that anything happened to, in the order in which it began. A page may be short and lead on.

    `counts` are of the whole, on the first page; null on others, and for more than 200,000 events.
    """

    since: Point = field(name="from")
    until: Point = field(name="to")
    counts: Counts | None
    items: tuple[Difference, ...]
    next_cursor: str | None


def changes(before: Incident | None, after: Incident) -> tuple[Change, ...]:
    """Of one that was not there before all that it has."""
    was = None if before is None else _told(before)
    return kernel.changes(was, _told(after), besides=_BESIDES)


def difference(before: Incident | None, after: Incident) -> Difference:
    return Difference(
        id=after.id,
        title=after.title,
        created=before is None,
        ended=after.status in OVER and (before is None or before.status not in OVER),
        from_version=0 if before is None else before.version,
        to_version=after.version,
        changes=changes(before, after),
    )


def stand(facts: Sequence[Recorded[IncidentFact]]) -> Stand:
    """After these."""
    if not facts:
        return Stand(version=0, position=0, recorded_at=None)
    newest = facts[-1]
    return Stand(version=newest.version, position=newest.position, recorded_at=newest.recorded_at)


def _told(incident: Incident) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(incident)
    return told
