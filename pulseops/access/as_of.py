"""Keys and users as they were at a moment."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from pulseops.access.events import FACTS
from pulseops.access.listing import MOST, Keys, Shown, cursor_of, find_key, name_of, shown
from pulseops.access.past import key_after, key_at, user_after
from pulseops.access.people import stream_of as stream_of_user
from pulseops.access.person import LOG
from pulseops.access.roster import ShownUser, Users, find_user, shown_user
from pulseops.eventstore.affordable import affordable
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.differences import up_to
from pulseops.eventstore.moments import point_of, position_of
from pulseops.kernel.errors import NotFound
from pulseops.kernel.ids import derived_id
from pulseops.kernel.moments import Moment

_CODEC = Codec(FACTS)
_KEYS = """
SELECT key_id, name FROM access.api_key
WHERE log_id = $1 AND name COLLATE "C" > $2 AND ($3::text[] IS NULL OR teams <@ $3)
ORDER BY name COLLATE "C" LIMIT $4
"""
_USERS = """
SELECT name FROM access.person
WHERE log_id = $1 AND name COLLATE "C" > $2
  AND ($3::text[] IS NULL OR CASE WHEN role IS NULL THEN claimed_teams ELSE teams END <@ $3)
ORDER BY name COLLATE "C" LIMIT $4
"""


_STREAMS = "SELECT stream_id FROM eventstore.stream WHERE log_id = $1 AND stream_id = ANY ($2)"
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class Then(Struct, frozen=True, kw_only=True):
    """The position that is meant, and the time by which keys have expired."""

    position: int
    at: datetime


async def then_of(connection: asyncpg.Connection | asyncpg.Pool, moment: Moment, *, log_id: int) -> Then:
    """As `position_of`."""
    position = await position_of(connection, moment, log_id=log_id)
    if isinstance(moment, datetime):
        return Then(position=position, at=moment)
    at = (await point_of(connection, position, log_id=log_id)).recorded_at
    return Then(position=position, at=at or _BEGINNING)


async def keys_as_of(
    connection: asyncpg.Connection,
    then: Then,
    *,
    teams: frozenset[str] | None = None,
    cursor: str | None = None,
    limit: int = MOST,
    log_id: int,
) -> Keys:
    """By name; a page may be short. Of `teams` are the keys that are limited to some of these.

    Those whose making is not in history are told as far as is known, and named. InvalidInput for a cursor
    that is not ours.
    """
    after = "" if cursor is None else name_of(cursor)
    rows = await connection.fetch(_KEYS, log_id, after, None if teams is None else list(teams), limit + 1)
    streams = [stream_of_key(row["key_id"], log_id) for row in rows[:limit]]
    count, _ = await affordable(connection, streams, log_id=log_id)
    names = {row["key_id"]: stream_id for row, stream_id in zip(rows, streams[:count], strict=False)}
    facts = await up_to(connection, _CODEC, [*names.values()], then.position, log_id=log_id)
    recorded = {row["stream_id"] for row in await connection.fetch(_STREAMS, log_id, [*names.values()])}
    items, unrecorded = list[Shown](), list[str]()
    for key_id, stream_id in names.items():
        key = key_after(facts.get(stream_id, ()), then.at)
        if stream_id not in recorded:
            key = _as_far_as_known(await find_key(connection, key_id, log_id=log_id), then.at)
            unrecorded += [] if key is None else [key.name]
        items += [] if key is None else [key]
    more = cursor_of(rows[count - 1]["name"]) if len(rows) > count else None
    return Keys(items=tuple(items), next_cursor=more, unrecorded=tuple(unrecorded))


async def key_as_of(
    connection: asyncpg.Connection, then: Then, *, key_id: str, teams: frozenset[str] | None, log_id: int
) -> Shown:
    """Raises NotFound, also for what is none of `teams`' business."""
    now = shown(await find_key(connection, key_id, log_id=log_id), teams)
    stream_id = stream_of_key(key_id, log_id)
    facts = await up_to(connection, _CODEC, [stream_id], then.position, log_id=log_id)
    key = key_after(facts.get(stream_id, ()), then.at)
    if not await connection.fetch(_STREAMS, log_id, [stream_id]):
        key = _as_far_as_known(now, then.at)
    if key is None:
        raise NotFound("There was no such key then.")
    return key


async def users_as_of(
    connection: asyncpg.Connection,
    then: Then,
    *,
    teams: frozenset[str] | None = None,
    cursor: str | None = None,
    limit: int = MOST,
) -> Users:
    """By name; a page may be short. Of `teams` are those who now are limited to some of these."""
    after = "" if cursor is None else name_of(cursor)
    rows = await connection.fetch(_USERS, LOG, after, None if teams is None else list(teams), limit + 1)
    streams = [stream_of_user(row["name"]) for row in rows[:limit]]
    count, _ = await affordable(connection, streams, log_id=LOG)
    facts = await up_to(connection, _CODEC, streams[:count], then.position, log_id=LOG)
    users = [user_after(facts.get(stream_id, ())) for stream_id in streams[:count]]
    more = cursor_of(rows[count - 1]["name"]) if len(rows) > count else None
    return Users(items=tuple(one for one in users if one is not None), next_cursor=more)


async def user_as_of(
    connection: asyncpg.Connection, then: Then, *, name: str, teams: frozenset[str] | None
) -> ShownUser:
    """Raises NotFound, also for what is none of `teams`' business."""
    shown_user(await find_user(connection, name), teams)
    facts = await up_to(connection, _CODEC, [stream_of_user(name)], then.position, log_id=LOG)
    user = user_after(facts.get(stream_of_user(name), ()))
    if user is None:
        raise NotFound("There was no such user then.")
    return user


def stream_of_key(key_id: str, log_id: int) -> UUID:
    return derived_id("key", log_id, key_id)


def _as_far_as_known(key: Shown, at: datetime) -> Shown | None:
    """A key of before keys were recorded, or made by somebody who has the database."""
    if key.created_at > at:
        return None
    revoked = key.revoked_at if key.revoked_at is not None and key.revoked_at <= at else None
    return key_at(replace(key, revoked_at=revoked, last_used_at=None), at)
