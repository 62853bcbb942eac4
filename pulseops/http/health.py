"""Whether this process lives, and whether it can do its work."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Protocol

from litestar import get
from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from pulseops.http import metrics
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.spec import Shape, Spec

_UNPUBLISHED = 180.0
"""Seconds for which publishing may fail before somebody has to look."""
_LAGS = 10.0
"""Seconds from which a read model, or the last sweep, counts as late."""


class Live(Struct, frozen=True, kw_only=True):
    """This process answers."""

    status: Literal["ok"] = "ok"
    version: str


class Follower(Struct, frozen=True, kw_only=True, rename="camel"):
    """A shard of a subscription: how far it is behind its log, in events and in seconds.

    `failing`: its last try failed. `parked` are streams that wait because one of their events cannot be dealt
    with; `attempts` are failures since the last progress, `epoch` counts the changes of its worker.
    """

    log: str
    name: str
    shard: int
    shards: int
    positions: int
    seconds: float
    failing: bool
    attempts: int
    parked: int
    epoch: int

    @property
    def title(self) -> str:
        which = "" if self.shards == 1 else f" (shard {self.shard} of {self.shards})"
        return f"{self.name} of log {self.log}{which}"


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """A log by its name: the position of its newest event, and how late its oldest unfired escalation is.

    `signedPosition`, `publishedPosition` and `registeredPosition` are those of the newest event that is
    signed, published for auditors, and in the register of streams; `unsignedSeconds` and so on is the age of
    the oldest that is not. Null where nothing is. `refused`: no more is, because history is not what was
    signed or published.
    """

    name: str
    position: int
    overdue_seconds: float
    signed_position: int | None = None
    unsigned_seconds: float | None = None
    published_position: int | None = None
    unpublished_seconds: float | None = None
    registered_position: int | None = None
    unregistered_seconds: float | None = None
    refused: bool | None = None


class Replica(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where reads go while it `answers`: how far it is behind the primary, in events and in seconds."""

    answers: bool
    positions: int | None = None
    seconds: float | None = None


class Ready(Struct, frozen=True, kw_only=True, rename="camel"):
    """ok: all is well. degraded: incidents are recorded, but `reasons` says what is not as it should be.

    `sweepSeconds` is the age of the last search for due escalations; null when there never was one.
    """

    status: Literal["ok", "degraded", "unready"]
    database: bool
    schema: str | None = None
    schema_expected: str
    logs: tuple[Standing, ...] = ()
    subscriptions: tuple[Follower, ...] = ()
    sweep_seconds: float | None = None
    replica: Replica | None = None
    reasons: tuple[str, ...] = ()


class Lag(Protocol):
    """As `subscriptions.lag` finds it in one log."""

    @property
    def position(self) -> int: ...
    @property
    def followers(self) -> tuple[Any, ...]: ...
    @property
    def sweep_seconds(self) -> float | None: ...


class Seen(Struct, frozen=True):
    """What was found of one log: by `audit.publisher` and `audit.signing`, None where nothing is."""

    log_id: int
    name: str
    lag: Lag
    overdue: float
    published: Any = None
    signed: Any = None


Probe = Callable[[], Awaitable[Ready]]


def judged(
    expected: str,
    *,
    schema: str | None = None,
    problem: str = "",
    logs: Sequence[Seen] = (),
    replica: Any = None,
    database: bool = True,
    reasons: Iterable[str] = (),
) -> Ready:
    """What is found, judged. `problem` says why the schema does not bear this version; a newer one may."""
    reasons = list(reasons)
    if problem:
        reasons.append(problem)
    works = database and schema is not None and not problem
    followers = tuple(_follower(log.name, one) for log in logs for one in log.lag.followers)
    for one in followers:
        if one.failing:
            reasons.append(f"{one.title} fails")
        if one.seconds > _LAGS:
            reasons.append(f"{one.title} lags by {one.seconds:.0f} s")
        if one.parked:
            reasons.append(f"{one.title} has parked streams: {one.parked}")
    late = [log for log in logs if log.overdue > _LAGS]
    reasons += [f"escalations of log {log.name} are {log.overdue:.0f} s late" for log in late]
    reasons += [
        f"history of log {log.name} {log.signed.amiss}" for log in logs if log.signed and log.signed.amiss
    ]
    reasons += [reason for log in logs if (reason := _unpublished(log)) is not None]
    if replica is not None and not replica.answers:
        reasons.append("the replica does not answer: reads go to the primary")
    elif replica is not None and (replica.seconds or 0) > _LAGS:
        reasons.append(f"the replica is {replica.seconds:.0f} s behind")
    swept = logs[0].lag.sweep_seconds if logs else None
    if logs and (swept is None or swept > _LAGS):
        reasons.append("no worker looks for due escalations")
    return Ready(
        status="unready" if not works else "degraded" if reasons else "ok",
        database=database,
        schema=schema,
        schema_expected=expected,
        logs=tuple(
            Standing(
                name=log.name,
                position=log.lag.position,
                overdue_seconds=log.overdue,
                signed_position=log.signed and log.signed.position,
                unsigned_seconds=log.signed and log.signed.seconds,
                published_position=log.published and log.published.position,
                unpublished_seconds=log.published and log.published.unpublished,
                registered_position=log.signed and log.signed.registered,
                unregistered_seconds=log.signed and log.signed.unregistered,
                refused=_refused(log),
            )
            for log in logs
        ),
        subscriptions=followers,
        sweep_seconds=swept,
        replica=replica and Replica(**{name: getattr(replica, name) for name in Replica.__struct_fields__}),
        reasons=tuple(reasons),
    )


def _refused(log: Seen) -> bool | None:
    told = [one.refused for one in (log.signed, log.published) if one is not None]
    return any(told) if told else None


def _unpublished(log: Seen) -> str | None:
    if log.published is None:
        return None
    if log.published.refused:
        return f"history of log {log.name} is not what was published"
    if log.published.seconds > _UNPUBLISHED:
        return f"history of log {log.name} has not been published for {log.published.seconds:.0f} s"
    return None


def _follower(log: str, follower: Any) -> Follower:
    fields = {name: getattr(follower, name) for name in Follower.__struct_fields__ if name != "log"}
    return Follower(log=log, **fields)


def measured(found: Ready) -> None:
    """Into the gauges. What is not known any more keeps its last value, beside `pulseops_database_up`."""
    metrics.DATABASE.set(found.database)
    for log in found.logs:
        metrics.POSITION.labels(log.name).set(log.position)
        metrics.OVERDUE_SECONDS.labels(log.name).set(log.overdue_seconds)
    if found.replica is not None:
        metrics.REPLICA.set(found.replica.answers)
        metrics.REPLICA_POSITIONS.set(_or_nan(found.replica.positions))
        metrics.REPLICA_SECONDS.set(_or_nan(found.replica.seconds))
    if found.logs:
        metrics.audited(found.logs)
        metrics.followers(found.subscriptions)
        metrics.SWEEP_SECONDS.set(math.inf if found.sweep_seconds is None else found.sweep_seconds)


def _or_nan(figure: float | None) -> float:
    return math.nan if figure is None else figure


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
    """A lagging read model or a missing worker is `degraded`: what can record must go on recording."""
    probe: Probe = request.app.state.probe
    found = await probe()
    status = 503 if found.status == "unready" else 200
    return encoded(found, status=status, headers=[(b"cache-control", b"no-store")])


@get(
    "/metrics",
    opt={
        "spec": Spec(
            name="metrics",
            summary="Measurements for Prometheus",
            tag="operation",
            answers={200: Shape(means="In Prometheus' text format.", kind=str, media="text/plain")},
            public=True,
        )
    },
)
async def scraped(request: Req) -> Answer:
    """The database's own figures are as of this scrape; while it is away, as of the last one."""
    probe: Probe = request.app.state.probe
    measured(await probe())
    return Answer(generate_latest(), media=CONTENT_TYPE_LATEST.encode())


ROUTES = (live, ready, scraped)
