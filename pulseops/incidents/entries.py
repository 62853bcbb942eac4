"""An incident's events as the outside is told them: by GET /incidents/{id}/events and by GET /stream."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.kernel.envelope import Fact, Meta, Recorded

_encode = msgspec.json.Encoder().encode
_meta = msgspec.json.Decoder(Meta).decode

Data = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]
"""A fact's own fields, as JSON that nobody looked into on its way."""


class EventEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An event: what happened to which incident, when, by whom, and why.

    `position` is its place in the log, `version` its place among the incident's events; both run from 1
    without gaps. `recordedAt` is the database's clock, `occurredAt` the claim of whoever reported it.
    `correlationId` joins all that one request caused, `causationId` names the event that it answers. A field
    of `data` that has its default value is omitted.
    """

    position: int
    id: UUID
    type: str
    incident_id: UUID
    version: int
    recorded_at: datetime
    occurred_at: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    data: Data


def of_incident(type_: str) -> bool:
    """Whether a type of event is an incident's; those of other things have a dot."""
    return "." not in type_


def of_recorded(recorded: Recorded[Fact]) -> EventEntry:
    return EventEntry(
        position=recorded.position,
        id=recorded.event_id,
        type=recorded.fact.type,
        incident_id=recorded.stream_id,
        version=recorded.version,
        recorded_at=recorded.recorded_at,
        occurred_at=recorded.occurred_at,
        actor=recorded.meta.actor,
        correlation_id=recorded.meta.correlation_id,
        causation_id=recorded.meta.causation_id,
        data=msgspec.Raw(_encode(recorded.fact)),
    )


def of_row(row: Mapping[str, Any]) -> EventEntry:
    """A row of `eventstore.codec.COLUMNS`, JSON as text: whatever its type and schema version."""
    meta = _meta(row["meta"])
    return EventEntry(
        position=row["position"],
        id=row["event_id"],
        type=row["type"],
        incident_id=row["stream_id"],
        version=row["version"],
        recorded_at=row["recorded_at"],
        occurred_at=row["occurred_at"],
        actor=meta.actor,
        correlation_id=meta.correlation_id,
        causation_id=meta.causation_id,
        data=msgspec.Raw(row["data"].encode()),
    )


def line(entry: EventEntry) -> bytes:
    """As JSON, on one line."""
    return _encode(entry)
