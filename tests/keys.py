"""Keys for tests that are about something else: a row alone, so that their logs begin empty."""

from datetime import datetime

import asyncpg

from pulseops.access.keys import new_secret, parsed
from pulseops.access.permissions import Role
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id

_INSERT = """
INSERT INTO access.api_key (log_id, key_id, name, role, secret_sha256, created_at, teams, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def a_key(
    pool: asyncpg.Pool | asyncpg.Connection,
    name: str = "admin",
    *,
    role: Role = "admin",
    teams: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
    log_id: int = 1,
) -> str:
    """A new key to a log."""
    token, digest = new_secret(new_id().hex[-12:])
    key_id, _ = parsed(token) or ("", "")
    row = (log_id, key_id, name, role, digest, utc_now(), teams, expires_at)
    await pool.execute(_INSERT, *row)
    return token
