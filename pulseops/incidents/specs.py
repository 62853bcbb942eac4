"""What the incident routes promise, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, Struct

from pulseops.http.position import HEADER, Least, Position
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.answers import Batch, WithTimeline
from pulseops.incidents.board import MOST, Filters, Page
from pulseops.incidents.commands import Acknowledge, Create, Resolve, Word
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Deduplicated, Incident


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents a list shows; newest first."""

    status: Annotated[Status, Meta(description="Only those with this status.")] | None = None
    priority: Annotated[Priority, Meta(description="Only those with this priority.")] | None = None
    category: Annotated[Word, Meta(description="Only those of this category.")] | None = None
    team: Annotated[Word, Meta(description="Only those assigned to this team.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")] | None = None
    min_position: Position | None = None

    def filters(self) -> Filters:
        return Filters(
            status=(self.status,) if self.status else (),
            priority=(self.priority,) if self.priority else (),
            category=(self.category,) if self.category else (),
            team=(self.team,) if self.team else (),
        )


_EXAMPLE = {
    "title": "Checkout answers 503",
    "description": "Half of the payments fail since 10:02 UTC.",
    "source": "monitoring",
    "service": "checkout",
    "labels": {"region": "eu-west-1"},
    "dedupKey": "checkout-5xx",
}
_STANDS = ("ETag", HEADER)
_WRITES = ("overloaded", "outcome-unknown", "unknown-fact", "idempotency-key-reused")

CREATE = Spec(
    name="createIncident",
    action="incident.report",
    summary="Report an incident",
    body=Create,
    body_example=_EXAMPLE,
    headers=("Idempotency-Key",),
    answers={
        201: Shape(
            means="It is recorded, classified and assigned. It cannot be lost any more.",
            kind=Incident,
            headers=("Location", *_STANDS, "Idempotency-Replayed"),
        ),
        200: Shape(
            means="An open incident already holds the `dedupKey`: here it is. Nothing was created.",
            kind=Deduplicated,
            headers=("Location", *_STANDS),
        ),
    },
    problems=(*_WRITES, "contended"),
)
CREATE_BATCH = Spec(
    name="createIncidents",
    action="incident.report",
    summary="Report many incidents",
    body=list[Create],
    body_media={"application/x-ndjson": Create},
    body_example=[_EXAMPLE, {"title": "Disk of db-3 is 91 % full"}],
    headers=("Idempotency-Key",),
    answers={
        200: Shape(
            means="What became of each item, in the order of the request. The position is that of the newest "
            "event of all of them; there is none if every item failed.",
            kind=Batch,
            headers=(HEADER,),
        )
    },
    problems=("overloaded",),
)
SHOW = Spec(
    name="getIncident",
    action="incident.read",
    summary="An incident and its timeline",
    query=Least,
    headers=("If-None-Match",),
    answers={
        200: Shape(means="The incident as it now stands.", kind=WithTimeline, headers=_STANDS),
        304: Shape(means="It is still as you have it.", headers=_STANDS),
    },
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
LIST = Spec(
    name="listIncidents",
    action="incident.read",
    summary="Incidents, newest first",
    query=Wanted,
    answers={200: Shape(means="One page.", kind=Page, headers=(HEADER,))},
    problems=("behind", "overloaded"),
)


def _change(name: str, summary: str, body: type[Acknowledge | Resolve], *problems: str) -> Spec:
    return Spec(
        name=name,
        action="incident.respond",
        summary=summary,
        body=body,
        body_required=False,
        body_example={"note": "Looking into it."},
        headers=("Idempotency-Key", "If-Match"),
        answers={
            200: Shape(
                means="The incident as it now stands. If it was so before, nothing was recorded.",
                kind=Incident,
                headers=(*_STANDS, "Idempotency-Replayed"),
            )
        },
        problems=("not-found", *problems, "contended", "version-conflict", *_WRITES),
    )


ACKNOWLEDGE = _change("acknowledgeIncident", "Say that somebody is on it", Acknowledge, "invalid-transition")
RESOLVE = _change("resolveIncident", "Say that it is over", Resolve)
