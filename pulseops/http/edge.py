"""The outermost layer: names the request, counts it, and signs every answer."""

from time import perf_counter

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from pulseops.http.exchange import exchange
from pulseops.http.metrics import HttpMetrics


class Edge:
    """Wraps the application. What it adds is on every answer, also on those to unknown routes."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        known = exchange(scope["headers"])
        scope["exchange"] = known  # type: ignore[typeddict-unknown-key]  # ours
        structlog.contextvars.bind_contextvars(correlationId=str(known.correlation_id))
        status = 500

        async def signed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", known.request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, signed)
        finally:
            self._metrics.answered(
                scope["method"], scope.get("path_template") or "unmatched", status, perf_counter() - began
            )
