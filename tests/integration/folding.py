"""Read models as Python folds them, and as they are stored."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.timeline import entry
from pulseops.kernel.envelope import Recorded

Past = dict[UUID, list[Recorded[IncidentFact]]]


Rows = dict[Any, dict[str, Any]]


TOLD = {"id", "text", "why"}
"""What an entry says that the table does not: it has the facts, and the API has the words."""


async def stored(connection: asyncpg.Connection, table: str, log_id: int) -> Rows:
    """Rows by key, with the row version that tells whether a row was written at all."""
    key = "id" if table.startswith("incident") else "position"
    statement = f"SELECT {key} AS key, ctid, xmin, * FROM incidents.{table} WHERE log_id = $1"
    rows: Rows = {}
    for record in await connection.fetch(statement, log_id):
        row = dict(record)
        for name in ("labels", "links", "details"):
            if name in row:
                row[name] = msgspec.json.decode(row[name])
        rows[row.pop("key")] = row
    return rows


def without_versions(rows: Rows) -> Rows:
    return {
        key: {name: value for name, value in row.items() if name not in {"ctid", "xmin"}}
        for key, row in rows.items()
    }


def folded_board(past: Past, log_id: int) -> Rows:
    rows: Rows = {}
    for incident_id, facts in past.items():
        incident = INCIDENT.fold(facts)
        assert incident is not None
        rows[incident_id] = msgspec.structs.asdict(incident) | {
            "merged": list(incident.merged),
            "impacted_services": list(incident.impacted_services),
            "links": list(msgspec.to_builtins(incident.links)),
            "log_id": log_id,
            "created_position": facts[0].position,
        }
    return rows


def folded_timeline(past: Past, log_id: int) -> Rows:
    rows: Rows = {}
    for incident_id, facts in past.items():
        for fact in facts:
            row = msgspec.structs.asdict(entry(fact)) | {"log_id": log_id, "incident_id": incident_id}
            row["details"] = msgspec.json.decode(msgspec.json.encode(row["details"]))
            rows[fact.position] = {name: value for name, value in row.items() if name not in TOLD}
    return rows
