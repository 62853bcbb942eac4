"""Users as they are shown."""

from datetime import datetime
from typing import Literal

import asyncpg
from msgspec import Struct

from pulseops.access.listing import MOST, cursor_of, name_of
from pulseops.access.permissions import Role
from pulseops.access.person import LOG
from pulseops.kernel.errors import NotFound

_COLUMNS = """
  name, issuer, subject, created_at, seen_at, granted_at, revoked_at, role IS NOT NULL AS granted,
  coalesce(role, claimed_role) AS role, CASE WHEN role IS NULL THEN claimed_teams ELSE teams END AS teams,
  CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN coalesce(role, claimed_role) IS NULL THEN 'idle'
    WHEN subject IS NULL THEN 'awaited' ELSE 'active' END AS status
"""
_FIND = f"SELECT {_COLUMNS} FROM access.person WHERE log_id = $1 AND name = $2"  # noqa: S608 -- a constant of ours
_PAGE = f"""
SELECT {_COLUMNS} FROM access.person
WHERE log_id = $1 AND name COLLATE "C" > $2
  AND ($3::text[] IS NULL OR CASE WHEN role IS NULL THEN claimed_teams ELSE teams END <@ $3)
ORDER BY name COLLATE "C" LIMIT $4
"""  # noqa: S608 -- a constant of ours


class ShownUser(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user. `teams` null: all. `granted`: by an administrator, and no more by what the claims come to.

    `awaited` is one who was granted something and has not signed in yet, `idle` one whose groups give nothing
    any more. Of who is `revoked`, role and teams are those of the claims, which count no more.
    """

    name: str
    status: Literal["active", "awaited", "idle", "revoked"]
    role: Role | None
    teams: tuple[str, ...] | None
    granted: bool
    issuer: str | None
    subject: str | None
    created_at: datetime
    seen_at: datetime | None
    granted_at: datetime | None
    revoked_at: datetime | None


class Users(Struct, frozen=True, kw_only=True, rename="camel"):
    """By name. `nextCursor` leads to the next ones; it is null on the last page."""

    items: tuple[ShownUser, ...]
    next_cursor: str | None


def shown_user(user: ShownUser, teams: frozenset[str] | None) -> ShownUser:
    """`user`, for one who is limited to `teams`. NotFound when they see more than that."""
    if teams is not None and (user.teams is None or not teams.issuperset(user.teams)):
        raise NotFound("There is no such user.")
    return user


async def find_user(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> ShownUser:
    """Raises NotFound."""
    row = None if "\0" in name else await connection.fetchrow(_FIND, LOG, name)
    if row is None:
        raise NotFound("There is no such user.")
    return _user(row)


async def list_users(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    teams: frozenset[str] | None = None,
    cursor: str | None = None,
    limit: int = MOST,
) -> Users:
    """At most `limit` of them, those after `cursor`. InvalidInput for a cursor that is not ours."""
    after = "" if cursor is None else name_of(cursor)
    seen = None if teams is None else list(teams)
    rows = await connection.fetch(_PAGE, LOG, after, seen, limit + 1)
    items = tuple(_user(row) for row in rows[:limit])
    return Users(items=items, next_cursor=cursor_of(items[-1].name) if len(rows) > limit else None)


def _user(row: asyncpg.Record) -> ShownUser:
    fields = dict(row)
    return ShownUser(**fields | {"teams": None if fields["teams"] is None else tuple(fields["teams"])})
