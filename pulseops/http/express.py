"""The express lane: what is asked thousands of times a second goes from the edge to its handler directly.

Litestar's way there costs more than the rest of the request. The guards, the handlers and the answers to
errors are the same ones; whatever is not plain (a spelling that Litestar would understand, or refuse) is left
to Litestar.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Receive, Send

from pulseops.http.answer import Answer
from pulseops.http.problem import answered

_HOST = re.compile(rb"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Run = Callable[[Any, Receive, Send], Awaitable[Answer]]


class _Plain(Request[Any, Any, Any]):
    """A request as our handlers use it: its scope, its body, its application. Nothing else is set up."""

    __slots__ = ()

    def __init__(self, scope: Any, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send


class Express:
    """The routes of `app` that are marked `opt={"express": True}`.

    Their handlers take the request alone, or with one UUID that ends the path, and return an Answer.
    """

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._whole: dict[tuple[str, str], Run] = {}
        self._by_id: dict[tuple[str, str], Run] = {}
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                for handler in route.route_handlers:
                    if handler.opt.get("express"):
                        self._add(route, handler)

    def find(self, scope: Any) -> Run | None:
        """Who answers this request, when it is one of these. The name of its route goes into the scope."""
        host = scope["exchange"].headers.get(b"host")
        if host is None or not _HOST.fullmatch(host):
            return None
        method, path = scope["method"], scope["path"]
        run = self._whole.get((method, path))
        if run is None and (run := self._by_id.get((method, path[:-36]))) and not _UUID.fullmatch(path[-36:]):
            return None
        return run

    def _add(self, route: HTTPRoute, handler: HTTPRouteHandler) -> None:
        template, call, guards = route.path_format, handler.fn, handler.resolve_guards()
        prefix = route.path.partition("{")[0] if route.path_parameters else None

        async def run(scope: Any, receive: Receive, send: Send) -> Answer:
            scope["path_template"] = template
            scope["app"] = scope["litestar_app"] = self._app
            request = _Plain(scope, receive, send)
            try:
                for guard in guards:
                    await guard(request, handler)  # type: ignore[misc]  # Litestar made it asynchronous
                found: Answer = await (
                    call(request) if prefix is None else call(request, UUID(scope["path"][-36:]))
                )
            except Exception as error:  # noqa: BLE001 -- as in Litestar: every error becomes an answer, and is logged
                return answered(request, error)
            return found

        for method in handler.http_methods:
            if prefix is None:
                self._whole[method, route.path] = run
            else:
                self._by_id[method, prefix] = run
