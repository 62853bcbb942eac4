"""What the operators' routes promise, in the words of the API description."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from pulseops.http.position import HEADER, Least
from pulseops.http.spec import Shape, Spec
from pulseops.subscriptions.lag import Follower
from pulseops.subscriptions.operating import Parked

_TAG = "operation"
_ONCE = ("outcome-unknown", "idempotency-key-reused")
_REPLAYED = ("Idempotency-Replayed",)


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who follows the log, shard by shard, and which streams wait. `position` is the newest event's."""

    position: int
    subscriptions: tuple[Follower, ...]
    parked: tuple[Parked, ...]


class Retry(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which parked stream to try again; all of them without one."""

    stream_id: UUID | None = None


class Wanted(Struct, frozen=True, kw_only=True, rename="camel"):
    """The parked streams that are tried again now, by whoever leads the subscription."""

    stream_ids: tuple[UUID, ...]


class Park(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which stream to leave out from now on."""

    stream_id: UUID


class Since(Struct, frozen=True, kw_only=True, rename="camel"):
    """From `position` on the stream's events wait."""

    stream_id: UUID
    position: int


class Reset(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How far to go back. `confirm` must be true: everything after `position` is worked off again."""

    confirm: bool
    position: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class Back(Struct, frozen=True, kw_only=True, rename="camel"):
    """The position that the subscription goes on from."""

    position: int


LIST = Spec(
    name="listSubscriptions",
    action="subscriptions.read",
    summary="How far each subscription is, who leads it, and what it leaves out",
    tag=_TAG,
    query=Least,
    answers={200: Shape(means="As they stand now.", kind=Standing, headers=(HEADER,))},
    problems=("behind",),
)
RETRY = Spec(
    name="retryParked",
    action="subscriptions.operate",
    summary="Try parked streams again",
    tag=_TAG,
    body=Retry,
    body_example={"streamId": "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"},
    body_required=False,
    headers=("Idempotency-Key",),
    answers={
        202: Shape(
            means="They are about to be tried; the list says what came of it.",
            kind=Wanted,
            headers=_REPLAYED,
        )
    },
    problems=("not-found", *_ONCE),
)
PARK = Spec(
    name="parkStream",
    action="subscriptions.operate",
    summary="Leave a stream out",
    tag=_TAG,
    body=Park,
    body_example={"streamId": "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"},
    headers=("Idempotency-Key",),
    answers={
        200: Shape(means="Its events wait from there on, and nobody else's.", kind=Since, headers=_REPLAYED)
    },
    problems=("not-found", *_ONCE),
)
RESET = Spec(
    name="resetSubscription",
    action="subscriptions.operate",
    summary="Work history off again",
    tag=_TAG,
    body=Reset,
    body_example={"confirm": True, "position": 0},
    headers=("Idempotency-Key",),
    answers={200: Shape(means="It goes on from there.", kind=Back, headers=_REPLAYED)},
    problems=("not-found", "subscription-conflict", *_ONCE),
)
