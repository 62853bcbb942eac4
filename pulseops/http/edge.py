"""The outermost layer: names the request, counts it, and signs every answer."""

from time import perf_counter
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Send

from pulseops.http import metrics
from pulseops.http.answer import Header
from pulseops.http.exchange import Exchange, exchange
from pulseops.http.express import Express

_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")


def edge(app: ASGIApp, express: Express) -> ASGIApp:
    """`app`, with what belongs to every answer, also to those of unknown routes."""

    async def outermost(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = perf_counter()
        known = scope["exchange"] = exchange(scope["headers"])
        structlog.contextvars.bind_contextvars(correlationId=str(known.correlation_id))
        if (run := express.find(scope)) is None:
            await _usual(app, scope, receive, send, began)
            return
        answer = await run(scope, receive, send)
        answer.headers += _signature(known)
        await answer(scope, receive, send)
        metrics.answered(scope["method"], scope["path_template"], answer.status, perf_counter() - began)

    return outermost


async def _usual(app: ASGIApp, scope: Any, receive: Receive, send: Send, began: float) -> None:
    known: Exchange = scope["exchange"]
    status = 500
    # What can be got can be asked for its head: health checks of many monitors and balancers do.
    inner: Any = {**scope, "method": "GET"} if (only_head := scope["method"] == "HEAD") else scope

    async def signed(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            message["headers"] = [*message["headers"], *_signature(known)]
        elif only_head and message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    try:
        await app(inner, receive, signed)
    finally:
        route = inner.get("path_template") or "unmatched"
        metrics.answered(scope["method"], route, status, perf_counter() - began)


def _signature(known: Exchange) -> tuple[Header, Header]:
    return (b"x-request-id", known.request_id.encode()), _NOSNIFF
