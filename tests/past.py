"""History that happened when a test says: rows put where no application may put them, by a superuser."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.kernel.ids import derived_id, new_id

_INSERT = """
INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version, event_id,
  command_id, occurred_at, recorded_at, data, meta)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $8, $9, $10)
"""
_ROOT = UUID(int=7)


class Deed(Struct, frozen=True, kw_only=True):
    """A fact of incident number `incident`, by `actor`."""

    incident: int
    at: datetime
    type: str
    actor: str = "key:probe"
    data: dict[str, Any] = {}


def incident_id(number: int) -> UUID:
    return derived_id(_ROOT, number)


async def remembered(admin: asyncpg.Connection, deeds: Sequence[Deed], *, log_id: int = 1) -> int:
    """The deeds in the order of their times, after whatever there is; the position of the last."""
    position = await admin.fetchval(
        "SELECT coalesce(max(position), 0) FROM eventstore.event WHERE log_id = $1", log_id
    )
    versions: dict[int, int] = {}
    rows = []
    for one in sorted(deeds, key=lambda deed: deed.at):
        position += 1
        version = versions[one.incident] = versions.get(one.incident, 0) + 1
        meta = {"actor": one.actor, "correlationId": str(new_id())}
        told = [msgspec.json.encode(part).decode() for part in (one.data, meta)]
        rows.append(
            (
                log_id,
                position,
                incident_id(one.incident),
                version,
                one.type,
                new_id(),
                new_id(),
                one.at,
                *told,
            )
        )
    await admin.executemany(_INSERT, rows)
    found: int = position
    return found
