"""Every service as it now stands, one row each: what GET /services reads, and analysts with SQL."""

from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from typing import Literal

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Entry, evolve, row_of
from pulseops.catalog.events import Link, ServiceDefined, ServiceRetired
from pulseops.catalog.paging import Page, WantedServices, page
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_PROJECT = "SELECT catalog.project_service_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT catalog.fill_service_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


SERVICES = Projector("service", _project)

MODEL = ReadModel(SERVICES, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    beginning: Entry | None = None
    if (entry := reduce(evolve, life.facts, beginning)) is not None:
        yield {"id": life.facts[0].stream_id, **row_of(entry, "runbooks", "dashboards", "links", "labels")}


REFOLD = Refold(
    name=SERVICES.name,
    relation="catalog.service",
    stream="id",
    facts=(ServiceDefined, ServiceRetired),
    rows=_refolded,
)


class Service(Struct, frozen=True, kw_only=True, rename="camel"):
    """A service. One of the rules file alone (`source`) has no history: `version` and `position` are 0."""

    name: str
    team: str
    display_name: str
    description: str
    tier: int | None
    repository: str | None
    runbooks: tuple[Link, ...]
    dashboards: tuple[Link, ...]
    links: tuple[Link, ...]
    labels: dict[str, str]
    environments: tuple[str, ...]
    source: Literal["defined", "rules"]
    updated_at: datetime | None
    updated_by: str | None
    version: int
    position: int


def told(entry: Entry) -> Service:
    value = entry.value
    if not isinstance(value, ServiceDefined):
        raise TypeError(f"{value.name} is no service")
    return Service(
        **{name: getattr(value, name) for name in value.__struct_fields__ if name != "note"},
        source="defined",
        updated_at=entry.updated_at,
        updated_by=entry.updated_by,
        version=entry.version,
        position=entry.position,
    )


def default(name: str, defaults: Defaults) -> Service | None:
    """As the rules file has it, if it does."""
    if name not in defaults.services:
        return None
    return Service(
        name=name,
        team=defaults.services[name],
        display_name="",
        description="",
        tier=None,
        repository=None,
        runbooks=(),
        dashboards=(),
        links=(),
        labels={},
        environments=(),
        source="rules",
        updated_at=None,
        updated_by=None,
        version=0,
        position=0,
    )


_PAGE = """
SELECT e.* FROM (
  SELECT s.name, s.team, s.display_name, s.description, s.tier, s.repository, s.runbooks, s.dashboards,
    s.links, s.labels, s.environments, 'defined' AS source, s.updated_at, s.updated_by, s.version, s.position
  FROM catalog.service s WHERE s.log_id = $1 AND s.retired_at IS NULL
  UNION ALL
  SELECT d.name, d.team, '', '', NULL, NULL, '[]', '[]', '[]', '{}', '{}', 'rules', NULL, NULL, 0, 0
  FROM unnest($2::text[], $3::text[]) AS d (name, team)
  WHERE NOT EXISTS (
    SELECT FROM catalog.service s WHERE s.log_id = $1 AND s.name = d.name AND s.retired_at IS NULL
  )
) e
WHERE ($4::text IS NULL OR e.name COLLATE "C" > $4)
  AND ($5::text IS NULL OR position(
    lower($5) IN lower(concat_ws(chr(10), e.name, e.display_name, e.description))
  ) > 0)
  AND ($6::text IS NULL OR e.team = $6)
  AND ($7::int IS NULL OR e.tier = $7)
ORDER BY e.name COLLATE "C"
LIMIT $8
"""
_OWNED = """
SELECT s.name FROM catalog.service s WHERE s.log_id = $1 AND s.team = $2 AND s.retired_at IS NULL
ORDER BY s.name COLLATE "C" LIMIT $3
"""
_links = msgspec.json.Decoder(tuple[Link, ...]).decode
_labels = msgspec.json.Decoder(dict[str, str]).decode


async def list_services(
    connection: asyncpg.Connection, wanted: WantedServices, defaults: Defaults, *, log_id: int
) -> Page[Service]:
    """By name. Raises InvalidInput for a cursor that is not ours."""
    rows = await connection.fetch(
        _PAGE,
        log_id,
        list(defaults.services),
        list(defaults.services.values()),
        wanted.after("service", log_id),
        wanted.text,
        wanted.team,
        wanted.tier,
        wanted.limit + 1,
    )
    return page(rows, _service, wanted, "service", log_id)


async def owned_by(connection: asyncpg.Connection, team: str, *, most: int, log_id: int) -> list[str]:
    """Names of the first `most` services that were defined as the team's."""
    return [row["name"] for row in await connection.fetch(_OWNED, log_id, team, most)]


def _service(row: asyncpg.Record) -> Service:
    read = {name: _links(row[name]) for name in ("runbooks", "dashboards", "links")}
    more = {"labels": _labels(row["labels"]), "environments": tuple(row["environments"])}
    return Service(**{**row, **read, **more})
