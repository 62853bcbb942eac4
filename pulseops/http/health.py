"""Whether this process lives, and whether it can do its work."""

from collections.abc import Awaitable, Callable
from typing import Literal

from litestar import get
from msgspec import Struct

from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.spec import Shape, Spec


class Live(Struct, frozen=True, kw_only=True):
    """This process answers."""

    status: Literal["ok"] = "ok"
    version: str


class Follower(Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription: how far it is behind, in events and in seconds. `failing`: its last try failed."""

    name: str
    positions: int
    seconds: float
    failing: bool


class Ready(Struct, frozen=True, kw_only=True, rename="camel"):
    """ok: all is well. degraded: incidents are recorded, but `reasons` says what lags. unready: nothing works.

    `sweepSeconds` is the age of the last search for due escalations; null when no worker is alive.
    """

    status: Literal["ok", "degraded", "unready"]
    database: bool
    schema: str | None = None
    schema_expected: str | None = None
    position: int | None = None
    subscriptions: tuple[Follower, ...] = ()
    sweep_seconds: float | None = None
    reasons: tuple[str, ...] = ()


Probe = Callable[[], Awaitable[Ready]]


@get(
    "/health/live",
    opt={
        "spec": Spec(
            name="live",
            summary="Whether this process answers",
            tag="operation",
            answers={200: Shape(means="It does.", kind=Live)},
            public=True,
        )
    },
)
async def live(request: Req) -> Answer:
    """Never asks the database: an outage is no reason to restart this process."""
    return encoded(Live(version=request.app.state.version), headers=[(b"cache-control", b"no-store")])


@get(
    "/health/ready",
    opt={
        "spec": Spec(
            name="ready",
            summary="Whether this process can do its work",
            tag="operation",
            answers={
                200: Shape(means="Incidents are recorded: `ok`, or `degraded` with reasons.", kind=Ready),
                503: Shape(means="Incidents cannot be recorded.", kind=Ready),
            },
            public=True,
        )
    },
)
async def ready(request: Req) -> Answer:
    """A lagging read model or a missing worker is `degraded`, not 503: what can record must go on recording."""
    probe: Probe = request.app.state.probe
    found = await probe()
    status = 503 if found.status == "unready" else 200
    return encoded(found, status=status, headers=[(b"cache-control", b"no-store")])
