"""Who administers, as the request says it."""

from pulseops.access.audit import where
from pulseops.access.guards import principal
from pulseops.access.recording import By
from pulseops.http import exchange, idempotency
from pulseops.http.exchange import Req
from pulseops.kernel.clock import utc_now


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
