"""What HTTP tells of incidents: the incident as it stands, and what is added to it."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.http.problem import Problem
from pulseops.incidents.events import IncidentFact, Status
from pulseops.incidents.incident import Incident
from pulseops.incidents.timeline import TimelineEntry, entry
from pulseops.kernel.envelope import Recorded

_encoder = msgspec.json.Encoder()

I = TypeVar("I", bound=Incident)  # noqa: E741 -- an incident


class LivesOn(Struct, frozen=True, kw_only=True):
    """The incident at the end of all merges: the one to act on, and how it stands, or stood `asOf` then."""

    id: UUID
    status: Status


class WithTimeline(Incident, frozen=True, kw_only=True, rename="camel"):
    """The incident and everything that happened to it, in order.

    `livesOn` is there for one that is merged, unless the caller does not see where to.
    """

    lives_on: LivesOn | None = None
    timeline: Sequence[TimelineEntry]


class Item(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one item of a batch: an incident, or a problem."""

    status: int
    incident: Incident | None = None
    deduplicated: bool = False
    replayed: bool = False
    problem: Problem | None = None


class Batch(Struct, frozen=True, kw_only=True, rename="camel"):
    """In the order of the request. `stored` counts the incidents that this request created."""

    items: list[Item]
    stored: int
    failed: int


def with_timeline(
    incident: Incident, facts: Sequence[Recorded[IncidentFact]], lives_on: LivesOn | None = None
) -> bytes:
    """`WithTimeline` as JSON: its parts written one after the other, which is half the work."""
    timeline = _encoder.encode([entry(fact) for fact in facts])
    where = b"null" if lives_on is None else _encoder.encode(lives_on)
    return b'%b,"livesOn":%b,"timeline":%b}' % (_encoder.encode(incident)[:-1], where, timeline)


def extended(kind: type[I], incident: Incident, **more: Any) -> I:
    """`incident` with what `kind` adds."""
    return kind(**{name: getattr(incident, name) for name in Incident.__struct_fields__}, **more)
