"""Tokens of the issuer: who they say it is, once their signature and every claim of them was checked."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import Any

import jwt

from pulseops.access.issuer import Issuer
from pulseops.access.sign_in import Identity, identified

LONGEST = 8_192
"""Characters of a token."""
KEPT = 10_000
"""Verified tokens that are remembered, by their hash."""
_TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt"))
_REQUIRED = ("iss", "sub", "aud", "exp")


class NotAToken(Exception):
    """It opens nothing; the reason is for whoever writes clients, and holds nothing of the token."""


class Tokens:
    """Verifies, and remembers what it verified until it expires, or the keys change or count no more."""

    def __init__(self, issuer: Issuer, *, clock: Callable[[], float] = time) -> None:
        self._issuer, self._clock = issuer, clock
        self._known: OrderedDict[bytes, Identity] = OrderedDict()
        issuer.changed = self._known.clear

    async def read(self, token: str) -> Identity:
        """Whose it is. Raises NotAToken, NoAccess and IssuerAway."""
        digest = sha256(token.encode("utf-8", "replace")).digest()
        leeway = self._issuer.terms.leeway.total_seconds()
        if self._issuer.current() and (known := self._known.get(digest)) is not None:
            if known.expires > self._clock() - leeway:
                self._known.move_to_end(digest)
                return known
            del self._known[digest]
        found = identified(await self.verified(token, self._issuer.terms.audience), self._issuer.terms)
        self._known[digest] = found
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    async def verified(self, token: str, audience: str) -> dict[str, Any]:
        """Its claims. Raises NotAToken and IssuerAway."""
        terms = self._issuer.terms
        if len(token) > LONGEST:
            raise NotAToken(f"it is longer than {LONGEST:,} characters")
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAToken("it cannot be read") from error
        algorithm, kind = head.get("alg"), head.get("typ", "JWT")
        if algorithm not in terms.algorithms:
            raise NotAToken("its algorithm is not accepted")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise NotAToken("it is of another type")
        key = await self._issuer.key(head.get("kid"), algorithm)
        if key is None:
            raise NotAToken("no key of the issuer fits it")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=terms.issuer,
                leeway=terms.leeway,
                options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAToken(_WHY.get(type(error), "its signature or its claims do not fit")) from error
        return claims


_WHY: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.MissingRequiredClaimError: "it lacks a claim that it needs",
}
