"""Who may come in: `Authorization: Bearer pulseops_<id>_<secret>`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from pulseops.access.keys import Key, Principal, parsed
from pulseops.access.permissions import action_named, allowed
from pulseops.http.exchange import Req
from pulseops.http.problem import Refused
from pulseops.http.spec import Spec

_FRESH = 1.0
"""Seconds that the keys are remembered: a revoked key is refused after that."""
_NEWER = 0.1
"""Seconds after which an unknown key is looked for again: so many look-ups a second a flood can cause."""


class Doorkeeper:
    """Knows every key that opens, never older than a second. `load` reads them."""

    def __init__(self, load: Callable[[], Awaitable[Mapping[str, Key]]]) -> None:
        self._load = load
        self._keys: Mapping[str, Key] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def admit(self, authorization: bytes | None) -> Principal:
        """Raises Refused (unauthenticated), and what `load` raises: nobody enters on an old list."""
        scheme, _, token = (authorization or b"").partition(b" ")
        pair = parsed(token.strip().decode("ascii", "replace")) if scheme.lower() == b"bearer" else None
        if pair is None:
            raise Refused("unauthenticated", "Send your API key as Authorization: Bearer pulseops_…")
        key_id, secret = pair
        await self._refresh(_FRESH)
        if key_id not in self._keys:
            await self._refresh(_NEWER)
        key = self._keys.get(key_id)
        if key is None or not key.opened_by(secret):
            raise Refused("unauthenticated", "The API key is unknown or revoked.")
        return key.principal

    async def _refresh(self, oldest: float) -> None:
        """All who come while the keys are being read wait for that one reading, and fail with it."""
        asked_at = monotonic()
        while asked_at - self._read_at >= oldest:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
                # Everyone who waited may have left.
                self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(self._reading)

    async def _read(self) -> None:
        began_at = monotonic()
        self._keys = await self._load()
        self._read_at = began_at


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A Litestar guard. Every route asks for a key unless its spec says that it is public.

    Raises Refused: unauthenticated, or forbidden when the role does not allow the route's action.
    """
    spec = handler.opt.get("spec")
    if isinstance(spec, Spec) and spec.public:
        return
    doorkeeper: Doorkeeper = connection.app.state.doorkeeper
    headers: dict[bytes, bytes] = connection.scope["exchange"].headers  # type: ignore[typeddict-item]  # ours
    asking = await doorkeeper.admit(headers.get(b"authorization"))
    connection.scope["auth"] = asking
    _permit(asking, spec.action if isinstance(spec, Spec) else None)


def _permit(asking: Principal, wanted: str | None) -> None:
    """A route that does not say what it asks for is open to nobody."""
    action = action_named(wanted) if wanted is not None else None
    if action is None or not allowed(asking.role, action):
        raise Refused("forbidden", f"The role {asking.role} does not allow {wanted or 'this'}.")


def principal(request: Req) -> Principal:
    """Who asks, once admitted."""
    found: Principal = request.scope["auth"]
    return found
