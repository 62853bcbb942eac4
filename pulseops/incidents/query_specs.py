"""What the routes that read incidents promise, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, field

from pulseops.http.moments import AsOf
from pulseops.http.position import HEADER, Least, Position
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.answers import WithTimeline
from pulseops.incidents.facets import Facets
from pulseops.incidents.filters import Filters
from pulseops.incidents.listing import MOST, Page, Sort
from pulseops.incidents.steps import EventPage, Steps, TimelinePage


class Wanted(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents a list shows, in which order: a minus is the newest, or the worst, first."""

    sort: Annotated[Sort, Meta(description="With a minus: the newest, or the worst, first.")] = "-created"
    as_of: AsOf | None = field(name="asOf", default=None)
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")] | None = None
    min_position: Position | None = None


class Counted(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents are counted."""

    as_of: AsOf | None = field(name="asOf", default=None)
    min_position: Position | None = None


class Shown(Least, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new the incident must be at least, and as of when it is told."""

    as_of: (
        Annotated[
            str,
            Meta(
                max_length=40,
                description="As it was then: a version, a time with its offset, or a position of the log "
                "such as `@48213`. A time to come is now.",
            ),
        ]
        | None
    ) = field(name="asOf", default=None)


_STANDS = ("ETag", HEADER)
_UNCHANGED = Shape(means="It is still as you have it.", headers=_STANDS)
_ONE = ("not-found", "unknown-fact", "behind", "overloaded")

SHOW = Spec(
    name="getIncident",
    action="incident.read",
    summary="An incident and its timeline, as it stands or as it was",
    query=Shown,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="The incident as it now stands, or as of then.", kind=WithTimeline, headers=_STANDS),
        304: _UNCHANGED,
    },
    problems=_ONE,
)
TIMELINE = Spec(
    name="getTimeline",
    action="incident.read",
    summary="What happened to an incident, in words",
    query=Steps,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="One page, oldest first.", kind=TimelinePage, headers=_STANDS),
        304: _UNCHANGED,
    },
    problems=_ONE,
)
EVENTS = Spec(
    name="getEvents",
    action="incident.read",
    summary="An incident's events, as the stream tells them",
    query=Steps,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="One page, oldest first.", kind=EventPage, headers=_STANDS),
        304: _UNCHANGED,
    },
    problems=_ONE,
)
LIST = Spec(
    name="listIncidents",
    action="incident.read",
    summary="Incidents through filters, newest first unless sorted otherwise",
    query=Wanted,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="One page.", kind=Page, headers=_STANDS),
        304: Shape(means="The page is still as you have it.", headers=_STANDS),
    },
    problems=("not-found", "behind", "overloaded"),
)
FACETS = Spec(
    name="countIncidents",
    action="incident.read",
    summary="How many incidents there are of each status, priority, category, team, service and responder",
    query=Counted,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="The counts, which are exact.", kind=Facets, headers=_STANDS),
        304: Shape(means="The counts are still as you have them.", headers=_STANDS),
    },
    problems=("not-found", "too-broad", "behind", "overloaded"),
)
