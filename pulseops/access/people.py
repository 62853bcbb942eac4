"""Users are seen, granted something, revoked: each time the row and the facts that tell of it, or neither."""

from datetime import datetime
from uuid import UUID

import asyncpg

from pulseops.access import trail
from pulseops.access.events import UserGranted, UserRevoked, UserSeen
from pulseops.access.permissions import Role
from pulseops.access.person import LOG
from pulseops.access.recording import By, Moved, answered, record, remember, together
from pulseops.access.roster import ShownUser, find_user, shown_user
from pulseops.access.sign_in import Identity
from pulseops.eventstore.within import append_within, versions
from pulseops.kernel.envelope import Meta
from pulseops.kernel.errors import NotFound
from pulseops.kernel.ids import derived_id, new_id

_SEE = """
INSERT INTO access.person (log_id, name, issuer, subject, claimed_role, claimed_teams, created_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (log_id, name) DO UPDATE
SET issuer = $3, subject = $4, claimed_role = $5, claimed_teams = $6, seen_at = $7
WHERE person.subject IS NULL OR (person.issuer = $3 AND person.subject = $4)
RETURNING name
"""
_WHOSE = "SELECT name FROM access.person WHERE log_id = $1 AND issuer = $2 AND subject = $3"
_GRANT = """
INSERT INTO access.person (log_id, name, role, teams, created_at, granted_at)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (log_id, name) DO UPDATE
SET role = $3, teams = $4, granted_at = $5, revoked_at = NULL,
  issuer = CASE WHEN $6 THEN NULL ELSE person.issuer END,
  subject = CASE WHEN $6 THEN NULL ELSE person.subject END
"""
_REVOKE = """
UPDATE access.person SET revoked_at = $3, role = NULL, teams = NULL WHERE log_id = $1 AND name = $2
"""
_LOCK = "SELECT true FROM access.person WHERE log_id = $1 AND name = $2 FOR UPDATE"
_SESSIONS_OVER = "DELETE FROM access.session WHERE log_id = $1 AND name = $2"


def stream_of(name: str) -> UUID:
    return derived_id("user", LOG, name)


async def sight(pool: asyncpg.Pool, found: Identity, *, issuer: str, origin: str, now: datetime) -> None:
    """Somebody came whom nobody knew, or whose claims have changed. The name of another stays theirs."""

    async def see(connection: asyncpg.Connection) -> None:
        name = await connection.fetchval(_WHOSE, LOG, issuer, found.subject) or found.name
        teams = None if found.teams is None else tuple(sorted(found.teams))
        row = (LOG, name, issuer, found.subject, found.role, teams, now)
        try:
            stands = await connection.fetchval(_SEE, *row)
        except asyncpg.UniqueViolationError as error:
            # The same subject came from elsewhere, under another name, between the two statements.
            raise Moved from error
        if stands is None:
            return
        seen = UserSeen(
            name=name, issuer=issuer, subject=found.subject, origin=origin, role=found.role, teams=teams
        )
        own = stream_of(name)
        stand = await versions(connection, (own,), log_id=LOG)
        meta = Meta(actor=f"user:{name}", correlation_id=new_id())
        told = trail.request(own, stand[own], [(seen, meta)], new_id(), now=now)
        (result,) = await append_within(connection, [told], log_id=LOG)
        if result.verdict != "stored":
            raise Moved

    await together(pool, see)


async def grant_user(
    pool: asyncpg.Pool, name: str, role: Role, teams: frozenset[str] | None, by: By, *, new_subject: bool
) -> tuple[ShownUser, bool]:
    """The user, and whether that was granted before under the same key. What holds already is not recorded.

    Raises NotFound for one who sees more than `by` does, CommandReused, OutcomeUnknown.
    """

    async def change(connection: asyncpg.Connection) -> tuple[ShownUser, bool]:
        before = await _before(connection, name, by)
        if await answered(connection, by, LOG):
            return await find_user(connection, name), True
        asked = None if teams is None else tuple(sorted(teams))
        if before is not None and before.granted and not new_subject:
            same = before.role == role and before.teams == asked
            if same and before.revoked_at is None:
                await remember(connection, by, own=stream_of(name), log_id=LOG)
                return before, False
        await connection.execute(_GRANT, LOG, name, role, asked, by.now, new_subject)
        if new_subject:
            await connection.execute(_SESSIONS_OVER, LOG, name)
        told = UserGranted(name=name, role=role, origin=by.origin, teams=asked, new_subject=new_subject)
        await _record(connection, by, name, told, "grant")
        return await find_user(connection, name), False

    return await together(pool, change)


async def revoke_user(pool: asyncpg.Pool, name: str, by: By) -> tuple[ShownUser, bool]:
    """As `grant_user`. Their sessions are gone with it. NotFound for one who is not known."""

    async def close(connection: asyncpg.Connection) -> tuple[ShownUser, bool]:
        before = await _before(connection, name, by)
        if before is None:
            raise NotFound("There is no such user.")
        if await answered(connection, by, LOG):
            return before, True
        if before.revoked_at is not None:
            await remember(connection, by, own=stream_of(name), log_id=LOG)
            return before, False
        await connection.execute(_REVOKE, LOG, name, by.now)
        await connection.execute(_SESSIONS_OVER, LOG, name)
        await _record(connection, by, name, UserRevoked(name=name, origin=by.origin), "revoke")
        return await find_user(connection, name), False

    return await together(pool, close)


async def _before(connection: asyncpg.Connection, name: str, by: By) -> ShownUser | None:
    """How the user stands, held until the commit."""
    if await connection.fetchval(_LOCK, LOG, name) is None:
        return None
    return shown_user(await find_user(connection, name), by.teams)


async def _record(
    connection: asyncpg.Connection, by: By, name: str, fact: UserGranted | UserRevoked, verb: str
) -> None:
    subject = f"user:{name} {verb}"
    await record(connection, by, fact, own=stream_of(name), action="users.write", subject=subject, log_id=LOG)
