"""Keys are made, rotated and revoked: each time the row and the facts that tell of it, or neither."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access import trail
from pulseops.access.events import AccessFact, AdminActed, KeyCreated, KeyRevoked, KeyRotated
from pulseops.access.keys import new_secret
from pulseops.access.listing import Shown, find_key, shown
from pulseops.access.permissions import Role
from pulseops.db.outages import OUTAGES
from pulseops.eventstore.within import append_within, versions
from pulseops.kernel.envelope import Meta
from pulseops.kernel.errors import CommandReused, NotFound, OutcomeUnknown, PulseOpsError, Unavailable
from pulseops.kernel.ids import derived_id, new_id

T = TypeVar("T")

OVERLAP = timedelta(hours=24)
"""How long the secret before still opens, unless it is said otherwise."""
_ATTEMPTS = 8

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


class By(Struct, frozen=True, kw_only=True):
    """Who administers, from where, when and in which request. `teams` limits what they see."""

    actor: str
    origin: str
    now: datetime
    command_id: UUID
    correlation_id: UUID
    fingerprint: UUID | None = None
    key_id: str | None = None
    method: str | None = None
    path: str | None = None
    teams: frozenset[str] | None = None


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


class _Moved(Exception):
    """Somebody else wrote to the same stream in between."""


def local(origin: str, *, now: datetime) -> By:
    """Whoever has the database: the command line, and the start itself."""
    return By(actor=f"system:{origin}", origin=origin, now=now, command_id=new_id(), correlation_id=new_id())


async def create_key(pool: asyncpg.Pool, wanted: NewKey, by: By, *, log_id: int = 1) -> Issued:
    """Raises NameInUse, CommandReused, OutcomeUnknown."""
    # Of the command, so that its repetition finds the key.
    key_id = derived_id("key", by.command_id).hex[:12]
    token, digest = new_secret(key_id)

    async def make(connection: asyncpg.Connection) -> Issued:
        if await _answered(connection, by, log_id):
            return Issued(key=await find_key(connection, key_id, log_id=log_id), token=None, replayed=True)
        teams = None if wanted.teams is None else sorted(set(wanted.teams))
        row = (log_id, key_id, wanted.name, wanted.role, digest, by.now)
        more = (teams, wanted.source, wanted.rate, wanted.expires_at)
        if await connection.fetchval(_INSERT, *row, *more) is None:
            if await _answered(connection, by, log_id):
                raise _Moved
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

    return await _together(pool, make)


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
        if await _answered(connection, by, log_id):
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

    return await _together(pool, change)


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

    return await _together(pool, close)


async def log_of(pool: asyncpg.Pool, key_id: str) -> int:
    """The log that a key opens, or opened. Raises NotFound."""
    log_id: int | None = await pool.fetchval(_LOG_OF, key_id)
    if log_id is None:
        raise NotFound("There is no such key.")
    return log_id


async def _seen(connection: asyncpg.Connection, key_id: str, by: By, log_id: int) -> Shown:
    return shown(await find_key(connection, key_id, log_id=log_id), by.teams)


async def _answered(connection: asyncpg.Connection, by: By, log_id: int) -> bool:
    if by.fingerprint is None:
        return False
    query = "SELECT fingerprint FROM eventstore.command WHERE log_id = $1 AND command_id = $2"
    row = await connection.fetchrow(query, log_id, by.command_id)
    if row is not None and row["fingerprint"] != by.fingerprint:
        raise CommandReused
    return row is not None


async def _record(
    connection: asyncpg.Connection, by: By, key_id: str, fact: AccessFact, verb: str, *, log_id: int
) -> None:
    """In the key's own stream, and in the access stream."""
    own, access = derived_id("key", log_id, key_id), trail.stream_of(log_id)
    stand = await versions(connection, (own, access), log_id=log_id)
    acted = AdminActed(
        who=by.actor,
        action="keys.write",
        subject=f"key:{key_id} {verb}",
        origin=by.origin,
        key_id=by.key_id,
        method=by.method,
        path=by.path,
    )
    meta = Meta(actor=by.actor, correlation_id=by.correlation_id)
    also = derived_id("acted", by.command_id)
    requests = (
        trail.request(own, stand[own], [(fact, meta)], by.command_id, now=by.now, fingerprint=by.fingerprint),
        trail.request(access, stand[access], [(acted, meta)], also, now=by.now),
    )
    for result in await append_within(connection, requests, log_id=log_id):
        if result.verdict == "reused":
            raise CommandReused
        if result.verdict != "stored":
            raise _Moved


async def _together(pool: asyncpg.Pool, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """In one transaction, anew when somebody came in between."""
    for _ in range(_ATTEMPTS):
        done = False
        try:
            async with pool.acquire() as connection, connection.transaction():
                result = await work(connection)
                done = True
        except _Moved:
            continue
        except OUTAGES as error:
            if done:
                raise OutcomeUnknown from error
            raise
        return result
    raise Unavailable("Others keep administering this log. Try again.")
