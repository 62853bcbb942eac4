"""What happened to an incident, one entry a fact: folded from a stream, and kept as a table for SQL users."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from pulseops.incidents.events import FACTS, Created, IncidentFact
from pulseops.incidents.telling import sentence, tell
from pulseops.kernel.envelope import Recorded
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

Details = Annotated[Any, Meta(extra_json_schema={"type": "object"})]
"""A fact itself: it is turned into JSON once, with the whole answer."""


class TimelineEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One step of an incident's life: in words, with the reasons, and as data.

    `id` is the event's. `details` are the fact's own fields, as JSON. `timestamp` is the database's clock,
    `occurredAt` the claim of whoever reported it.
    """

    id: UUID
    event: str
    text: str
    why: tuple[str, ...]
    timestamp: datetime
    occurred_at: datetime
    actor: str
    version: int
    position: int
    details: Details


def entry(recorded: Recorded[IncidentFact]) -> TimelineEntry:
    """The description stays out: it is long, and the incident carries it."""
    fact, actor = recorded.fact, recorded.meta.actor
    told = tell(fact, actor)
    if isinstance(fact, Created) and fact.description:
        fact = replace(fact, description="")
    return TimelineEntry(
        id=recorded.event_id,
        event=fact.type,
        text=sentence(fact, told.words),
        why=told.why,
        timestamp=recorded.recorded_at,
        occurred_at=recorded.occurred_at,
        actor=actor,
        version=recorded.version,
        position=recorded.position,
        details=fact,
    )


_PROJECT = "SELECT incidents.project_timeline_v3($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_timeline_v2($1, $2, $3, $4, $5)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(_FILL, part.generation, part.log_id, part.after, part.to, part.parked)


TIMELINE = Projector("timeline", _project)

MODEL = ReadModel(TIMELINE, _fill)


_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def _refolded(life: Life) -> Iterator[Row]:
    for recorded, data in zip(life.facts, life.data, strict=True):
        details = data.encode()
        if isinstance(recorded.fact, Created):
            told = _fields(details)
            told.pop("description", None)
            details = msgspec.json.encode(told)
        yield {
            "incident_id": recorded.stream_id,
            "version": recorded.version,
            "position": recorded.position,
            "event": recorded.fact.type,
            "timestamp": recorded.recorded_at,
            "occurred_at": recorded.occurred_at,
            "actor": recorded.meta.actor,
            "details": Raw(details),
        }


REFOLD = Refold(
    name=TIMELINE.name,
    relation="incidents.timeline",
    stream="incident_id",
    facts=FACTS,
    rows=_refolded,
)
