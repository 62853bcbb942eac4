"""What Prometheus scrapes. Labels are route templates: a stranger's path never becomes one."""

from collections.abc import Awaitable, Callable

from litestar import get
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.spec import Shape, Spec

_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class HttpMetrics:
    """Requests by method, route template and status; seconds by method and template."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "pulseops_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "pulseops_http_request_seconds",
            "Seconds from the headers to the answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        # Finding a child by its labels costs more than counting: the children are few, so they are kept.
        self._kept: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        kept = self._kept.get((method, route, status))
        if kept is None:
            named = method if method in _METHODS else "other"
            kept = (self._requests.labels(named, route, str(status)), self._seconds.labels(named, route))
            if method in _METHODS:
                self._kept[method, route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)


class Metrics:
    """The registry, and what refreshes the gauges that are read from the database at a scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http = HttpMetrics(self.registry)
        self.refresh: Callable[[], Awaitable[None]] | None = None


@get(
    "/metrics",
    opt={
        "spec": Spec(
            name="metrics",
            summary="Measurements for Prometheus",
            tag="operation",
            answers={200: Shape(means="The measurements.", kind=str, media="text/plain")},
            public=True,
        )
    },
)
async def metrics(request: Req) -> Answer:
    """Counters and gauges in Prometheus' text format. The database may be away: the rest is still told."""
    known: Metrics = request.app.state.metrics
    if known.refresh is not None:
        await known.refresh()
    return Answer(generate_latest(known.registry), media=CONTENT_TYPE_LATEST.encode())
