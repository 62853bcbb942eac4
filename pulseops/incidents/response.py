"""How each incident was responded to, one row each: what durations and rates are made of, for SQL users.

Every row is made from the incident's own facts alone (`sql/responses_v1.sql`), so that it can be made again.
"""

from collections.abc import Iterator

import asyncpg

from pulseops.incidents.course import response
from pulseops.incidents.events import FACTS
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_PROJECT = "SELECT incidents.project_response_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_response_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


RESPONSES = Projector("response", _project)

MODEL = ReadModel(RESPONSES, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    yield response(life.facts)


REFOLD = Refold(
    name=RESPONSES.name, relation="incidents.response", stream="incident_id", facts=FACTS, rows=_refolded
)
