"""The issuer: where its doors are, and the public keys that it signs with, as it last told them."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import httpx
import jwt
import structlog
from msgspec import Struct

from pulseops.access.fetching import IssuerAway, client, fetch, is_safe
from pulseops.access.sign_in import Algorithm, SignIn

FRESH = 600.0
"""Seconds after which the keys are asked for anew, beside the requests."""
STALE = 86_400.0
"""Seconds that keys still count when the issuer does not answer."""
PAUSE = 10.0
"""Seconds between two times that an unknown key, or a silent issuer, makes it be asked."""
_KIND: Mapping[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_MOST = 100
"""Keys of an issuer."""

_log = structlog.get_logger("pulseops.access")


class Doors(Struct, frozen=True, kw_only=True):
    """Where the issuer says that it is to be asked."""

    authorization: str
    token: str
    jwks: str
    end_session: str | None


Keys = Mapping[tuple[str | None, str], jwt.PyJWK]
"""By kid and algorithm."""


class Issuer:
    """One issuer. Nothing is asked before it is needed; all who wait for the same wait for one asking.

    `changed` is called whenever the keys are other ones than before.
    """

    def __init__(
        self,
        terms: SignIn,
        *,
        clock: Callable[[], float] = monotonic,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.terms, self._clock, self.changed = terms, clock, changed
        self.http: httpx.AsyncClient = client(terms.issuer)
        self._doors: Doors | None = None
        self._told: Any = None
        self._keys: Keys = {}
        self._read_at = self._asked_at = float("-inf")
        self._failed = False
        self._asking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await self.http.aclose()

    async def doors(self) -> Doors:
        """Raises IssuerAway."""
        if self._doors is None:
            await self._ask()
        if self._doors is None:
            raise IssuerAway
        return self._doors

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of that id for that algorithm; None: the issuer has none. Raises IssuerAway.

        A token without an id is of the only key that fits its algorithm.
        """
        found = self._find(kid, algorithm) if self.current() else None
        if found is None:
            await self._ask()
            found = self._find(kid, algorithm) if self.current() else None
            if found is None and self._failed:
                raise IssuerAway
        return found

    def current(self) -> bool:
        """Whether its keys count, and what they verified. When it is time they are asked for anew, beside."""
        age = self._clock() - self._read_at
        if age >= FRESH:
            self._begin()
        return age < STALE

    def _find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fit = [key for (_, known), key in self._keys.items() if known == algorithm]
        return fit[0] if len(fit) == 1 else None

    async def _ask(self) -> None:
        """Ask once, and not again within `PAUSE`."""
        self._begin()
        if self._asking is not None and not self._asking.done():
            await asyncio.shield(self._asking)

    def _begin(self) -> None:
        busy = self._asking is not None and not self._asking.done()
        if not busy and self._clock() - self._asked_at >= PAUSE:
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._read(), name="pulseops issuer")

    async def _read(self) -> None:
        try:
            self._doors = await self._discover()
            told = (await fetch(self.http, self._doors.jwks)).get("keys", ())
        except IssuerAway:
            self._failed = True
            return
        self._failed, self._read_at = False, self._clock()
        if told != self._told:
            self._told = told
            self._keys = usable(told if isinstance(told, list) else [], self.terms.algorithms)
            self.changed()

    async def _discover(self) -> Doors:
        about = await fetch(self.http, f"{self.terms.issuer.rstrip('/')}/.well-known/openid-configuration")
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if about.get("issuer") != self.terms.issuer or not all(is_safe(about.get(name)) for name in wanted):
            _log.warning("issuer unavailable", error="what it says of itself does not fit")
            raise IssuerAway
        end = about.get("end_session_endpoint")
        authorization, token, jwks = (about[name] for name in wanted)
        return Doors(
            authorization=authorization, token=token, jwks=jwks, end_session=end if is_safe(end) else None
        )


def usable(told: list[Any], algorithms: tuple[Algorithm, ...]) -> Keys:
    """Those that verify signatures of `algorithms`. Each key is bound to the algorithms of its own kind."""
    found: dict[tuple[str | None, str], jwt.PyJWK] = {}
    for place, one in enumerate(told[:_MOST]):
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        kid = one.get("kid")
        for algorithm in algorithms:
            kind, curve = _KIND.get(algorithm, ("RSA", None))
            if one.get("kty") != kind or (curve is not None and one.get("crv") != curve):
                continue
            if one.get("alg", algorithm) != algorithm:
                continue
            try:
                # Too short a key is refused by the library, when it verifies.
                key = jwt.PyJWK(one, algorithm)
            except jwt.PyJWTError:
                _log.warning("a key of the issuer cannot be read")
                continue
            # Without an id it is still told apart from the others.
            found[kid if isinstance(kid, str) else f"\0{place}", algorithm] = key
    return found
