"""What the routes of users promise, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, Struct

from pulseops.access.permissions import Role
from pulseops.access.roster import ShownUser, Users
from pulseops.access.specs import At, Page, Word
from pulseops.http.spec import Shape, Spec

_TAG = "access"


class Grant(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a user may do from now on, whatever the claims say. Without `teams` it is those of all teams.

    With `newSubject` the name is that of whoever signs in with it next: for somebody whom the issuer has made
    anew.
    """

    role: Role
    teams: Annotated[list[Word], Meta(min_length=1, max_length=100)] | None = None
    new_subject: bool = False


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is nothing to say."""


_ONCE = ("outcome-unknown", "idempotency-key-reused")

NONE = Users(items=(), next_cursor=None)
"""In the logs that nobody is signed in to."""

LIST = Spec(
    name="listUsers",
    summary="The users, by name",
    tag=_TAG,
    action="users.read",
    query=Page,
    answers={200: Shape(means="One page.", kind=Users)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
SHOW = Spec(
    name="getUser",
    summary="A user",
    tag=_TAG,
    action="users.read",
    query=At,
    answers={200: Shape(means="Who they are, and what they may do.", kind=ShownUser)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
GRANT = Spec(
    name="grantUser",
    summary="Give a user a role",
    tag=_TAG,
    action="users.write",
    body=Grant,
    body_example={"role": "responder", "teams": ["payments"]},
    headers=("Idempotency-Key",),
    answers={
        200: Shape(
            means="They have it, on every process, from at most a second later. What holds already changes "
            "nothing.",
            kind=ShownUser,
            headers=("Idempotency-Replayed",),
        )
    },
    problems=("not-found", *_ONCE),
)
REVOKE = Spec(
    name="revokeUser",
    summary="Take everything from a user",
    tag=_TAG,
    action="users.write",
    body=Nothing,
    body_required=False,
    headers=("Idempotency-Key",),
    answers={
        200: Shape(
            means="They may do nothing, on every process, from at most a second later, whatever the claims "
            "say; signed out everywhere.",
            kind=ShownUser,
            headers=("Idempotency-Replayed",),
        )
    },
    problems=("not-found", *_ONCE),
)
