"""How people sign in: what an operator says of the issuer, and what its claims mean here. Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, TypeGuard

from msgspec import Struct

from pulseops.access.permissions import Role
from pulseops.http.refusal import Refused

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Those with a public key. A shared secret signs nothing here, and unsigned tokens are none."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}")
_UNNAMED = "anonymous"
_LONGEST, _MOST = 200, 100  # characters of a subject, a group or a team; teams of one user
_UNKEPT = re.compile("[\0\ud800-\udfff]")
"""What a JSON text may hold, and PostgreSQL's cannot."""
_VERIFIED = (True, "true")
"""Some issuers write truth as a word: what is neither is not verified."""


class Claims(Struct, frozen=True, kw_only=True):
    """Which claims say what. A name with dots is also a path: `realm_access.roles`.

    Without `teams` everybody sees all teams; with it, those that are listed there and no others.
    """

    username: str = "preferred_username"
    groups: str = "groups"
    teams: str | None = None


class SignIn(Struct, frozen=True, kw_only=True):
    """`url` is where browsers reach PulseOps; without it there are tokens alone, and no `/login`.

    `roles` maps groups to roles: of somebody in several groups the first one listed counts.
    """

    issuer: str
    client_id: str
    audience: str
    roles: dict[str, Role]
    client_secret_file: str | None = None
    client_secret: str | None = None
    url: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    claims: Claims = Claims()
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    leeway: timedelta = timedelta(seconds=30)
    session: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=1)

    def __repr__(self) -> str:
        return f"SignIn(issuer={self.issuer!r}, client_id={self.client_id!r})"


class Identity(Struct, frozen=True, kw_only=True):
    """Somebody whom the issuer vouches for, until `expires` (seconds of the epoch).

    `role` and `teams` are what the claims come to; no `role`: nothing.
    """

    subject: str
    name: str
    role: Role | None
    teams: frozenset[str] | None
    expires: int


class NoAccess(Refused):
    """Who it is, is certain; there is nothing that they may do. `who` is the actor that is put on record."""

    def __init__(self, who: str, detail: str) -> None:
        super().__init__("no-access", detail)
        self.who = who


def identified(claims: Mapping[str, Any], terms: SignIn) -> Identity:
    """Of claims that were verified. Raises NoAccess when they name nobody."""
    subject, name = claims["sub"], _at(claims, terms.claims.username)
    if not _fits(subject):
        raise NoAccess(_UNNAMED, "The issuer's subject is not one that can be kept.")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise NoAccess(_UNNAMED, f"The claim {terms.claims.username} holds no user name.")
    if terms.claims.username == "email" and claims.get("email_verified", True) not in _VERIFIED:
        raise NoAccess(_UNNAMED, "The issuer has not verified this email address.")
    groups = set(_words(_at(claims, terms.claims.groups)))
    role = next((role for group, role in terms.roles.items() if group in groups), None)
    teams = None if terms.claims.teams is None else frozenset(_words(_at(claims, terms.claims.teams))[:_MOST])
    return Identity(subject=subject, name=name, role=role, teams=teams, expires=int(claims["exp"]))


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, else what its parts lead to."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _words(value: Any) -> list[str]:
    """A list of words, or one word alone. What is neither is left out."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if _fits(one)]


def _fits(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and not _UNKEPT.search(value)
