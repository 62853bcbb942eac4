"""Which incidents are another between two positions of the log, a page at a time."""

from struct import Struct as Layout

import asyncpg

from pulseops.eventstore.affordable import MOST as MOST_FOLDED
from pulseops.eventstore.affordable import affordable
from pulseops.eventstore.moments import Span, point_of
from pulseops.incidents.as_of import incidents_as_of
from pulseops.incidents.differences import Counts, ListDiff, difference
from pulseops.kernel import cursors
from pulseops.kernel.errors import InvalidInput

MOST = 200
"""Incidents on one page."""
MOST_LOOKED_AT = 20_000
"""Events that one page goes through. Then it ends, though it may be short."""
MOST_COUNTED = 200_000
"""Events that are counted: exactly, or not at all."""

_TOUCHED = "SELECT id, place FROM incidents.touched_v1($1, $2, $3, $4, $5, $6)"
_COUNTED = "SELECT type, events, incidents FROM incidents.counted_between_v1($1, $2, $3, $4)"
_PLACE = Layout(">qqq")


async def list_between(
    connection: asyncpg.Connection | asyncpg.Pool,
    span: Span,
    *,
    after: int | None = None,
    limit: int = 50,
    of: bytes = b"",
    teams: frozenset[str] | None = None,
    log_id: int,
    most_looked_at: int = MOST_LOOKED_AT,
    most_folded: int = MOST_FOLDED,
) -> ListDiff:
    """Those after the place `after`; None is the first page. The board must have come to the later one.

    A page is short where the incidents have more than `most_folded` events together, or where they are far
    between. Of `teams` are those that now are (None: all).
    """
    first, last = span.since.position, span.until.position
    seen = None if teams is None else sorted(teams)
    since = first if after is None else after
    end = min(last, since + most_looked_at)
    rows = await connection.fetch(_TOUCHED, log_id, first, end, since, seen, limit + 1)
    touched = [row["id"] for row in rows[:limit]]
    count, _ = await affordable(connection, touched, most=most_folded, log_id=log_id)
    ids, more = touched[:count], len(rows) > count
    before = await incidents_as_of(connection, first, ids, log_id=log_id)
    then = await incidents_as_of(connection, last, ids, log_id=log_id)
    place = rows[count - 1]["place"] if more else end
    return ListDiff(
        since=span.since,
        until=span.until,
        counts=await _counted(connection, span, seen, log_id) if after is None else None,
        items=tuple(difference(before.get(one), then[one]) for one in ids if one in then),
        next_cursor=cursors.written(_PLACE.pack(first, last, place), of) if more or end < last else None,
    )


async def place_in(
    connection: asyncpg.Connection | asyncpg.Pool, cursor: str, of: bytes, *, log_id: int
) -> tuple[Span, int]:
    """Later pages are of the positions that the first one was of. InvalidInput for another list's cursor."""
    place = cursors.read(cursor, of)
    if place is None or len(place) != _PLACE.size:
        raise InvalidInput(
            "This is not a cursor of this list: it is `nextCursor` of a page of the same moments.",
            pointer="/cursor",
        )
    first, last, after = _PLACE.unpack(place)
    since = await point_of(connection, first, log_id=log_id)
    return Span(since=since, until=await point_of(connection, last, log_id=log_id)), after


async def _counted(
    connection: asyncpg.Connection | asyncpg.Pool, span: Span, teams: list[str] | None, log_id: int
) -> Counts | None:
    first, last = span.since.position, span.until.position
    if last - first > MOST_COUNTED:
        return None
    rows = await connection.fetch(_COUNTED, log_id, first, last, teams)
    events = {row["type"]: row["events"] for row in rows if row["type"] is not None}
    return Counts(
        incidents=next((row["incidents"] for row in rows if row["type"] is None), 0),
        events=dict(sorted(events.items())),
    )
