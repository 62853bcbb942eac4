"""What the route of history promises, in the words of the API description."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec

_LONG = 2**63 - 1


class Stretch(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which events of the log. Of a type or an incident that is repeated, any."""

    after: Annotated[int, Meta(ge=0, le=_LONG, description="Only events after this position.")] = 0
    up_to: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=_LONG,
                description="Only events up to this position; else up to the last one that is signed, or the "
                "newest where none is.",
            ),
        ]
        | None
    ) = None
    since: Annotated[datetime, Meta(tz=True, description="Only what was recorded then or later.")] | None = (
        None
    )
    until: Annotated[datetime, Meta(tz=True, description="Only what was recorded before then.")] | None = None
    limit: (
        Annotated[int, Meta(ge=1, le=_LONG, description="At most so many events; else all of them.")] | None
    ) = None
    type: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...],
        Meta(description="Only of this type, such as CREATED. Repeat it for several."),
    ] = ()
    incident: Annotated[
        tuple[UUID, ...], Meta(description="Only of this incident, by its id. Repeat it for several.")
    ] = ()


_LINE = """\
{"specversion":"1.0","id":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f","source":"/pulseops/logs/1","type":"CREATED",\
"subject":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5e","time":"2026-05-01T12:00:00+00:00",\
"datacontenttype":"application/json","position":"42","recordedtime":"2026-05-01T12:00:00.1+00:00","version":1,\
"schemaversion":1,"commandid":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5d","actor":"key:ci",\
"correlationid":"019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5c","data":{"title": "Disk full on db-1"}}
"""

EVENTS = Spec(
    name="exportEvents",
    action="audit.read",
    tag="audit",
    summary="History itself, as lines of CloudEvents",
    query=Stretch,
    answers={
        200: Shape(
            means="CloudEvents 1.0, a line of JSON each, to the byte as `pulseops events export` has them. "
            "The header tells up to which position. What breaks off is not whole.",
            kind=str,
            media="application/x-ndjson",
            headers=(HEADER,),
            example=_LINE,
        )
    },
    problems=("ahead", "overloaded", "tree-damaged"),
)
