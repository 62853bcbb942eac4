"""The facts of who may do what: of each key, and of the access stream of a log. Public, and for ever.

None of them holds a secret, a body or a query string.
"""

from datetime import datetime

from pulseops.access.permissions import Role
from pulseops.kernel.envelope import Fact


class KeyCreated(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key was made. No `teams`: all. `origin` is where it was asked for: an address, `cli` or `start`."""

    type = "KEY.CREATED"
    key_id: str
    name: str
    role: Role
    origin: str
    teams: tuple[str, ...] | None = None
    source: str | None = None
    rate: int | None = None
    expires_at: datetime | None = None


class KeyRotated(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key got a new secret. The one before opens until `overlap_until`."""

    type = "KEY.ROTATED"
    key_id: str
    name: str
    role: Role
    origin: str
    overlap_until: datetime
    teams: tuple[str, ...] | None = None
    expires_at: datetime | None = None


class KeyRevoked(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key opens nothing any more."""

    type = "KEY.REVOKED"
    key_id: str
    name: str
    role: Role
    origin: str
    teams: tuple[str, ...] | None = None
    expires_at: datetime | None = None


class AccessDenied(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody was refused `count` times, alike, from `first_at` to `last_at`.

    `who` is `key:<name>`, `anonymous` when the credential is nobody's, or `others`: what was too much to be
    told one by one. `code` is that of the answer, `path` the route's template.
    """

    type = "ACCESS.DENIED"
    who: str
    code: str
    first_at: datetime
    last_at: datetime
    count: int = 1
    key_id: str | None = None
    method: str | None = None
    path: str | None = None
    action: str | None = None
    origin: str | None = None


class AdminActed(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody administered. `subject` is what was changed, such as `key:0123456789ab`."""

    type = "ADMIN.ACTED"
    who: str
    action: str
    subject: str
    origin: str
    key_id: str | None = None
    method: str | None = None
    path: str | None = None


AccessFact = KeyCreated | KeyRotated | KeyRevoked | AccessDenied | AdminActed
FACTS: tuple[type[AccessFact], ...] = (KeyCreated, KeyRotated, KeyRevoked, AccessDenied, AdminActed)
