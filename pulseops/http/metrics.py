"""What Prometheus scrapes. Labels are route templates: a stranger's path never becomes one."""

from collections.abc import Iterable
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
PUBLISHED_POSITION = Gauge(
    "pulseops_audit_published_position", "Position of the newest event that is published.", ("log",)
)
SIGNED_POSITION = Gauge("pulseops_audit_signed_position", "Position of the newest event signed.", ("log",))
UNSIGNED_SECONDS = Gauge("pulseops_audit_unsigned_seconds", "Age of the oldest event not signed.", ("log",))
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
