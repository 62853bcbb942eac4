"""Every team as it now stands, one row each: what GET /teams reads, and analysts with SQL."""

from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from typing import Literal

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Entry, evolve, row_of
from pulseops.catalog.events import Link, Member, TeamDefined, TeamRetired
from pulseops.catalog.paging import Page, Wanted, page
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_PROJECT = "SELECT catalog.project_team_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT catalog.fill_team_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


TEAMS = Projector("team", _project)

MODEL = ReadModel(TEAMS, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    beginning: Entry | None = None
    if (entry := reduce(evolve, life.facts, beginning)) is not None:
        yield {"id": life.facts[0].stream_id, **row_of(entry, "members", "runbooks", "links")}


REFOLD = Refold(
    name=TEAMS.name,
    relation="catalog.team",
    stream="id",
    facts=(TeamDefined, TeamRetired),
    rows=_refolded,
)


class Team(Struct, frozen=True, kw_only=True, rename="camel"):
    """A team. One of the rules file alone (`source`) has no history: `version` and `position` are 0."""

    name: str
    display_name: str
    description: str
    lead: str | None
    email: str | None
    chat: str | None
    members: tuple[Member, ...]
    runbooks: tuple[Link, ...]
    links: tuple[Link, ...]
    source: Literal["defined", "rules"]
    updated_at: datetime | None
    updated_by: str | None
    version: int
    position: int


def told(entry: Entry) -> Team:
    value = entry.value
    if not isinstance(value, TeamDefined):
        raise TypeError(f"{value.name} is no team")
    return Team(
        **{name: getattr(value, name) for name in value.__struct_fields__ if name != "note"},
        source="defined",
        updated_at=entry.updated_at,
        updated_by=entry.updated_by,
        version=entry.version,
        position=entry.position,
    )


def default(name: str, defaults: Defaults) -> Team | None:
    """As the rules file has it, if it does."""
    if name not in defaults.teams:
        return None
    return Team(
        name=name,
        display_name="",
        description=defaults.teams[name],
        lead=None,
        email=None,
        chat=None,
        members=(),
        runbooks=(),
        links=(),
        source="rules",
        updated_at=None,
        updated_by=None,
        version=0,
        position=0,
    )


_PAGE = """
SELECT e.* FROM (
  SELECT t.name, t.display_name, t.description, t.lead, t.email, t.chat, t.members, t.runbooks, t.links,
    'defined' AS source, t.updated_at, t.updated_by, t.version, t.position
  FROM catalog.team t WHERE t.log_id = $1 AND t.retired_at IS NULL
  UNION ALL
  SELECT d.name, '', d.description, NULL, NULL, NULL, '[]', '[]', '[]', 'rules', NULL, NULL, 0, 0
  FROM unnest($2::text[], $3::text[]) AS d (name, description)
  WHERE NOT EXISTS (
    SELECT FROM catalog.team t WHERE t.log_id = $1 AND t.name = d.name AND t.retired_at IS NULL
  )
) e
WHERE ($4::text IS NULL OR e.name COLLATE "C" > $4)
  AND ($5::text IS NULL OR position(
    lower($5) IN lower(concat_ws(chr(10), e.name, e.display_name, e.description))
  ) > 0)
ORDER BY e.name COLLATE "C"
LIMIT $6
"""
_NAMES = """
SELECT array_agg(t.name) FROM catalog.team t WHERE t.log_id = $1 AND t.retired_at IS NULL
"""
_members = msgspec.json.Decoder(tuple[Member, ...]).decode
_links = msgspec.json.Decoder(tuple[Link, ...]).decode


async def list_teams(
    connection: asyncpg.Connection, wanted: Wanted, defaults: Defaults, *, log_id: int
) -> Page[Team]:
    """By name. Raises InvalidInput for a cursor that is not ours."""
    rows = await connection.fetch(
        _PAGE,
        log_id,
        list(defaults.teams),
        list(defaults.teams.values()),
        wanted.after("team", log_id),
        wanted.text,
        wanted.limit + 1,
    )
    return page(rows, _team, wanted, "team", log_id)


async def names_of_teams(connection: asyncpg.Connection, *, log_id: int) -> list[str]:
    """Of those that are defined, for who has mistaken one."""
    return await connection.fetchval(_NAMES, log_id) or []


def _team(row: asyncpg.Record) -> Team:
    read = {name: _links(row[name]) for name in ("runbooks", "links")} | {"members": _members(row["members"])}
    return Team(**{**row, **read})
