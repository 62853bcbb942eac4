"""What the stream promises, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, Struct

from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.events import FACTS

_LIST = "; several are separated by commas."

Several = Annotated[str, Meta(min_length=1, max_length=4_000)]


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on, and what of it."""

    after: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=2**63 - 1,
                description="Begin after this position; 0 is the beginning. `Last-Event-ID` goes before it. "
                "Without either the stream begins now.",
            ),
        ]
        | None
    ) = None
    team: Annotated[Several, Meta(description=f"Only events of incidents of these teams{_LIST}")] | None = (
        None
    )
    incident: Annotated[Several, Meta(description=f"Only events of these incidents, by id{_LIST}")] | None = (
        None
    )
    type: (
        Annotated[Several, Meta(description=f"Only events of these types, such as ESCALATED{_LIST}")] | None
    ) = None


TYPES = frozenset(fact.type for fact in FACTS)

_EXAMPLE = """\
retry: 1734
id: 41

id: 42
event: CREATED
data: {"position":42,"id":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f","type":"CREATED",\
"incidentId":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5e","version":1,"recordedAt":"2026-05-01T12:00:00Z",\
"occurredAt":"2026-05-01T12:00:00Z","actor":"key:ci","correlationId":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5d",\
"data":{"title":"Disk full on db-1"}}

: still here

"""

STREAM = Spec(
    name="followEvents",
    action="incident.read",
    summary="Every event of incidents, as it is recorded",
    query=Query,
    headers=("Last-Event-ID",),
    answers={
        200: Shape(
            means="Server-sent events, without an end of their own: `id` is the position, `event` the type, "
            "`data` an EventEntry on one line, as in `/incidents/{id}/events`. A block without data only "
            "moves the place to resume from. The header tells the position after which it begins.",
            kind=str,
            media="text/event-stream",
            headers=(HEADER,),
            example=_EXAMPLE,
        )
    },
    problems=("invalid-header", "ahead", "overloaded"),
)
