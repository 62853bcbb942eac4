"""Lists of incidents: found through filters, in one of several orders, a page at a time."""

from struct import Struct as Layout
from typing import Any, Literal

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.incidents.filters import NOTHING, Filters, asked, identity
from pulseops.incidents.incident import Incident, Tie
from pulseops.kernel import cursors
from pulseops.kernel.errors import InvalidInput

MOST = 200
"""Incidents on one page."""

Sort = Literal["-created", "created", "-updated", "updated", "-priority", "priority"]


class Page(Struct, frozen=True, kw_only=True, rename="camel"):
    """In the order that was asked for. `nextCursor` leads to what follows; it is null on the last page."""

    items: tuple[Incident, ...]
    next_cursor: str | None


# Each is looked up by its key (OFFSET 0 keeps it so): a join planned on empty tables would read them all.
_PAGE = """
    SELECT i.*
    FROM incidents.found_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        WITH ORDINALITY AS f (id, nth)
    CROSS JOIN LATERAL (
        SELECT * FROM incidents.incident AS i WHERE i.log_id = $1 AND i.id = f.id OFFSET 0
    ) AS i
    ORDER BY f.nth
"""
_RANKS = {None: 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
_PLACE = Layout(">bq")
_END = 2**63 - 1
_MADE = {"labels", "links", "merged", "impacted_services"}
_FIELDS = tuple(name for name in Incident.__struct_fields__ if name not in _MADE)
_labels = msgspec.json.Decoder(dict[str, str]).decode
_links = msgspec.json.Decoder(tuple[Tie, ...]).decode


async def list_incidents(
    connection: asyncpg.Connection | asyncpg.Pool,
    filters: Filters = NOTHING,
    cursor: str | None = None,
    limit: int = 50,
    *,
    sort: Sort = "-created",
    teams: frozenset[str] | None = None,
    log_id: int,
) -> Page:
    """At most `limit` incidents, those after `cursor`, of `teams` alone (None: of all).

    `created`: whatever happens meanwhile, no incident comes twice, and none is missed that all shards of the
    board had come to at the first page. `-updated`: none comes twice, and what changes meanwhile is at the
    top of the next first page. `updated`: none is missed, and what changes meanwhile comes again, at the
    end. `priority`: as `created`, but for what changes it.
    InvalidInput for a limit, a filter or a cursor that cannot be.
    """
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} incidents.", pointer="/limit")
    of = identity(filters, teams, log_id, sort)
    # The first page begins beyond all places.
    rank, place = (5, _END) if sort.startswith("-") else (-1, 0)
    if cursor is not None:
        rank, place = _read(cursor, of)
    rows = await connection.fetch(_PAGE, log_id, *asked(filters, teams), sort, rank, place, limit + 1)
    more = len(rows) > limit
    return Page(
        items=tuple(incident_of(row) for row in rows[:limit]),
        next_cursor=_written(rows[limit - 1], sort, of) if more else None,
    )


def incident_of(row: Any) -> Incident:
    """From a row of the board."""
    return Incident(
        labels=_labels(row["labels"]),
        links=_links(row["links"]),
        merged=tuple(row["merged"]),
        impacted_services=tuple(row["impacted_services"]),
        **{name: row[name] for name in _FIELDS},
    )


def _written(last: Any, sort: Sort, of: bytes) -> str:
    rank = _RANKS[last["priority"]] if sort.endswith("priority") else 0
    place = last["position"] if sort.endswith("updated") else last["created_position"]
    return cursors.written(_PLACE.pack(rank, place), of)


def _read(cursor: str, of: bytes) -> tuple[int, int]:
    place = cursors.read(cursor, of)
    if place is None or len(place) != _PLACE.size:
        raise InvalidInput(
            "This is not a cursor of this list: it is `nextCursor` of a page with the same filters and sort.",
            pointer="/cursor",
        )
    rank, position = _PLACE.unpack(place)
    return rank, position
