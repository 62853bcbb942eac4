"""Who may come in, and what for: `Authorization: Bearer pulseops_<id>_<secret>`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from pulseops.access.audit import Auditor
from pulseops.access.keys import Key, Principal, parsed
from pulseops.access.limits import Limiter, neighbourhood
from pulseops.access.permissions import action_named, allowed
from pulseops.http.exchange import Req
from pulseops.http.problem import Refused
from pulseops.http.spec import Spec
from pulseops.kernel.clock import utc_now

_FRESH = 1.0
"""Seconds that the keys are remembered: a revoked key is refused after that."""
_NEWER = 0.1
"""Seconds after which an unknown key is looked for again: so many look-ups a second a flood can cause."""
_BURST = 2
"""Seconds whose requests a key may make at once."""
_FAILURES = 20
"""Failed authentications a second of one peer that are answered as such, and put on record."""
_FAILURES_BURST = 10
"""Seconds whose failures a peer may have at once."""


class Unauthenticated(Refused):
    """The credential opens nothing. `key_id` is the one that it claims, `whose` the key's of that id."""

    def __init__(self, detail: str, *, key_id: str | None = None, whose: Principal | None = None) -> None:
        super().__init__("unauthenticated", detail)
        self.key_id, self.whose = key_id, whose


class Doorkeeper:
    """Knows every key that opens, never older than a second. `load` reads them; `saw` hears of each use."""

    def __init__(
        self,
        load: Callable[[], Awaitable[Mapping[str, Key]]],
        saw: Callable[[str, int], None] = lambda _key_id, _log_id: None,
    ) -> None:
        self._load, self._saw = load, saw
        self._keys: Mapping[str, Key] = {}
        self._read_at = self._forgotten_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def admit(self, authorization: bytes | None) -> Principal:
        """Raises Unauthenticated, and what `load` raises: nobody enters on an old list.

        The credential's own shape tells of which kind it is.
        """
        scheme, _, token = (authorization or b"").partition(b" ")
        pair = parsed(token.strip().decode("ascii", "replace")) if scheme.lower() == b"bearer" else None
        if pair is None:
            raise Unauthenticated("Send your API key as Authorization: Bearer pulseops_…")
        return await self._by_key(*pair)

    async def _by_key(self, key_id: str, secret: str) -> Principal:
        await self._refresh(_FRESH)
        if key_id not in self._keys:
            await self._refresh(_NEWER)
        key = self._keys.get(key_id)
        if key is not None and not key.opened_by(secret, utc_now()):
            # It may have been rotated since the keys were read.
            await self._refresh(_NEWER)
            key = self._keys.get(key_id)
        if key is None or not key.opened_by(secret, utc_now()):
            whose = key.principal if key is not None else None
            raise Unauthenticated("The API key is unknown, expired or revoked.", key_id=key_id, whose=whose)
        self._saw(key_id, key.principal.log_id)
        return key.principal

    def forget(self) -> None:
        """A key was made or rotated here: whoever got it may use it at once."""
        self._forgotten_at, self._read_at = monotonic(), float("-inf")

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
        # What was under way when a key was made does not know of it.
        self._read_at = began_at if began_at > self._forgotten_at else float("-inf")


class Turnstile:
    """How often each key may ask, and each peer fail to authenticate, of this one process.

    `rate` is that of keys without one of their own, in requests a second; 0: they have no limit.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._keys, self._peers = Limiter(window=_BURST), Limiter(window=_FAILURES_BURST)

    def pass_through(self, asking: Principal) -> None:
        """Raises Refused: rate-limited. What is refused is not counted."""
        rate = asking.rate or self._rate
        if rate and (wait := self._keys.take(asking.key_id, rate, self._clock())):
            detail = f"This key may make {rate:,} requests a second."
            raise Refused("rate-limited", detail, headers=self._keys.verdict(wait, rate).headers)

    def failed(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """An authentication failed. Raises Refused: rate-limited, when this peer has too many of them."""
        client = connection.scope.get("client")
        peer = neighbourhood(client[0] if client else None)
        if wait := self._peers.take(peer, _FAILURES, self._clock()):
            headers = self._peers.verdict(wait, _FAILURES).headers
            raise Refused("rate-limited", "Too many keys from this address open nothing.", headers=headers)


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A Litestar guard. Every route asks for a key unless its spec says that it is public.

    Raises Refused: unauthenticated, rate-limited, or forbidden when the role does not allow the action. Only
    the first and the last are put on record.
    """
    spec = handler.opt.get("spec")
    if isinstance(spec, Spec) and spec.public:
        return
    doorkeeper: Doorkeeper = connection.app.state.doorkeeper
    turnstile: Turnstile = connection.app.state.turnstile
    headers: dict[bytes, bytes] = connection.scope["exchange"].headers  # type: ignore[typeddict-item]  # ours
    wanted = spec.action if isinstance(spec, Spec) else None
    try:
        asking = await doorkeeper.admit(headers.get(b"authorization"))
    except Unauthenticated as refused:
        turnstile.failed(connection)
        if refused.key_id is not None:
            auditor: Auditor = connection.app.state.auditor
            log_id = refused.whose.log_id if refused.whose is not None else 1
            auditor.denied(connection, refused.kind, log_id=log_id, key_id=refused.key_id, action=wanted)
        raise
    turnstile.pass_through(asking)
    connection.scope["auth"] = asking
    # A route that does not say what it asks for is open to nobody.
    action = action_named(wanted) if wanted is not None else None
    if action is None or not allowed(asking.role, action):
        raise denied(connection, wanted)


def denied(
    request: ASGIConnection[Any, Any, Any, Any], action: str | None, detail: str | None = None
) -> Refused:
    """What to raise when the caller may not do this; it is put on record."""
    asking: Principal = request.scope["auth"]
    auditor: Auditor = request.app.state.auditor
    auditor.denied(
        request,
        "forbidden",
        log_id=asking.log_id,
        who=asking.actor,
        key_id=asking.key_id,
        action=action,
    )
    return Refused("forbidden", detail or f"The role {asking.role} does not allow {action or 'this'}.")


def principal(request: Req) -> Principal:
    """Who asks, once admitted."""
    found: Principal = request.scope["auth"]
    return found
