"""Keys as they are shown: everything but their secrets."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Literal

import asyncpg
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from pulseops.access.permissions import Role
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import InvalidInput, NotFound

MOST = 200
"""Keys on one page."""
Status = Literal["open", "expired", "revoked"]

_COLUMNS = """
  key_id AS id, name, role, teams, source, rate, created_at, expires_at, last_used_at, rotated_at, revoked_at,
  previous_until AS overlap_until, CASE
    WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= $2 THEN 'expired' ELSE 'open' END AS status
"""
_FIND = f"SELECT {_COLUMNS} FROM access.api_key WHERE log_id = $1 AND key_id = $3"  # noqa: S608 -- a constant of ours
_PAGE = f"""
SELECT {_COLUMNS} FROM access.api_key
WHERE log_id = $1 AND name COLLATE "C" > $3
  AND ($4::text[] IS NULL OR teams <@ $4)
ORDER BY name COLLATE "C" LIMIT $5
"""  # noqa: S608 -- a constant of ours


class Shown(Struct, frozen=True, kw_only=True, rename="camel"):
    """A key. `teams` null: all. Until `overlapUntil` the secret before the present one opens as well."""

    id: str
    name: str
    role: Role
    status: Status
    teams: tuple[str, ...] | None
    source: str | None
    rate: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    rotated_at: datetime | None
    overlap_until: datetime | None
    revoked_at: datetime | None


class Keys(Struct, frozen=True, kw_only=True, rename="camel"):
    """By name. `nextCursor` leads to the next ones; it is null on the last page.

    `unrecorded` is there as of a moment alone: names of keys whose making is not in history, which are told
    as the database has them.
    """

    items: tuple[Shown, ...]
    next_cursor: str | None
    unrecorded: tuple[str, ...] | UnsetType = UNSET


def shown(key: Shown, teams: frozenset[str] | None) -> Shown:
    """`key`, for one who is limited to `teams`. NotFound when it sees more than they do."""
    if teams is not None and (key.teams is None or not teams.issuperset(key.teams)):
        raise NotFound("There is no such key.")
    return key


async def find_key(connection: asyncpg.Connection | asyncpg.Pool, key_id: str, *, log_id: int) -> Shown:
    """Raises NotFound."""
    row = None if "\0" in key_id else await connection.fetchrow(_FIND, log_id, utc_now(), key_id)
    if row is None:
        raise NotFound("There is no such key.")
    return _key(row)


async def list_keys(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    teams: frozenset[str] | None = None,
    cursor: str | None = None,
    limit: int = MOST,
    log_id: int,
) -> Keys:
    """At most `limit` of them, those after `cursor`. InvalidInput for a cursor that is not ours."""
    after = "" if cursor is None else name_of(cursor)
    rows = await connection.fetch(
        _PAGE, log_id, utc_now(), after, None if teams is None else list(teams), limit + 1
    )
    items = tuple(_key(row) for row in rows[:limit])
    return Keys(items=items, next_cursor=cursor_of(items[-1].name) if len(rows) > limit else None)


def _key(row: asyncpg.Record) -> Shown:
    fields = dict(row)
    key = Shown(**fields | {"teams": None if fields["teams"] is None else tuple(fields["teams"])})
    over = key.overlap_until is not None and key.overlap_until <= utc_now()
    return replace(key, overlap_until=None) if over or key.status != "open" else key


def cursor_of(name: str) -> str:
    """Leads to what comes after `name` in a list by name."""
    return urlsafe_b64encode(name.encode()).decode().rstrip("=")


def name_of(cursor: str) -> str:
    """Raises InvalidInput for a cursor that is not ours."""
    try:
        name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        name = ""
    if not name or "\0" in name or cursor_of(name) != cursor:
        raise InvalidInput("This is not a cursor of ours.", pointer="/cursor")
    return name
