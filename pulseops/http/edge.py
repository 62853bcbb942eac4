"""The outermost layer: names the request, counts it, and signs every answer."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Send

from pulseops.http import metrics
from pulseops.http.answer import Answer
from pulseops.http.exchange import Exchange, exchange, signature
from pulseops.http.express import Express
from pulseops.http.refusal import Header

_PRIVATE: Header = (b"cache-control", b"private, no-cache")


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
        answer.headers += (*_private(scope, answer.headers), *signature(known))
        # Our own server takes it whole; another one, or a test, in the pieces of ASGI.
        say: Callable[[Answer], bool] | None = scope.get("say")
        if say is None or not say(answer):
            await answer(scope, receive, send)
        metrics.answered(scope["method"], scope["path_template"], answer.status, perf_counter() - began)

    return outermost


async def _usual(app: ASGIApp, scope: Any, receive: Receive, send: Send, began: float) -> None:
    known: Exchange = scope["exchange"]
    status = 500
    # What can be got can be asked for its head: health checks of many monitors and balancers do.
    inner: Any = (
        {**scope, "method": "GET", "only_head": True} if (only_head := scope["method"] == "HEAD") else scope
    )

    async def signed(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = message["headers"]
            message["headers"] = [*headers, *_private(inner, headers), *signature(known)]
        elif only_head and message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    try:
        await app(inner, receive, signed)
    finally:
        route = inner.get("path_template") or "unmatched"
        # What goes on counts as answered when it began.
        told: float = inner.get("told") or perf_counter()
        metrics.answered(scope["method"], route, status, told - began)


def _private(scope: Any, headers: Iterable[Header]) -> Iterable[Header]:
    """What somebody was let in for is theirs: a cache that others share would not know a cookie for a key."""
    if "auth" not in scope or any(name == b"cache-control" for name, _ in headers):
        return ()
    return (_PRIVATE,)
