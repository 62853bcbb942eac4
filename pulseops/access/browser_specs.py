"""What the routes of the browser's sign-in promise, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, Struct

from pulseops.http.spec import Shape, Spec

_TAG = "access"


class Onward(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    next: Annotated[
        str,
        Meta(
            max_length=1000,
            description="Where on this server to go on once signed in, such as `/docs`: a path, never a URL.",
        ),
    ] = "/docs"


class Back(Struct, frozen=True, kw_only=True):
    """What the issuer sends the browser back with. It may add more."""

    state: Annotated[str, Meta(max_length=200, description="As it was sent there.")] | None = None
    code: Annotated[str, Meta(max_length=4000, description="To be exchanged, once.")] | None = None
    error: Annotated[str, Meta(max_length=200, description="Why there is no code.")] | None = None
    iss: Annotated[str, Meta(max_length=500, description="The issuer, if it says so.")] | None = None


LOGIN = Spec(
    name="login",
    summary="Sign in with a browser",
    tag=_TAG,
    public=True,
    browsers=True,
    query=Onward,
    answers={
        302: Shape(means="To the issuer, which sends the browser back.", headers=("Location", "Set-Cookie"))
    },
    problems=("not-found", "issuer-unavailable"),
)
CALLBACK = Spec(
    name="loginCallback",
    summary="Back from the issuer",
    tag=_TAG,
    public=True,
    browsers=True,
    query=Back,
    answers={
        303: Shape(means="Signed in, and on to where they wanted to be.", headers=("Location", "Set-Cookie"))
    },
    problems=(
        "not-found",
        "sign-in-failed",
        "no-access",
        "rate-limited",
        "issuer-unavailable",
        "unavailable",
        "outcome-unknown",
    ),
)
LOGOUT = Spec(
    name="logout",
    summary="Sign out of this browser",
    tag=_TAG,
    public=True,
    answers={204: Shape(means="The session is gone, if there was one.", headers=("Set-Cookie",))},
    problems=("not-found", "cross-site", "unavailable"),
)
