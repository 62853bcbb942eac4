"""The access stream of a log: what is written into it, and how it is read."""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access.events import AccessDenied, AccessFact, AdminActed
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.eventstore.codec import COLUMNS, Codec
from pulseops.kernel.envelope import Meta
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.ids import derived_id

MOST = 200
"""Entries on one page."""
TRAIL = (AccessDenied, AdminActed)
_CODEC = Codec(TRAIL)

_PAGE = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND version < $3
  AND ($4::text IS NULL OR data ->> 'who' = $4)
  AND ($5::text IS NULL OR type = $5)
  AND ($6::timestamptz IS NULL OR recorded_at >= $6)
ORDER BY version DESC LIMIT $7
"""  # noqa: S608 -- a constant of ours
_ANSWER = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND version = (
  SELECT version FROM eventstore.command WHERE log_id = $1 AND command_id = $3)
"""  # noqa: S608 -- a constant of ours
_NEWEST = 2**31 - 1
_CURSOR = re.compile(r"[1-9][0-9]{0,9}")


class Entry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A refusal or an administrative act, as it is recorded: `what` says which.

    Of a refusal `count` says how often it came, alike, from `firstAt` to `lastAt`. Of what was done to a
    subscription, `streamIds` says to which streams, `fromPosition` from where on.
    """

    position: int
    event_id: UUID
    what: str
    recorded_at: datetime
    who: str
    key_id: str | None = None
    code: str | None = None
    action: str | None = None
    subject: str | None = None
    method: str | None = None
    path: str | None = None
    origin: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    count: int | None = None
    stream_ids: tuple[UUID, ...] | None = None
    from_position: int | None = None


class Trail(Struct, frozen=True, kw_only=True, rename="camel"):
    """Newest first. `nextCursor` leads to the older ones; it is null on the last page."""

    items: tuple[Entry, ...]
    next_cursor: str | None


def stream_of(log_id: int) -> UUID:
    return derived_id("access", log_id)


def request(
    stream_id: UUID,
    version: int,
    facts: Iterable[tuple[AccessFact, Meta]],
    command_id: UUID,
    *,
    now: datetime,
    fingerprint: UUID | None = None,
) -> AppendRequest:
    """Facts on their way into a stream that is at `version`."""
    return AppendRequest(
        stream_id=stream_id,
        expected_version=version,
        command_id=command_id,
        fingerprint=fingerprint,
        events=tuple(
            NewEvent(
                type=fact.type,
                schema_version=fact.schema_version,
                event_id=derived_id(str(command_id), nth),
                occurred_at=now,
                data=fact,
                meta=meta,
            )
            for nth, (fact, meta) in enumerate(facts)
        ),
    )


async def read(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    who: str | None = None,
    what: str | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
    log_id: int,
) -> Trail:
    """At most `limit` entries, those after `cursor`. InvalidInput for a cursor that is not ours."""
    rows = await connection.fetch(
        _PAGE,
        log_id,
        stream_of(log_id),
        _NEWEST if cursor is None else _version(cursor),
        who,
        what,
        since,
        limit + 1,
    )
    items = tuple(_entry(row) for row in rows[:limit])
    return Trail(items=items, next_cursor=str(rows[limit - 1]["version"]) if len(rows) > limit else None)


async def told(connection: asyncpg.Connection, command_id: UUID, *, log_id: int) -> AdminActed:
    """The act that the command was recorded as."""
    fact: AdminActed = _CODEC.decode(
        await connection.fetchrow(_ANSWER, log_id, stream_of(log_id), command_id)
    ).fact
    return fact


def _version(cursor: str) -> int:
    if not _CURSOR.fullmatch(cursor) or int(cursor) > _NEWEST:
        raise InvalidInput("This is not a cursor of ours.", pointer="/cursor")
    return int(cursor)


def _entry(row: asyncpg.Record) -> Entry:
    recorded = _CODEC.decode(row)
    fact: AccessDenied | AdminActed = recorded.fact
    fields = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return Entry(
        position=recorded.position,
        event_id=recorded.event_id,
        what=fact.type,
        recorded_at=recorded.recorded_at,
        **fields,
    )
