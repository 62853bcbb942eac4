"""The facts of who may do what: of each key, and of the access stream of a log. Public, and for ever.

None of them holds a secret, a body or a query string.
"""

from datetime import datetime
from uuid import UUID

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


class UserSeen(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A user signed in for the first time, or with other claims than before.

    `role` and `teams` are what the claims come to (no `teams`: all), whatever else was granted.
    """

    type = "USER.SEEN"
    name: str
    issuer: str
    subject: str
    origin: str
    role: Role | None = None
    teams: tuple[str, ...] | None = None


class UserGranted(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A user has this role and these teams (none: all) from now on, whatever the claims say.

    With `new_subject` the name is that of whoever signs in with it next.
    """

    type = "USER.GRANTED"
    name: str
    role: Role
    origin: str
    teams: tuple[str, ...] | None = None
    new_subject: bool = False


class UserRevoked(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A user may do nothing any more, whatever the claims say, until something is granted again."""

    type = "USER.REVOKED"
    name: str
    origin: str


class AccessDenied(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody was refused `count` times, alike, from `first_at` to `last_at`.

    `who` is `key:<name>`, `user:<name>`, `anonymous` when the credential is nobody's, or `others`: what was
    too much to be told one by one. `code` is that of the answer, `path` the route's template.
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
    """Somebody administered. `subject` is what was changed, such as `key:0123456789ab`.

    Of a subscription: `stream_ids` are the streams that it was about, `from_position` is where their events
    wait from, or where it went back to.
    """

    type = "ADMIN.ACTED"
    who: str
    action: str
    subject: str
    origin: str
    key_id: str | None = None
    method: str | None = None
    path: str | None = None
    stream_ids: tuple[UUID, ...] | None = None
    from_position: int | None = None


AccessFact = (
    KeyCreated | KeyRotated | KeyRevoked | UserSeen | UserGranted | UserRevoked | AccessDenied | AdminActed
)
FACTS: tuple[type[AccessFact], ...] = (
    KeyCreated,
    KeyRotated,
    KeyRevoked,
    UserSeen,
    UserGranted,
    UserRevoked,
    AccessDenied,
    AdminActed,
)
