"""What the routes of keys and of the audit trail promise, in the words of the API description."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pulseops.access.keys import Via
from pulseops.access.listing import MOST, Keys, Shown
from pulseops.access.permissions import Action, Role
from pulseops.access.trail import MOST as MOST_ENTRIES
from pulseops.access.trail import Trail
from pulseops.eventstore.differences import Entries
from pulseops.http.moments import AsOf, Between
from pulseops.http.spec import Shape, Spec

_TAG = "access"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?![\s\S])"  # `$` would let a line feed follow

Instant = Annotated[datetime, Meta(tz=True)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Rate = Annotated[int, Meta(ge=1, le=100_000)]
Cursor = Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")]


class Create(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A key. Without `teams` it sees those of all teams, without `expiresAt` it does not expire.

    `source` names the integration that it is for; `rate` is in requests a second.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    role: Role
    teams: Annotated[list[Word], Meta(min_length=1, max_length=100)] | None = None
    source: Word | None = None
    rate: Rate | None = None
    expires_at: Instant | None = None


class Rotate(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """For how many seconds the secret before still opens; with 0 it opens nothing from now on."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 86_400


class WithSecret(Shown, frozen=True, kw_only=True, rename="camel"):
    """A key and `key`, what to send as a bearer token: told this one time, null in a replayed answer."""

    key: str | None


class WhoAmI(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who asks, how it came in, and what it may do. `teams` null: all. A user has no `keyId`."""

    actor: str
    via: Via
    key_id: str | None
    name: str
    role: Role
    teams: tuple[str, ...] | None
    actions: tuple[Action, ...]


class Page(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: AsOf | None = field(name="asOf", default=None)
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Cursor | None = None


class At(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As of when; without `asOf` as it now stands."""

    as_of: AsOf | None = field(name="asOf", default=None)


class Changed(Between, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cursor: Annotated[str, Meta(max_length=400, description="`nextCursor` of the page before.")] | None = None


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries of the audit trail a list shows; newest first."""

    who: Annotated[Word, Meta(description="Only of this actor, such as `key:ci` or `anonymous`.")] | None = (
        None
    )
    what: (
        Annotated[Literal["ACCESS.DENIED", "ADMIN.ACTED"], Meta(description="Only refusals, or only acts.")]
        | None
    ) = None
    since: Annotated[datetime, Meta(tz=True, description="Only what was recorded then or later.")] | None = (
        None
    )
    limit: Annotated[int, Meta(ge=1, le=MOST_ENTRIES, description="How many at most.")] = 50
    cursor: Cursor | None = None


_ONCE = ("outcome-unknown", "idempotency-key-reused")

LIST = Spec(
    name="listKeys",
    summary="The keys of the log, by name",
    tag=_TAG,
    action="keys.read",
    query=Page,
    answers={200: Shape(means="One page; no secrets.", kind=Keys)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
SHOW = Spec(
    name="getKey",
    summary="A key",
    tag=_TAG,
    action="keys.read",
    query=At,
    answers={200: Shape(means="Everything but its secret.", kind=Shown)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
CREATE = Spec(
    name="createKey",
    summary="Make a key",
    tag=_TAG,
    action="keys.write",
    body=Create,
    body_example={"name": "grafana", "role": "ingest", "source": "grafana"},
    headers=("Idempotency-Key",),
    answers={
        201: Shape(
            means="It opens. Its secret is told in this answer alone: of a repetition under the same "
            "Idempotency-Key `key` is null. Whoever lost the answer rotates the key.",
            kind=WithSecret,
            headers=("Location", "Idempotency-Replayed"),
            leads={"key_id": "$response.body#/id"},
        )
    },
    problems=("name-taken", *_ONCE),
)
ROTATE = Spec(
    name="rotateKey",
    summary="Give a key a new secret",
    tag=_TAG,
    action="keys.write",
    body=Rotate,
    body_required=False,
    body_example={"overlapSeconds": 3600},
    headers=("Idempotency-Key",),
    answers={
        200: Shape(
            means="The new secret, told in this answer alone (`key` is null in a replayed one). The one "
            "before opens until `overlapUntil`; the one before that opens nothing.",
            kind=WithSecret,
            headers=("Idempotency-Replayed",),
        )
    },
    problems=("not-found", *_ONCE),
)
REVOKE = Spec(
    name="revokeKey",
    summary="Revoke a key",
    tag=_TAG,
    action="keys.write",
    answers={
        200: Shape(means="It opens nothing, on every process, from at most a second later.", kind=Shown)
    },
    problems=("not-found", "last-admin", "outcome-unknown"),
)
WHOAMI = Spec(
    name="whoami",
    summary="Who asks, and what it may do",
    tag=_TAG,
    action="whoami",
    answers={200: Shape(means="The caller, as PulseOps knows it.", kind=WhoAmI)},
)
AUDIT = Spec(
    name="listAudit",
    summary="Who was refused and who administered, newest first",
    tag=_TAG,
    action="audit.read",
    query=Wanted,
    answers={200: Shape(means="One page. Refusals show within some ten seconds.", kind=Trail)},
    problems=("unknown-fact",),
)
DIFF = Spec(
    name="compareAccess",
    summary="What changed about who may do what between two moments",
    tag=_TAG,
    action="keys.read",
    query=Changed,
    answers={200: Shape(means="Keys and users that are another, and who did it.", kind=Entries)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
