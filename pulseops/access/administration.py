"""Keys are made, rotated and revoked: each time the row and the facts that tell of it, or neither."""

from datetime import datetime, timedelta

import asyncpg
from msgspec import Struct

from pulseops.access.events import AccessFact, KeyCreated, KeyRevoked, KeyRotated
from pulseops.access.keys import new_secret
from pulseops.access.listing import Shown, find_key, shown
from pulseops.access.permissions import Role
from pulseops.access.recording import By, Moved, answered, local, record, together
from pulseops.kernel.errors import NotFound, PulseOpsError
from pulseops.kernel.ids import derived_id

OVERLAP = timedelta(hours=24)
"""How long the secret before still opens, unless it is said otherwise."""

_INSERT = """
INSERT INTO access.api_key
  (log_id, key_id, name, role, secret_sha256, created_at, teams, source, rate, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (log_id, name) DO NOTHING
RETURNING key_id
"""
_ROTATE = "SELECT access.rotate_key_v1($1, $2, $3, $4, $5)"
_REVOKE = "UPDATE access.api_key SET revoked_at = $3 WHERE log_id = $1 AND key_id = $2"
_ANY = "SELECT EXISTS (SELECT FROM access.api_key WHERE log_id = $1)"
# All of them are held until the commit: of two who revoke the last two, one waits and then sees it.
_ADMINS = """
SELECT key_id FROM access.api_key
WHERE log_id = $1 AND role = 'admin' AND teams IS NULL AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $2)
ORDER BY key_id FOR UPDATE
"""
_LOG_OF = "SELECT log_id FROM access.api_key WHERE key_id = $1"


class NameInUse(PulseOpsError):
    """A key of this log has, or had, that name."""

    code = "name-taken"


class LastAdmin(PulseOpsError):
    """This is the last admin key of its log. On the machine itself, `pulseops key revoke` does it."""

    code = "last-admin"


class NewKey(Struct, frozen=True, kw_only=True):
    """The key that is wanted."""

    name: str
    role: Role
    teams: tuple[str, ...] | None = None
    source: str | None = None
    rate: int | None = None
    expires_at: datetime | None = None


class Issued(Struct, frozen=True, kw_only=True):
    """A key and, this one time, its secret. `replayed`: it was told before, and is not kept."""

    key: Shown
    token: str | None
    replayed: bool = False


async def create_key(pool: asyncpg.Pool, wanted: NewKey, by: By, *, log_id: int = 1) -> Issued:
    """Raises NameInUse, CommandReused, OutcomeUnknown."""
    # Of the command, so that its repetition finds the key.
    key_id = derived_id("key", by.command_id).hex[:12]
    token, digest = new_secret(key_id)

    async def make(connection: asyncpg.Connection) -> Issued:
        if await answered(connection, by, log_id):
            return Issued(key=await find_key(connection, key_id, log_id=log_id), token=None, replayed=True)
        teams = None if wanted.teams is None else sorted(set(wanted.teams))
        row = (log_id, key_id, wanted.name, wanted.role, digest, by.now)
        more = (teams, wanted.source, wanted.rate, wanted.expires_at)
        if await connection.fetchval(_INSERT, *row, *more) is None:
            if await answered(connection, by, log_id):
                raise Moved
            raise NameInUse(f"There is a key named {wanted.name} already.")
        made = KeyCreated(
            key_id=key_id,
            name=wanted.name,
            role=wanted.role,
            origin=by.origin,
            teams=None if teams is None else tuple(teams),
            source=wanted.source,
            rate=wanted.rate,
            expires_at=wanted.expires_at,
        )
        await _record(connection, by, key_id, made, "create", log_id=log_id)
        return Issued(key=await find_key(connection, key_id, log_id=log_id), token=token)

    return await together(pool, make)


async def ensure_admin_key(pool: asyncpg.Pool, *, now: datetime, log_id: int = 1) -> str | None:
    """A log's first key, when it had none at all: shown this one time. None when there are keys."""
    if await pool.fetchval(_ANY, log_id):
        return None
    try:
        # A name is taken once, so of two processes that begin at the same time one makes the key.
        wanted = NewKey(name="admin", role="admin")
        return (await create_key(pool, wanted, local("start", now=now), log_id=log_id)).token
    except NameInUse:
        return None


async def rotate_key(
    pool: asyncpg.Pool, key_id: str, by: By, *, overlap: timedelta = OVERLAP, log_id: int
) -> Issued:
    """A new secret; the one before opens for `overlap` longer. NotFound for one that opens nothing."""
    token, digest = new_secret(key_id)
    until = by.now + overlap

    async def change(connection: asyncpg.Connection) -> Issued:
        before = await _seen(connection, key_id, by, log_id)
        if await answered(connection, by, log_id):
            return Issued(key=before, token=None, replayed=True)
        if before.status != "open" or not await connection.fetchval(
            _ROTATE, log_id, key_id, digest, by.now, until
        ):
            raise NotFound("There is no such key that opens.")
        told = KeyRotated(
            key_id=key_id,
            name=before.name,
            role=before.role,
            origin=by.origin,
            overlap_until=until,
            teams=before.teams,
            expires_at=before.expires_at,
        )
        await _record(connection, by, key_id, told, "rotate", log_id=log_id)
        return Issued(key=await find_key(connection, key_id, log_id=log_id), token=token)

    return await together(pool, change)


async def revoke_key(pool: asyncpg.Pool, key_id: str, by: By, *, log_id: int, spare_last: bool) -> Shown:
    """It opens nothing from at most a second later. One that is revoked stays so, and nothing is recorded.

    Raises NotFound and, with `spare_last`, LastAdmin.
    """

    async def close(connection: asyncpg.Connection) -> Shown:
        admins = [row["key_id"] for row in await connection.fetch(_ADMINS, log_id, by.now)]
        before = await _seen(connection, key_id, by, log_id)
        if before.revoked_at is not None:
            return before
        if spare_last and admins == [key_id]:
            raise LastAdmin
        await connection.execute(_REVOKE, log_id, key_id, by.now)
        told = KeyRevoked(
            key_id=key_id,
            name=before.name,
            role=before.role,
            origin=by.origin,
            teams=before.teams,
            expires_at=before.expires_at,
        )
        await _record(connection, by, key_id, told, "revoke", log_id=log_id)
        return await find_key(connection, key_id, log_id=log_id)

    return await together(pool, close)


async def log_of(pool: asyncpg.Pool, key_id: str) -> int:
    """The log that a key opens, or opened. Raises NotFound."""
    log_id: int | None = await pool.fetchval(_LOG_OF, key_id)
    if log_id is None:
        raise NotFound("There is no such key.")
    return log_id


async def _seen(connection: asyncpg.Connection, key_id: str, by: By, log_id: int) -> Shown:
    return shown(await find_key(connection, key_id, log_id=log_id), by.teams)


async def _record(
    connection: asyncpg.Connection, by: By, key_id: str, fact: AccessFact, verb: str, *, log_id: int
) -> None:
    own = derived_id("key", log_id, key_id)
    await record(
        connection, by, fact, own=own, action="keys.write", subject=f"key:{key_id} {verb}", log_id=log_id
    )
