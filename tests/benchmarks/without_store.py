"""`pulseops api` with nothing behind it: what the handlers cost themselves.

    python -m tests.benchmarks.without_store

Everything is as in the program, down to the key that is asked for; but appends are answered at once, and
`GET /incident/{id}` says a constant.
"""

import itertools
import os
from datetime import UTC, datetime
from uuid import UUID

from litestar import get
from litestar.params import FromPath

from pulseops import app, routes
from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.gateway import Gateway
from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.incidents import queries
from pulseops.settings import Settings

_BODY = b"x" * 2_000
_positions = itertools.count(3, 3)
_VERSION = [(b"etag", b'"3"'), (b"x-pulseops-position", b"3")]


async def _at_once(_gateway: Gateway, request: AppendRequest) -> AppendResult:
    return AppendResult(
        verdict="stored",
        stream_id=request.stream_id,
        version=request.expected_version + len(request.events),
        position=next(_positions),
        recorded_at=datetime.now(UTC),
    )


@get(sorted(queries.show.paths), opt=queries.show.opt)
async def _constant(request: Req, incident_id: FromPath[UUID]) -> Answer:
    return Answer(_BODY, headers=_VERSION)


def main() -> None:
    """In place of the program's own."""
    Gateway.append = _at_once  # type: ignore[method-assign,assignment]  # that is the point
    vars(app)["ROUTES"] = tuple(_constant if route is queries.show else route for route in routes.ROUTES)
    app.serve(Settings.from_environment(os.environ))


if __name__ == "__main__":
    main()
