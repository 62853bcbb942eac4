"""Counts of incidents by status, priority, category, team and so on, under the filters of lists."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import asyncpg
from msgspec import Struct

from pulseops.eventstore.affordable import MOST as MOST_FOLDED
from pulseops.incidents.filters import NOTHING, Filters, asked
from pulseops.kernel.errors import PulseOpsError

MOST = 500_000
"""Incidents that are counted: exactly, or not at all."""
SHOWN = 100
"""Values of one facet, the most frequent ones."""

_FACETS = """
    SELECT facet, value, incidents
    FROM incidents.facets_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""


_AS_OF = """
    SELECT facet, value, incidents FROM incidents.facets_as_of_v1(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
    )
"""
_TOO_MANY = "More than {:,} incidents match. Narrow it down, by `since` for example."


class TooBroad(PulseOpsError):
    """More incidents match than are counted. Narrow the question down, by `since` or `status` for example."""

    code: ClassVar[str] = "too-broad"


class Count(Struct, frozen=True, kw_only=True):
    """`value` is null for incidents that have none."""

    value: str | None
    count: int


class Facet(Struct, frozen=True, kw_only=True):
    """The most frequent values first. `others` have further values: so many incidents."""

    values: tuple[Count, ...]
    others: int


class Facets(Struct, frozen=True, kw_only=True):
    """`total` is what all filters let through; each facet counts under all filters but its own."""

    total: int
    status: Facet
    priority: Facet
    category: Facet
    team: Facet
    service: Facet
    responder: Facet


async def count_incidents(
    connection: asyncpg.Connection | asyncpg.Pool,
    filters: Filters = NOTHING,
    *,
    teams: frozenset[str] | None = None,
    log_id: int,
    most: int = MOST,
) -> Facets:
    """Of `teams` alone (None: of all). Raises TooBroad for more than `most`, InvalidInput."""
    counts = _counted(await connection.fetch(_FACETS, log_id, *asked(filters, teams), most))
    if any(sum(one.count for one in values) > most for values in counts.values()):
        raise TooBroad(_TOO_MANY.format(most))
    return _facets(counts)


async def count_as_of(
    connection: asyncpg.Connection | asyncpg.Pool,
    position: int,
    filters: Filters = NOTHING,
    *,
    teams: frozenset[str] | None = None,
    log_id: int,
    most: int = MOST,
    most_folded: int = MOST_FOLDED,
) -> Facets:
    """As they were at `position`, to which the board must have come. Of `teams` are those that now are.

    Raises TooBroad as well when more than `most_folded` events had to be folded: what has changed since.
    """
    words = asked(filters, teams)
    counts = _counted(await connection.fetch(_AS_OF, log_id, position, *words, most, most_folded))
    if "folded" in counts:
        raise TooBroad(
            f"What has changed since then has more than {most_folded:,} events. Narrow it down, by `since` "
            "for example, or ask for a later moment."
        )
    if counts.pop("looked at")[0].count > most:
        raise TooBroad(_TOO_MANY.format(most))
    return _facets(counts)


def _counted(rows: Sequence[asyncpg.Record]) -> dict[str, list[Count]]:
    counts: dict[str, list[Count]] = {}
    for row in rows:
        counts.setdefault(row["facet"], []).append(Count(value=row["value"], count=row["incidents"]))
    return counts


def _facets(counts: Mapping[str, list[Count]]) -> Facets:
    names = [name for name in Facets.__struct_fields__ if name != "total"]
    return Facets(total=counts["total"][0].count, **{name: _facet(counts.get(name, [])) for name in names})


def _facet(values: list[Count]) -> Facet:
    ordered = sorted(values, key=lambda one: (-one.count, one.value is None, one.value or ""))
    return Facet(values=tuple(ordered[:SHOWN]), others=sum(one.count for one in ordered[SHOWN:]))
