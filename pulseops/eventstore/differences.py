"""Things with a name, such as keys and teams, as they were at a position, and what changed between two."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from struct import Struct as Layout
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from pulseops.eventstore.affordable import affordable
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.moments import Point, Span, point_of
from pulseops.kernel import cursors
from pulseops.kernel.differences import Change, changes
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import InvalidInput

Facts = Sequence[Recorded[Any]]
Told = Callable[[Facts], Mapping[str, Any] | None]
"""A thing after its facts, as it is shown; None when it is gone."""

AT_A_TIME = 200
"""Things that one page looks at."""
_MOST_EVENTS = 100
_PLACE = Layout(">qq")
_BESIDES = ("version", "position", "updatedAt", "updatedBy", "seenAt")

# Each stream by its own key, and its positions leave only its partitions to look into. OFFSET 0 keeps the
# planner from making joins of this.
_UP_TO = """
SELECT e.* FROM unnest($2::uuid[]) AS asked(stream_id)
CROSS JOIN LATERAL (
  SELECT s.first_position, s.last_position FROM eventstore.stream s
  WHERE s.log_id = $1 AND s.stream_id = asked.stream_id AND s.last_position > $4 OFFSET 0
) AS stands
CROSS JOIN LATERAL (
  SELECT e.log_id, e.position, e.stream_id, e.version, e.type, e.schema_version, e.event_id, e.command_id,
    e.occurred_at, e.recorded_at, e.data, e.meta
  FROM eventstore.event e
  WHERE e.log_id = $1 AND e.stream_id = asked.stream_id
    AND e.position BETWEEN stands.first_position AND least(stands.last_position, $3) OFFSET 0
) AS e
ORDER BY e.version
"""


class Named(Struct, frozen=True, kw_only=True):
    """A thing, and the stream of its facts."""

    kind: str
    name: str
    stream_id: UUID


class Act(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event: what was done to the thing, by whom, and with which words."""

    event: str
    position: int
    recorded_at: datetime
    actor: str
    note: str


class EntryDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """A thing that anything happened to. One that came and went in between, or back, is `unchanged`.

    `events` are the newest 100; `omitted` is how many there were before these.
    """

    kind: str
    name: str
    what: Literal["added", "removed", "changed", "unchanged"]
    changes: tuple[Change, ...]
    events: tuple[Act, ...]
    omitted: int


class Entries(Struct, frozen=True, kw_only=True, rename="camel"):
    """By kind and name. A page may be short, even empty, and lead on."""

    since: Point = field(name="from")
    until: Point = field(name="to")
    items: tuple[EntryDiff, ...]
    next_cursor: str | None


async def up_to(
    connection: asyncpg.Connection | asyncpg.Pool,
    codec: Codec,
    streams: Sequence[UUID],
    position: int,
    *,
    moved_since: int = 0,
    log_id: int,
) -> dict[UUID, list[Recorded[Any]]]:
    """The facts of each stream up to `position`, of those that have any after `moved_since`."""
    found: dict[UUID, list[Recorded[Any]]] = {}
    for row in await connection.fetch(_UP_TO, log_id, streams, position, moved_since):
        found.setdefault(row["stream_id"], []).append(codec.decode(row))
    return found


async def entries_between(
    connection: asyncpg.Connection | asyncpg.Pool,
    codec: Codec,
    span: Span,
    named: Sequence[Named],
    told: Told,
    *,
    of: bytes = b"",
    most: int = AT_A_TIME,
    log_id: int,
) -> Entries:
    """Of the first of these, at most `most`, those to which anything happened. More in `named` say: go on."""
    first, last = span.since.position, span.until.position
    streams = [one.stream_id for one in named[:most]]
    count, _ = await affordable(connection, streams, log_id=log_id)
    page, more = named[:count], len(named) > count
    found = await up_to(connection, codec, streams[:count], last, moved_since=first, log_id=log_id)
    items = tuple(
        _entry(one, facts, first, told)
        for one in page
        if (facts := found.get(one.stream_id)) and facts[-1].position > first
    )
    place = f"{page[-1].kind}:{page[-1].name}".encode() if more else b""
    cursor = cursors.written(_PLACE.pack(first, last) + place, of) if more else None
    return Entries(since=span.since, until=span.until, items=items, next_cursor=cursor)


async def place_in(
    connection: asyncpg.Connection | asyncpg.Pool, cursor: str, of: bytes, *, log_id: int
) -> tuple[Span, tuple[str, str]]:
    """The moments of the first page, and after which kind and name this one begins. Raises InvalidInput."""
    place = cursors.read(cursor, of)
    kind, colon, name = (place or b"")[_PLACE.size :].decode(errors="replace").partition(":")
    if place is None or not colon or "\0" in name:
        raise InvalidInput(
            "This is not a cursor of this list: it is `nextCursor` of a page of the same moments.",
            pointer="/cursor",
        )
    first, last = _PLACE.unpack_from(place)
    since = await point_of(connection, first, log_id=log_id)
    return Span(since=since, until=await point_of(connection, last, log_id=log_id)), (kind, name)


def _entry(one: Named, facts: Facts, first: int, told: Told) -> EntryDiff:
    earlier = [fact for fact in facts if fact.position <= first]
    before, after, later = told(earlier) if earlier else None, told(facts), facts[len(earlier) :]
    differ = () if after is None else changes(before, after, besides=_BESIDES)
    return EntryDiff(
        kind=one.kind,
        name=one.name,
        what=_what(before, after, differ),
        changes=differ,
        events=tuple(_act(fact) for fact in later[-_MOST_EVENTS:]),
        omitted=max(0, len(later) - _MOST_EVENTS),
    )


def _what(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, differ: Sequence[Change]
) -> Literal["added", "removed", "changed", "unchanged"]:
    if before is None:
        return "unchanged" if after is None else "added"
    if after is None:
        return "removed"
    return "changed" if differ else "unchanged"


def _act(recorded: Recorded[Any]) -> Act:
    return Act(
        event=recorded.fact.type,
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        actor=recorded.meta.actor,
        note=getattr(recorded.fact, "note", ""),
    )
