"""Sessions of browsers: a random token in a cookie, of which only the hash is kept, and its end."""

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

import asyncpg
from msgspec import Struct

from pulseops.access.permissions import Role, role_named
from pulseops.access.person import LOG
from pulseops.access.sign_in import Identity

_FINE = timedelta(minutes=1)
"""A time of last use that is no older than this, or than a tenth of `idle`, is not written anew."""
_PATIENCE = 2.0
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")

_OVER = "DELETE FROM access.session WHERE log_id = $1 AND (expires_at <= $2 OR used_at <= $3)"
_BEGIN = """
INSERT INTO access.session
  (log_id, token_sha256, name, claimed_role, claimed_teams, created_at, used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
"""
_FIND = """
SELECT name, claimed_role, claimed_teams, used_at FROM access.session
WHERE log_id = $1 AND token_sha256 = $2 AND expires_at > $3 AND used_at > $4
"""
_USED = "UPDATE access.session SET used_at = $3 WHERE log_id = $1 AND token_sha256 = $2"
_END = "DELETE FROM access.session WHERE log_id = $1 AND token_sha256 = $2"


class Session(Struct, frozen=True):
    """Whose a session is, and what the claims came to when it began."""

    name: str
    role: Role | None
    teams: frozenset[str] | None


class Sessions:
    """They end `lasts` after they began, and when they were not used for `idle`."""

    def __init__(self, pool: asyncpg.Pool, *, lasts: timedelta, idle: timedelta) -> None:
        self._pool, self.lasts, self._idle = pool, lasts, idle
        self._fine = min(_FINE, idle / 10)

    async def begin(self, name: str, found: Identity, *, now: datetime) -> str:
        """The token of a new one, told this one time. Those that are over are swept away."""
        token = secrets.token_urlsafe(32)
        teams = None if found.teams is None else sorted(found.teams)
        row = (LOG, _hash(token), name, found.role, teams, now, now + self.lasts)
        async with self._pool.acquire(timeout=_PATIENCE) as connection, connection.transaction():
            await connection.execute(_OVER, LOG, now, now - self._idle)
            await connection.execute(_BEGIN, *row)
        return token

    async def find(self, token: str, *, now: datetime) -> Session | None:
        """Asked of the database each time: one that was ended is over at once, on every process."""
        if not _SHAPE.fullmatch(token):
            return None
        digest = _hash(token)
        async with self._pool.acquire(timeout=_PATIENCE) as connection:
            row = await connection.fetchrow(_FIND, LOG, digest, now, now - self._idle, timeout=_PATIENCE)
            if row is not None and now - row["used_at"] > self._fine:
                await connection.execute(_USED, LOG, digest, now, timeout=_PATIENCE)
        if row is None:
            return None
        teams = None if row["claimed_teams"] is None else frozenset(row["claimed_teams"])
        role = None if row["claimed_role"] is None else role_named(row["claimed_role"])
        return Session(row["name"], role, teams)

    async def end(self, token: str) -> None:
        await self._pool.execute(_END, LOG, _hash(token))


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
