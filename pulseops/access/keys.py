"""API keys: `pulseops_<id>_<secret>`. The secret is 256 random bits, told once, and kept as its SHA-256."""

import hmac
import re
import secrets
from datetime import datetime
from hashlib import sha256

import asyncpg
from msgspec import Struct
from sqlalchemy import Column, DateTime, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from pulseops.access.permissions import Role, role_named
from pulseops.db.metadata import metadata

api_key = Table(
    "api_key",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that the key opens."
    ),
    Column("key_id", Text, primary_key=True, comment="The public part of the key: what is shown of it."),
    Column("name", Text, nullable=False, comment="Who uses it. Events say key:<name> as their actor."),
    Column("role", Text, nullable=False, comment="What it may do. There is one role so far: admin."),
    Column("secret_sha256", LargeBinary, nullable=False, comment="SHA-256 of the secret part."),
    Column("created_at", DateTime(timezone=True), nullable=False, comment="When it was made."),
    Column(
        "revoked_at", DateTime(timezone=True), comment="When it ceased to open anything; null while it does."
    ),
    UniqueConstraint("log_id", "name"),
    # A caller shows its key and nothing else, so the id alone must lead to one key, and so to its log.
    UniqueConstraint("key_id"),
    schema="access",
    comment="API keys. The secret of a key is not kept, only its hash.",
)

ADMIN: Role = "admin"
_PATIENCE = 2.0
"""Seconds for the database to give a connection, the keys, or a connection up."""
_SHAPE = re.compile(r"pulseops_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

# A name is taken once, so of two processes that begin at the same time one makes the key.
_FIRST = """
INSERT INTO access.api_key (log_id, key_id, name, role, secret_sha256, created_at)
SELECT $1::smallint, $2, $3, $4, $5, $6
WHERE NOT EXISTS (SELECT FROM access.api_key WHERE log_id = $1)
ON CONFLICT (log_id, name) DO NOTHING
RETURNING key_id
"""
_INSERT = """
INSERT INTO access.api_key (log_id, key_id, name, role, secret_sha256, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_REVOKE = """
UPDATE access.api_key SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL
RETURNING key_id
"""
_OPEN = "SELECT log_id, key_id, name, role, secret_sha256 FROM access.api_key WHERE revoked_at IS NULL"


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks, and the one log that is open to it; of its incidents only those of `teams` (None: all)."""

    log_id: int
    key_id: str
    name: str
    role: Role
    teams: frozenset[str] | None = None

    @property
    def actor(self) -> str:
        return f"key:{self.name}"

    def sees(self, team: str | None) -> bool:
        """Whether what is assigned to `team` (None: to nobody) is there for it at all."""
        return self.teams is None or team in self.teams


class Key(Struct, frozen=True, kw_only=True):
    """A key that opens, as it is stored."""

    principal: Principal
    secret_sha256: bytes

    def opened_by(self, secret: str) -> bool:
        """In the same time whatever the secret."""
        return hmac.compare_digest(self.secret_sha256, sha256(secret.encode()).digest())


def parsed(token: str) -> tuple[str, str] | None:
    """The id and the secret of what looks like a key."""
    found = _SHAPE.fullmatch(token)
    return (found[1], found[2]) if found else None


def _new() -> tuple[str, str, bytes]:
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return f"pulseops_{key_id}_{secret}", key_id, sha256(secret.encode()).digest()


async def ensure_admin_key(pool: asyncpg.Pool, *, now: datetime, log_id: int = 1) -> str | None:
    """A log's first key, when it had none at all: shown this one time. None when there are keys."""
    token, key_id, digest = _new()
    made = await pool.fetchval(_FIRST, log_id, key_id, ADMIN, ADMIN, digest, now)
    return token if made else None


async def create_key(
    pool: asyncpg.Pool, name: str, *, now: datetime, role: Role = ADMIN, log_id: int = 1
) -> str:
    """A new key to a log, shown this one time. Raises asyncpg.UniqueViolationError when it has that name."""
    token, key_id, digest = _new()
    await pool.execute(_INSERT, log_id, key_id, name, role, digest, now)
    return token


async def revoke_key(pool: asyncpg.Pool, key_id: str, *, now: datetime) -> bool:
    """Whether there was such a key to revoke. It opens nothing from at most a second later."""
    return await pool.fetchval(_REVOKE, key_id, now) is not None


async def open_keys(pool: asyncpg.Pool) -> dict[str, Key]:
    """Every key that opens a log, by its id. Gives up soon: every request waits for this."""
    async with pool.acquire(timeout=_PATIENCE) as connection:
        rows = await connection.fetch(_OPEN, timeout=_PATIENCE)
    return {
        row["key_id"]: Key(
            principal=Principal(log_id=row["log_id"], key_id=row["key_id"], name=row["name"], role=role),
            secret_sha256=row["secret_sha256"],
        )
        for row in rows
        # A role of a newer release: what it may do is not known here, so it may do nothing.
        if (role := role_named(row["role"])) is not None
    }
