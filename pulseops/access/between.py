"""What changed about who may do what, between two moments."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from pulseops.access.as_of import stream_of_key
from pulseops.access.events import FACTS
from pulseops.access.past import key_after, user_after
from pulseops.access.people import stream_of as stream_of_user
from pulseops.access.person import LOG
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.differences import AT_A_TIME, Entries, Facts, Named, entries_between
from pulseops.eventstore.moments import Span

_CODEC = Codec(FACTS)
_NAMES = """
SELECT a.kind, a.name, a.key_id FROM (
  SELECT 'key' AS kind, k.name, k.key_id FROM access.api_key AS k
  WHERE k.log_id = $1 AND ($4::text[] IS NULL OR k.teams <@ $4)
  UNION ALL
  SELECT 'user', p.name, NULL FROM access.person AS p
  WHERE p.log_id = $1 AND p.log_id = $5
    AND ($4::text[] IS NULL OR CASE WHEN p.role IS NULL THEN p.claimed_teams ELSE p.teams END <@ $4)
) AS a
WHERE (a.kind, a.name COLLATE "C") > ($2, $3)
ORDER BY a.kind, a.name COLLATE "C" LIMIT $6
"""
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def identity(since: str, until: str | None, teams: frozenset[str] | None, log_id: int) -> bytes:
    """What makes a list this one, for its cursors. The moments are as they were asked for."""
    return msgspec.json.encode(["access", log_id, since, until, None if teams is None else sorted(teams)])


async def access_between(
    connection: asyncpg.Connection,
    span: Span,
    *,
    after: tuple[str, str] = ("", ""),
    of: bytes = b"",
    teams: frozenset[str] | None = None,
    most: int = AT_A_TIME,
    log_id: int,
) -> Entries:
    """Those after the place `after`, by kind and name. Of `teams` are those that now are (None: all)."""
    seen = None if teams is None else sorted(teams)
    rows = await connection.fetch(_NAMES, log_id, *after, seen, LOG, most + 1)
    named = [_named(row, log_id) for row in rows]
    return await entries_between(connection, _CODEC, span, named, _told, of=of, most=most, log_id=log_id)


def _named(row: asyncpg.Record, log_id: int) -> Named:
    key_id = row["key_id"]
    stream_id = stream_of_user(row["name"]) if key_id is None else stream_of_key(key_id, log_id)
    return Named(kind=row["kind"], name=row["name"], stream_id=stream_id)


def _told(facts: Facts) -> Mapping[str, Any] | None:
    """A key that is revoked is gone, and so is a user. That a key expires is no event."""
    found = key_after(facts, _BEGINNING) or user_after(facts)
    if found is None or found.revoked_at is not None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(found)
    return told
