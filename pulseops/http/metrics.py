"""What Prometheus scrapes. Labels are route templates: a stranger's path never becomes one."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("pulseops_http_requests", "Requests answered.", ("method", "route", "status"))
SECONDS = Histogram(
    "pulseops_http_request_seconds",
    "Seconds from the headers to the end of the answer.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SHED = Counter("pulseops_http_shed", "Requests refused at the door because too much was under way.")
DATABASE = Gauge("pulseops_database_up", "Whether the database answered the last scrape.")
POSITION = Gauge("pulseops_log_position", "Position of the newest event.", ("log",))
OVERDUE_SECONDS = Gauge("pulseops_overdue_seconds", "How late the oldest unfired escalation is.", ("log",))
_LOG = ("log",)
_AUDITED = {
    "signed_position": Gauge("pulseops_audit_signed_position", "Position of the newest event signed.", _LOG),
    "unsigned_seconds": Gauge("pulseops_audit_unsigned_seconds", "Age of the oldest event not signed.", _LOG),
    "published_position": Gauge(
        "pulseops_audit_published_position", "Position of the newest event that is published.", _LOG
    ),
    "unpublished_seconds": Gauge(
        "pulseops_audit_unpublished_seconds", "Age of the oldest event that is not published.", _LOG
    ),
    "registered_position": Gauge(
        "pulseops_audit_registered_position", "Position of the newest event in the register of streams.", _LOG
    ),
    "unregistered_seconds": Gauge(
        "pulseops_audit_unregistered_seconds", "Age of the oldest event that is not in it.", _LOG
    ),
    "refused": Gauge(
        "pulseops_audit_refused",
        "Whether history is not what was signed or published, so that no more is.",
        _LOG,
    ),
}
"""By what a log says of itself."""
_SHARD = ("log", "subscription", "shard")
LAG_POSITIONS = Gauge("pulseops_subscription_lag_positions", "Positions not yet passed.", _SHARD)
LAG_SECONDS = Gauge("pulseops_subscription_lag_seconds", "Age of the oldest event there.", _SHARD)
PARKED = Gauge("pulseops_subscription_parked_streams", "Streams that wait for an operator.", _SHARD)
ATTEMPTS = Gauge("pulseops_subscription_attempts", "Failures since the last progress.", _SHARD)
LEASES = Gauge("pulseops_subscription_leases", "Times that a worker took the lease.", _SHARD)
SWEEP_SECONDS = Gauge("pulseops_sweep_age_seconds", "Age of the last search for due escalations.")
REPLICA = Gauge("pulseops_replica_up", "Whether the replica for reading answers; 0 without one.")
REPLICA_POSITIONS = Gauge(
    "pulseops_replica_lag_positions", "Positions, over all logs, that it has yet to show."
)
REPLICA_SECONDS = Gauge(
    "pulseops_replica_lag_seconds", "Age of the newest transaction that it shows, if behind."
)
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
# Finding a child by its labels costs more than counting: the children are few, so they are kept.
_kept: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


class Follower(Protocol):
    """A shard of a subscription, as the database tells of it."""

    @property
    def log(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def shard(self) -> int: ...
    @property
    def positions(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def parked(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def epoch(self) -> int: ...


class Log(Protocol):
    """A log, as the database tells of it; `signed_position` and the like besides, None where nothing is."""

    @property
    def name(self) -> str: ...


def audited(found: Sequence[Log]) -> None:
    """All there are: where nothing is published any more, nothing is told of it."""
    for figure, gauge in _AUDITED.items():
        gauge.clear()
        for one in found:
            if (value := getattr(one, figure)) is not None:
                gauge.labels(one.name).set(value)


def followers(found: Iterable[Follower]) -> None:
    """All there are: a shard that is no more is told no more."""
    for gauge in (LAG_POSITIONS, LAG_SECONDS, PARKED, ATTEMPTS, LEASES):
        gauge.clear()
    for one in found:
        shard = (one.log, one.name, str(one.shard))
        LAG_POSITIONS.labels(*shard).set(one.positions)
        LAG_SECONDS.labels(*shard).set(one.seconds)
        PARKED.labels(*shard).set(one.parked)
        ATTEMPTS.labels(*shard).set(one.attempts)
        LEASES.labels(*shard).set(one.epoch)


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request. `route` is a template, or a word for none."""
    method = method if method in _METHODS else "other"
    kept = _kept.get((method, route, status))
    if kept is None:
        kept = _kept[method, route, status] = (
            REQUESTS.labels(method, route, str(status)),
            SECONDS.labels(method, route),
        )
    kept[0].inc()
    kept[1].observe(seconds)
