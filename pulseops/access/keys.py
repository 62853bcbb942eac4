"""API keys: `pulseops_<id>_<secret>`. The secret is 256 random bits, told once, and kept as its SHA-256."""

import hmac
import re
import secrets
from datetime import datetime
from hashlib import sha256
from typing import Literal

import asyncpg
from msgspec import Struct

from pulseops.access.permissions import Role, role_named
from pulseops.kernel.clock import utc_now

Via = Literal["key", "token", "session"]
"""How somebody came in: with an API key, with a token of the issuer, or signed in with a browser."""

_PATIENCE = 2.0
"""Seconds for the database to give a connection, the keys, or a connection up."""
_SHAPE = re.compile(r"pulseops_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

_OPEN = """
SELECT log_id, key_id, name, role, teams, rate, secret_sha256, expires_at, previous_sha256, previous_until
FROM access.api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
"""


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks, and the one log that is open to it; of its incidents only those of `teams` (None: all).

    `rate` is in requests a second; None: as many as the default. A user has no `key_id`.
    """

    log_id: int
    key_id: str | None
    name: str
    role: Role
    teams: frozenset[str] | None = None
    rate: int | None = None
    via: Via = "key"

    @property
    def actor(self) -> str:
        return f"key:{self.name}" if self.via == "key" else f"user:{self.name}"

    @property
    def caller(self) -> str:
        """Tells it from all others of its log, and is the same for as long as it is there."""
        return self.key_id or self.actor

    def sees(self, team: str | None) -> bool:
        """Whether what is assigned to `team` (None: to nobody) is there for it at all."""
        return self.teams is None or team in self.teams


class Key(Struct, frozen=True, kw_only=True):
    """A key that opens, as it is stored."""

    principal: Principal
    secret_sha256: bytes
    expires_at: datetime | None = None
    previous_sha256: bytes | None = None
    previous_until: datetime | None = None

    def opened_by(self, secret: str, now: datetime) -> bool:
        """In the same time whatever the secret."""
        if self.expires_at is not None and self.expires_at <= now:
            return False
        digest = sha256(secret.encode()).digest()
        if hmac.compare_digest(self.secret_sha256, digest):
            return True
        if self.previous_sha256 is None or self.previous_until is None or self.previous_until <= now:
            return False
        return hmac.compare_digest(self.previous_sha256, digest)


def parsed(token: str) -> tuple[str, str] | None:
    """The id and the secret of what looks like a key."""
    found = _SHAPE.fullmatch(token)
    return (found[1], found[2]) if found else None


def new_secret(key_id: str) -> tuple[str, bytes]:
    """A token with a new secret, and what is kept of it."""
    secret = secrets.token_urlsafe(32)
    return f"pulseops_{key_id}_{secret}", sha256(secret.encode()).digest()


async def open_keys(pool: asyncpg.Pool) -> dict[str, Key]:
    """Every key that opens a log, by its id. Gives up soon: every request waits for this."""
    async with pool.acquire(timeout=_PATIENCE) as connection:
        rows = await connection.fetch(_OPEN, utc_now(), timeout=_PATIENCE)
    return {
        row["key_id"]: Key(
            principal=Principal(
                log_id=row["log_id"],
                key_id=row["key_id"],
                name=row["name"],
                role=role,
                teams=None if row["teams"] is None else frozenset(row["teams"]),
                rate=row["rate"],
            ),
            secret_sha256=row["secret_sha256"],
            expires_at=row["expires_at"],
            previous_sha256=row["previous_sha256"],
            previous_until=row["previous_until"],
        )
        for row in rows
        # A role of a newer release: what it may do is not known here, so it may do nothing.
        if (role := role_named(row["role"])) is not None
    }
