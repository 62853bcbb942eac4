"""What the routes that report incidents promise, in the words of the API description."""

from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.answers import Batch
from pulseops.incidents.commands import Create
from pulseops.incidents.incident import Deduplicated, Incident

_EXAMPLE = {
    "title": "Checkout answers 503",
    "description": "Half of the payments fail since 10:02 UTC.",
    "source": "monitoring",
    "service": "checkout",
    "labels": {"region": "eu-west-1"},
    "dedupKey": "checkout-5xx",
}
_LEADS = {"incident_id": "$response.body#/id"}
STANDS = ("ETag", HEADER)
"""The headers that say which incident an answer tells of."""
WRITES = ("overloaded", "outcome-unknown", "unknown-fact", "idempotency-key-reused")

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
            headers=("Location", *STANDS, "Idempotency-Replayed"),
            leads=_LEADS,
        ),
        200: Shape(
            means="An open incident already holds the `dedupKey`: here it is. Nothing was created. "
            "Who may not see it is told what they reported themselves.",
            kind=Deduplicated,
            headers=("Location", *STANDS, "Idempotency-Replayed"),
            leads=_LEADS,
        ),
    },
    problems=(*WRITES, "contended"),
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
