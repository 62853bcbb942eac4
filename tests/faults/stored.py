"""What the database says: one consistent look at the log and at everything derived from it."""

from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.audit.walk import Divergence, walk
from pulseops.eventstore.codec import COLUMNS
from pulseops.incidents import response, stint
from pulseops.kernel.envelope import Recorded
from pulseops.wiring import CODEC
from tests.faults.audited import Audited, Auditor
from tests.integration import responding
from tests.integration.folding import Rows, stored, without_versions

LOG = 1
_FACTS = f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = $1 ORDER BY position"
_STREAMS = "SELECT stream_id, version, first_position, last_position FROM eventstore.stream WHERE log_id = $1"
_FOLLOWERS = "SELECT name, min(position) FROM eventstore.subscription WHERE log_id = $1 GROUP BY name"
_WAITING = "SELECT incident_id FROM escalation.deadline WHERE log_id = $1"


class Stored(Struct):
    """`streams` has version, first and last position; `followers` has how far each one has come.

    `unsealed` is where the tree is not that of history.
    """

    facts: list[Recorded[Any]]
    board: Rows
    timeline: Rows
    response: Rows
    stint: Rows
    streams: dict[UUID, tuple[int, int, int]]
    followers: dict[str, int]
    waiting: set[UUID]
    audited: Audited
    unsealed: Divergence | None = None

    def past(self) -> dict[UUID, list[Recorded[Any]]]:
        found: dict[UUID, list[Recorded[Any]]] = {}
        for fact in self.facts:
            found.setdefault(fact.stream_id, []).append(fact)
        return found


async def read(connection: asyncpg.Connection, auditor: Auditor) -> Stored:
    audited = await auditor.look(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        facts = [CODEC.decode(row) for row in await connection.fetch(_FACTS, LOG)]
        return Stored(
            facts=facts,
            board=without_versions(await stored(connection, "incident_1", LOG)),
            timeline=without_versions(await stored(connection, "timeline_1", LOG)),
            response=await responding.stored(connection, response.MODEL, LOG),
            stint=await responding.stored(connection, stint.MODEL, LOG),
            streams={row[0]: tuple(row[1:]) for row in await connection.fetch(_STREAMS, LOG)},
            followers=dict(await connection.fetch(_FOLLOWERS, LOG)),
            waiting={row[0] for row in await connection.fetch(_WAITING, LOG)},
            audited=audited,
            unsealed=(await walk(connection, LOG, len(facts))).divergence,
        )
