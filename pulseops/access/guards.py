"""Who may come in, and what for: `Authorization: Bearer pulseops_<id>_<secret>`."""

import re
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from pulseops.access.audit import Auditor
from pulseops.access.keys import Key, Principal, parsed
from pulseops.access.limits import Limiter, neighbourhood
from pulseops.access.permissions import MATRIX, action_named, allowed
from pulseops.access.person import LOG
from pulseops.access.remembered import Remembered
from pulseops.access.sign_in import NoAccess
from pulseops.access.tokens import NotAToken
from pulseops.access.users import Users
from pulseops.http.exchange import Req
from pulseops.http.refusal import Refused
from pulseops.http.spec import Spec
from pulseops.kernel.clock import utc_now

_FRESH = 1.0
"""Seconds that the keys are remembered: a revoked key is refused after that."""
_NEWER = 0.1
"""Seconds after which an unknown key is looked for again: so many look-ups a second a flood can cause."""
_BURST = 2
"""Seconds whose requests a key may make at once."""
_READING = frozenset(("GET", "HEAD"))
_TOKEN = re.compile(r"[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_=-]*){2}")
_FAILURES = 20
"""Failed authentications a second of one peer that are answered as such, and put on record."""
_FAILURES_BURST = 10
"""Seconds whose failures a peer may have at once."""


class Unauthenticated(Refused):
    """The credential opens nothing. `key_id` is the one that it claims, `whose` the key's of that id.

    `shaped`: it has the shape of one, and so is worth a note.
    """

    def __init__(
        self,
        detail: str,
        *,
        key_id: str | None = None,
        whose: Principal | None = None,
        shaped: bool = False,
    ) -> None:
        super().__init__("unauthenticated", detail)
        self.key_id, self.whose, self.shaped = key_id, whose, shaped or key_id is not None


class Doorkeeper:
    """Knows every key that opens, never older than a second. `load` reads them; `saw` hears of each use."""

    def __init__(
        self,
        load: Callable[[], Awaitable[Mapping[str, Key]]],
        saw: Callable[[str, int], None] = lambda _key_id, _log_id: None,
        users: Users | None = None,
    ) -> None:
        self._keys, self._saw, self.users = Remembered[Mapping[str, Key]](load, {}), saw, users

    async def admit(self, authorization: bytes | None, cookie: bytes | None = None) -> Principal:
        """Raises Unauthenticated, NoAccess, IssuerAway, and what `load` raises: nobody enters on an old list.

        The credential's own shape tells of which kind it is. A cookie counts where there is nothing else.
        """
        scheme, _, token = (authorization or b"").partition(b" ")
        text = token.strip().decode("ascii", "replace") if scheme.lower() == b"bearer" else ""
        if (pair := parsed(text)) is not None:
            return await self._by_key(*pair)
        if self.users is not None and _TOKEN.fullmatch(text):
            return await self._by_token(self.users, text)
        if self.users is not None and cookie is not None and authorization is None:
            found = await self.users.by_cookie(cookie)
            if found is not None:
                return found
        raise Unauthenticated("Send your API key as Authorization: Bearer pulseops_…")

    async def still(self, headers: Mapping[bytes, bytes], who: Principal) -> bool:
        """Whether the credential among these still opens the very same. Raises what `load` raises."""
        try:
            return await self.admit(headers.get(b"authorization"), headers.get(b"cookie")) == who
        except Refused:
            return False

    async def _by_token(self, users: Users, token: str) -> Principal:
        try:
            return await users.by_token(token)
        except NotAToken as error:
            raise Unauthenticated(f"The token opens nothing: {error}.", shaped=True) from None

    async def _by_key(self, key_id: str, secret: str) -> Principal:
        await self._keys.refresh(_FRESH)
        if key_id not in self._keys.found:
            await self._keys.refresh(_NEWER)
        key = self._keys.found.get(key_id)
        if key is not None and not key.opened_by(secret, utc_now()):
            # It may have been rotated since the keys were read.
            await self._keys.refresh(_NEWER)
            key = self._keys.found.get(key_id)
        if key is None or not key.opened_by(secret, utc_now()):
            whose = key.principal if key is not None else None
            raise Unauthenticated("The API key is unknown, expired or revoked.", key_id=key_id, whose=whose)
        self._saw(key_id, key.principal.log_id)
        return key.principal

    def forget(self) -> None:
        """A key was made or rotated here: whoever got it may use it at once."""
        self._keys.forget()


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
        if rate and (wait := self._keys.take(asking.caller, rate, self._clock())):
            detail = f"You may make {rate:,} requests a second."
            raise Refused("rate-limited", detail, headers=self._keys.verdict(wait, rate).headers)

    def failed(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """An authentication failed. Raises Refused: rate-limited, when this peer has too many of them."""
        self._refuse(self._peers.take(_peer(connection), _FAILURES, self._clock()))

    def may_fail(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Before what costs others something. Raises Refused: rate-limited, as if it had failed again."""
        self._refuse(self._peers.wait(_peer(connection), _FAILURES, self._clock()))

    def _refuse(self, wait: float) -> None:
        if wait:
            headers = self._peers.verdict(wait, _FAILURES).headers
            raise Refused("rate-limited", "Too much from this address opens nothing.", headers=headers)


def _peer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    client = connection.scope.get("client")
    return neighbourhood(client[0] if client else None)


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
        asking = await doorkeeper.admit(headers.get(b"authorization"), headers.get(b"cookie"))
    except (Unauthenticated, NoAccess) as refused:
        turnstile.failed(connection)
        _put_on_record(connection, refused, wanted)
        raise
    turnstile.pass_through(asking)
    connection.scope["auth"] = asking
    if asking.via == "session" and connection.scope.get("method") not in _READING:
        _same_site(connection, doorkeeper, asking, wanted)
    # A route that does not say what it asks for is open to nobody.
    action = action_named(wanted) if wanted is not None else None
    limited = asking.teams is not None
    if action is None or not allowed(asking.role, action, limited=limited):
        raise denied(connection, wanted)


def _same_site(
    connection: ASGIConnection[Any, Any, Any, Any],
    doorkeeper: Doorkeeper,
    asking: Principal,
    wanted: str | None,
) -> None:
    """A cookie goes along with whatever page asks. Raises Refused (cross-site) for all but our own."""
    headers: dict[bytes, bytes] = connection.scope["exchange"].headers  # type: ignore[typeddict-item]  # ours
    cookies = doorkeeper.users.cookies if doorkeeper.users is not None else None
    if cookies is None or not cookies.ours(headers):
        auditor: Auditor = connection.app.state.auditor
        auditor.denied(connection, "cross-site", log_id=asking.log_id, who=asking.actor, action=wanted)
        raise Refused("cross-site", "With a cookie only our own pages may change anything.")


def _put_on_record(
    connection: ASGIConnection[Any, Any, Any, Any], refused: Unauthenticated | NoAccess, wanted: str | None
) -> None:
    auditor: Auditor = connection.app.state.auditor
    if isinstance(refused, NoAccess):
        auditor.denied(connection, refused.kind, log_id=LOG, who=refused.who, action=wanted)
    elif refused.shaped:
        log_id = refused.whose.log_id if refused.whose is not None else 1
        auditor.denied(connection, refused.kind, log_id=log_id, key_id=refused.key_id, action=wanted)


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
    part = " to one who is limited to teams" if action in MATRIX[asking.role] else ""
    return Refused("forbidden", detail or f"The role {asking.role} does not allow {action or 'this'}{part}.")


def principal(request: Req) -> Principal:
    """Who asks, once admitted."""
    found: Principal = request.scope["auth"]
    return found
