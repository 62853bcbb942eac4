"""Every incident as it now stands, one row each: what lists read, and analysts with SQL."""

from collections.abc import Iterator
from functools import reduce

import asyncpg
import msgspec

from pulseops.incidents.events import FACTS
from pulseops.incidents.incident import Incident, evolve
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_PROJECT = "SELECT incidents.project_incident_v3($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_incident_v2($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


BOARD = Projector("incident", _project)

MODEL = ReadModel(BOARD, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    beginning: Incident | None = None
    if (incident := reduce(evolve, life.facts, beginning)) is None:
        return
    row = msgspec.structs.asdict(incident)
    row |= {name: msgspec.Raw(msgspec.json.encode(row[name])) for name in ("labels", "links")}
    yield row | {"created_position": life.facts[0].position}


REFOLD = Refold(name=BOARD.name, relation="incidents.incident", stream="id", facts=FACTS, rows=_refolded)
