"""Lists of incidents as they were at a position of the log."""

from collections.abc import Sequence
from struct import Struct as Layout
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.eventstore.affordable import MOST as MOST_FOLDED
from pulseops.eventstore.affordable import affordable
from pulseops.incidents.filters import NOTHING, Filters, asked, identity
from pulseops.incidents.incident import Incident
from pulseops.incidents.listing import MOST, Page, Sort, incident_of
from pulseops.kernel import cursors
from pulseops.kernel.errors import InvalidInput

_AT_A_TIME = 500

_CANDIDATES = """
    SELECT id, place, moved
    FROM incidents.candidates_as_of_v1(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
    )
"""
_MATCHING = """
    SELECT * FROM incidents.matching_as_of_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_AS_OF = "SELECT * FROM incidents.as_of_v1($1, $2, $3)"
_PLACE = Layout(">qq")
_END = 2**63 - 1
_OF_EACH = 10
"""Filters that are about each incident as it was: the others are about when it was created, and who asks."""


class Start(Struct, frozen=True):
    """Where a page begins: in the list as of `position`, after the incident created at `after`."""

    position: int
    after: int | None = None


def list_of(filters: Filters, sort: Sort, *, teams: frozenset[str] | None, log_id: int, as_of: str) -> bytes:
    """What makes a list this one, for its cursors. `as_of` is the moment as it was asked for."""
    return identity(filters, teams, log_id, sort, "as of", as_of)


def start_in(cursor: str, of: bytes) -> Start:
    """Later pages are as of the position that the first one was. InvalidInput for another list's cursor."""
    place = cursors.read(cursor, of)
    if place is None or len(place) != _PLACE.size:
        raise InvalidInput(
            "This is not a cursor of this list: it is `nextCursor` of a page with the same moment, filters "
            "and sort.",
            pointer="/cursor",
        )
    return Start(*_PLACE.unpack(place))


async def list_as_of(
    connection: asyncpg.Connection | asyncpg.Pool,
    start: Start,
    filters: Filters = NOTHING,
    limit: int = 50,
    *,
    of: bytes = b"",
    sort: Sort = "-created",
    teams: frozenset[str] | None = None,
    log_id: int,
    most_folded: int = MOST_FOLDED,
) -> Page:
    """As `list_incidents`, of what was at a position, to which the board must have come.

    Of `teams` are those that now are. A page folds some `most_folded` events of what has changed since: it
    may be short, even empty, and `next_cursor` lead on all the same. InvalidInput for a sort that is not by
    creation, and as `list_incidents`.
    """
    if sort not in {"-created", "created"}:
        raise InvalidInput("As of a moment a list is sorted by -created or created.", pointer="/sort")
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} incidents.", pointer="/limit")
    newest_first, position = sort == "-created", start.position
    after = start.after if start.after is not None else _END if newest_first else 0
    words = asked(filters, teams)
    found, left, most = list[tuple[int, Incident]](), most_folded, limit + 1
    while True:
        candidates = await connection.fetch(_CANDIDATES, log_id, position, *words, newest_first, after, most)
        # What has not changed since is there as it was.
        folded = [one["id"] if one["moved"] else None for one in candidates]
        count, events = await affordable(connection, folded, most=left, log_id=log_id)
        looked_at, left = candidates[:count], left - events
        ids = [one["id"] for one in looked_at]
        rows = await connection.fetch(_MATCHING, log_id, position, ids, *words[:_OF_EACH])
        seen = {row["id"]: incident_of(row) for row in rows}
        found += [(one["place"], seen[one["id"]]) for one in looked_at if one["id"] in seen]
        if len(found) > limit:
            return _page(found[:limit], _written(position, found[limit - 1][0], of))
        if count == len(candidates) < most:
            return _page(found, None)
        after = looked_at[-1]["place"]
        if count < len(candidates) or left <= 0:
            return _page(found, _written(position, after, of))
        most = _AT_A_TIME


async def incidents_as_of(
    connection: asyncpg.Connection | asyncpg.Pool, position: int, incidents: Sequence[UUID], *, log_id: int
) -> dict[UUID, Incident]:
    """As they were at `position`, to which the board must have come; without those that were not there."""
    rows = await connection.fetch(_AS_OF, log_id, position, incidents)
    return {row["id"]: incident_of(row) for row in rows}


def _page(found: Sequence[tuple[int, Incident]], cursor: str | None) -> Page:
    return Page(items=tuple(incident for _, incident in found), next_cursor=cursor)


def _written(position: int, place: int, of: bytes) -> str:
    return cursors.written(_PLACE.pack(position, place), of)
