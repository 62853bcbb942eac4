"""The outermost layer: names the request, counts it, and signs every answer."""

from time import perf_counter
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Send

from pulseops.http import metrics
from pulseops.http.exchange import exchange


def edge(app: ASGIApp) -> ASGIApp:
    """`app`, with what belongs to every answer, also to those of unknown routes."""

    async def outermost(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = perf_counter()
        known = exchange(scope["headers"])
        scope["exchange"] = known
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
            await app(scope, receive, signed)
        finally:
            route = scope.get("path_template") or "unmatched"
            metrics.answered(scope["method"], route, status, perf_counter() - began)

    return outermost
