"""What incidents were for a while, and from when to when: live, assigned, acknowledged, snoozed, escalated.

A stint begins with a fact and ends with a later one. Once it has ended it never changes.
"""

from collections.abc import Iterator

import asyncpg

from pulseops.incidents.course import stints
from pulseops.incidents.events import FACTS
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_PROJECT = "SELECT incidents.project_stint_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_stint_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


STINTS = Projector("stint", _project)

MODEL = ReadModel(STINTS, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    yield from stints(life.facts)


REFOLD = Refold(
    name=STINTS.name, relation="incidents.stint", stream="incident_id", facts=FACTS, rows=_refolded
)
