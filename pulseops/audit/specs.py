"""What the routes of proofs promise, in the words of the API description."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from pulseops.audit.proof import Consistency, Inclusion
from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec

_TAG = "audit"
_LONG, _SHORT = 2**63 - 1, 2**31 - 1
_NOTE = """\
pulseops/0f3a9c1be27d4e58/default
3
YfT70qMB00XQkJdmnPIt1gEqLlDXisB8njzwfGe9qVs=

— pulseops/0f3a9c1be27d4e58 \
adBanEkiex6hPxXsyF1E5NVfbBfbuJ5uv8cRG/sl/1gM8jpJbAMj5w1G5phOeY0D7nDNb1jaP//GJGchRLV4iNaIZAQ=
"""

Position = Annotated[int, Meta(ge=1, le=_LONG, description="The event at this position of the log.")]
Size = Annotated[int, Meta(ge=1, le=_LONG)]


class Which(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An event: by `position`, by `eventId`, or by `incident` and `version`."""

    position: Position | None = None
    event_id: (
        Annotated[
            UUID,
            Meta(
                description="The event of this id. Its position is found quicker: history is looked through."
            ),
        ]
        | None
    ) = None
    incident: Annotated[UUID, Meta(description="An event of this incident: `version` says which.")] | None = (
        None
    )
    version: (
        Annotated[int, Meta(ge=1, le=_SHORT, description="The event that made the incident's version.")]
        | None
    ) = None
    size: (
        Annotated[
            Size,
            Meta(description="In the tree of the first so many events; else in the newest that is signed."),
        ]
        | None
    ) = None


class Between(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"older": "from", "newer": "to"}
):
    """Two sizes of the log's tree."""

    older: Annotated[Size, Meta(description="How many events the older tree has.")]
    newer: (
        Annotated[Size, Meta(description="How many the newer one has; else all that are signed.")] | None
    ) = None


CHECKPOINT = Spec(
    name="getCheckpoint",
    action="audit.read",
    tag=_TAG,
    summary="The newest checkpoint: how many events there are, and what they hash to, signed",
    headers=("If-None-Match",),
    answers={
        200: Shape(
            means="A signed note (C2SP tlog-checkpoint), byte for byte as it was signed.",
            kind=str,
            media="text/plain",
            headers=("ETag",),
            example=_NOTE,
        ),
        304: Shape(means="It is still the one that you have.", headers=("ETag",)),
    },
    problems=("not-found", "tree-damaged"),
)
TILE = Spec(
    name="getTile",
    action="audit.read",
    tag=_TAG,
    summary="A tile of the log's Merkle tree",
    answers={
        200: Shape(
            means="Its hashes, of 32 bytes each, one after the other (C2SP tlog-tiles).",
            kind=Any,
            media="application/octet-stream",
        )
    },
    problems=("not-found",),
)
INCLUSION = Spec(
    name="proveInclusion",
    action="audit.read",
    tag=_TAG,
    summary="A proof that an event is in history as it was signed",
    query=Which,
    answers={
        200: Shape(
            means="The event, and the hashes that lead from it to the root. With `Accept: text/plain` a C2SP "
            "tlog-proof, under what was signed last, whose extra data is the entry.",
            kind=Inclusion,
            texts=("text/plain",),
        )
    },
    problems=("not-found", "ahead", "not-signed-yet", "tree-damaged"),
)
CONSISTENCY = Spec(
    name="proveConsistency",
    action="audit.read",
    tag=_TAG,
    summary="A proof that history only grew",
    query=Between,
    answers={
        200: Shape(
            means="The roots of both, and the hashes that lead from one to the other.", kind=Consistency
        )
    },
    problems=("ahead", "not-signed-yet", "tree-damaged"),
)


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
    tag=_TAG,
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
