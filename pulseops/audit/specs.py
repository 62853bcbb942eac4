"""What the routes of proofs promise, in the words of the API description."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from pulseops.audit.completeness import Completeness
from pulseops.audit.proof import Consistency, Inclusion
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

_REGISTER = """\
pulseops/0f3a9c1be27d4e58/default/register/2
1
gLA4gm8lPSW4wquxQ0pbdQVKU4M3Mn0J52RYtFAZME8=
pulseops/0f3a9c1be27d4e58/default 2 8GcYS3OfntcgmeG/SJr1wKBhT4YLsPtHyd/ah7azrzs=

— pulseops/0f3a9c1be27d4e58 \
wcS3gnkvA1iTuYU5ghGYIfCCrxUHUCYCxk4IZ5kGSRo2Q2un7sT3i6KA17vFINPEOdOrd9YV+7PiODaqwUWt8KrlgAE=
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


class Whose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An incident, or anything else that has a history, such as a team."""

    incident: Annotated[UUID, Meta(description="Its id; or that of anything else that has a history.")]


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
REGISTER = Spec(
    name="getRegister",
    action="audit.read",
    tag=_TAG,
    summary="The newest register: which incidents there are and how many events each has, signed",
    headers=("If-None-Match",),
    answers={
        200: Shape(
            means="A signed note of the form of a checkpoint, byte for byte: how many streams "
            "there are, the root over their entries, and the log that it is about.",
            kind=str,
            media="text/plain",
            headers=("ETag",),
            example=_REGISTER,
        ),
        304: Shape(means="It is still the one that you have.", headers=("ETag",)),
    },
    problems=("not-found",),
)
COMPLETENESS = Spec(
    name="proveCompleteness",
    action="audit.read",
    tag=_TAG,
    summary="A proof that nothing is left out of an incident",
    query=Whose,
    answers={
        200: Shape(
            means="All of its events as of the newest register, and what shows that there are no others; or "
            "that it has none.",
            kind=Completeness,
        )
    },
    problems=("not-found", "tree-damaged"),
)
