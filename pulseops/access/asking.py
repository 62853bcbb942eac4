"""Who administers, and as of when something is asked, as the request says it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from pulseops.access.as_of import then_of
from pulseops.access.audit import where
from pulseops.access.guards import principal
from pulseops.access.recording import By
from pulseops.http import exchange, idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.kernel.clock import utc_now
from pulseops.kernel.moments import moment
from pulseops.subscriptions.positions import Seen, head

T = TypeVar("T")


def by(request: Req, kind: str, body: object, of: str = "") -> By:
    asking = principal(request)
    # Of a method that needs no key, one that was sent is not used.
    key = idempotency.key(request) if body is not None else None
    identity = idempotency.identity(key, caller=asking.caller, kind=kind, body=body, of=of)
    method, path, origin = where(request)
    return By(
        actor=asking.actor,
        origin=origin,
        now=utc_now(),
        command_id=identity.command_id,
        fingerprint=identity.fingerprint,
        correlation_id=exchange.of(request).correlation_id,
        key_id=asking.key_id,
        method=method,
        path=path,
        teams=asking.teams,
    )


async def as_of(request: Req, text: str, look: Callable[..., Awaitable[Any]]) -> Answer:
    """What `look(connection, then=…)` finds, and the position that the moment means."""
    at = moment(text)
    then = await then_of(request.app.state.pool, at, log_id=principal(request).log_id)

    async def seen(connection: asyncpg.Connection) -> Any:
        return await look(connection, then=then)

    return encoded(await aside(request, seen, then.position), headers=[place(then.position)])


async def aside(request: Req, look: Callable[[asyncpg.Connection], Awaitable[T]], position: int) -> T:
    """What `look` finds where history has come to `position`, in turns with others that take long."""
    asking, reads = principal(request), request.app.state.reads
    measure = head(log_id=asking.log_id)
    seen: Seen[T] = await reads.of(measure, look, caller=asking.caller, least=position)
    return seen.found
