"""API keys: `pulseops_<id>_<secret>`. The secret is 256 random bits, told once, and kept as its SHA-256."""

import hmac
import re
import secrets
from datetime import datetime
from hashlib import sha256
from typing import Literal

import asyncpg
from msgspec import Struct
from sqlalchemy import Column, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from pulseops.access.permissions import Role, role_named
from pulseops.db.metadata import metadata
from pulseops.kernel.clock import utc_now

_INSTANT = DateTime(timezone=True)

api_key = Table(
    "api_key",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that the key opens."
    ),
    Column("key_id", Text, primary_key=True, comment="The public part of the key: what is shown of it."),
    Column("name", Text, nullable=False, comment="Who uses it. Events say key:<name> as their actor."),
    Column(
        "role",
        Text,
        nullable=False,
        comment="What it may do: viewer, responder, manager, auditor, admin or ingest.",
    ),
    Column("secret_sha256", LargeBinary, nullable=False, comment="SHA-256 of the secret part."),
    Column("created_at", _INSTANT, nullable=False, comment="When it was made."),
    Column("revoked_at", _INSTANT, comment="When it ceased to open anything; null while it does."),
    Column("teams", ARRAY(Text), comment="The teams whose incidents it sees; null: all."),
    Column("source", Text, comment="The integration that it is for, such as grafana; null for others."),
    Column("rate", Integer, comment="Requests a second that it may make; null: as many as the default."),
    Column("expires_at", _INSTANT, comment="From when on it opens nothing; null: it does not expire."),
    Column("last_used_at", _INSTANT, comment="When it was last seen to be used, to about a minute."),
    Column("rotated_at", _INSTANT, comment="When it got its present secret; null: it is the first."),
    Column("previous_sha256", LargeBinary, comment="SHA-256 of the secret before the present one."),
    Column("previous_until", _INSTANT, comment="From when on the secret before opens nothing."),
    UniqueConstraint("log_id", "name"),
    # A caller shows its key and nothing else, so the id alone must lead to one key, and so to its log.
    UniqueConstraint("key_id"),
    schema="access",
    comment="API keys. The secret of a key is not kept, only its hash.",
)

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
