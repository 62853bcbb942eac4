"""Counts of incidents by status, priority, category, team and so on, under the filters of lists."""

from typing import ClassVar

import asyncpg
from msgspec import Struct

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
    counts: dict[str, list[Count]] = {name: [] for name in Facets.__struct_fields__}
    for row in await connection.fetch(_FACETS, log_id, *asked(filters, teams), most):
        counts[row["facet"]].append(Count(value=row["value"], count=row["incidents"]))
    if any(sum(one.count for one in values) > most for values in counts.values()):
        raise TooBroad(f"More than {most:,} incidents match. Narrow it down, by `since` for example.")
    (total,) = counts.pop("total")
    return Facets(total=total.count, **{name: _facet(values) for name, values in counts.items()})


def _facet(values: list[Count]) -> Facet:
    ordered = sorted(values, key=lambda one: (-one.count, one.value is None, one.value or ""))
    return Facet(values=tuple(ordered[:SHOWN]), others=sum(one.count for one in ordered[SHOWN:]))
