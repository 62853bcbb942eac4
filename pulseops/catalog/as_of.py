"""Teams and services as they were at a position of the log."""

from collections.abc import Callable
from typing import TypeVar

import asyncpg

from pulseops.catalog import service, team
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Entry, Kind, evolve, stream_of
from pulseops.catalog.events import FACTS
from pulseops.catalog.paging import Page, Wanted, WantedServices, cursor_after
from pulseops.catalog.service import Service
from pulseops.catalog.team import Team
from pulseops.eventstore.affordable import affordable
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.differences import Facts, up_to
from pulseops.kernel.errors import NotFound

T = TypeVar("T", Team, Service)

AT_A_TIME = 200
"""Entries that are folded together, at most."""

CODEC = Codec(FACTS)
_NAMES = {
    "team": "SELECT name FROM catalog.team WHERE log_id = $1",
    "service": "SELECT name FROM catalog.service WHERE log_id = $1",
}


async def teams_as_of(
    connection: asyncpg.Connection, wanted: Wanted, position: int, defaults: Defaults, *, log_id: int
) -> Page[Team]:
    """By name; the read model must have come to `position`, and `defaults` are the rules' of then.

    Raises InvalidInput for a cursor that is not ours.
    """

    def told(name: str, facts: Facts) -> Team | None:
        one = team_of(name, facts, defaults)
        return one if one is not None and _speaks(one, wanted.text) else None

    return await _listed(connection, "team", wanted, position, told, names=[*defaults.teams], log_id=log_id)


async def services_as_of(
    connection: asyncpg.Connection, wanted: WantedServices, position: int, defaults: Defaults, *, log_id: int
) -> Page[Service]:
    """As `teams_as_of`."""

    def told(name: str, facts: Facts) -> Service | None:
        one = service_of(name, facts, defaults)
        if one is None or wanted.team not in {None, one.team} or wanted.tier not in {None, one.tier}:
            return None
        return one if _speaks(one, wanted.text) else None

    return await _listed(
        connection, "service", wanted, position, told, names=[*defaults.services], log_id=log_id
    )


async def entry_as_of(
    connection: asyncpg.Connection, kind: Kind, name: str, position: int, defaults: Defaults, *, log_id: int
) -> Team | Service:
    """Raises NotFound."""
    stream_id = stream_of(kind, name, log_id=log_id)
    facts = (await up_to(connection, CODEC, [stream_id], position, log_id=log_id)).get(stream_id, [])
    found = (team_of if kind == "team" else service_of)(name, facts, defaults)
    if found is None:
        raise NotFound(f"There was no {kind} of this name then.")
    return found


def team_of(name: str, facts: Facts, defaults: Defaults) -> Team | None:
    entry = entry_after(facts)
    return team.default(name, defaults) if entry is None else team.told(entry)


def service_of(name: str, facts: Facts, defaults: Defaults) -> Service | None:
    entry = entry_after(facts)
    return service.default(name, defaults) if entry is None else service.told(entry)


def entry_after(facts: Facts) -> Entry | None:
    """None for what was never defined, or is retired."""
    entry: Entry | None = None
    for fact in facts:
        entry = evolve(entry, fact)
    return None if entry is None or entry.retired else entry


async def _listed(
    connection: asyncpg.Connection,
    kind: Kind,
    wanted: Wanted,
    position: int,
    told: Callable[[str, Facts], T | None],
    *,
    names: list[str],
    log_id: int,
) -> Page[T]:
    """`names` are those of the rules."""
    after = wanted.after(kind, log_id)
    rows = await connection.fetch(_NAMES[kind], log_id)
    # In the order that the database has them in: by code points.
    every = sorted({row["name"] for row in rows}.union(names))
    left = every if after is None else [name for name in every if name > after]
    found = list[T]()
    while left:
        streams = [stream_of(kind, name, log_id=log_id) for name in left[:AT_A_TIME]]
        count, _ = await affordable(connection, streams, log_id=log_id)
        facts = await up_to(connection, CODEC, streams[:count], position, log_id=log_id)
        each = [told(name, facts.get(one, ())) for name, one in zip(left, streams[:count], strict=False)]
        left = left[count:]
        found += [one for one in each if one is not None]
        if len(found) > wanted.limit:
            cursor = cursor_after(found[wanted.limit - 1].name, kind, log_id)
            return Page(items=tuple(found[: wanted.limit]), next_cursor=cursor)
    return Page(items=tuple(found), next_cursor=None)


def _speaks(one: Team | Service, text: str | None) -> bool:
    said = f"{one.name}\n{one.display_name}\n{one.description}".lower()
    return text is None or text.lower() in said
