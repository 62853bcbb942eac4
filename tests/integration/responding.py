"""Responses and stints as they are stored, for tests that hold them to what the facts say."""

from typing import Any

import asyncpg
import pytest

from pulseops.incidents import response
from pulseops.projections.generations import ReadModel

Rows = dict[Any, dict[str, Any]]


async def stored(
    connection: asyncpg.Connection, model: ReadModel, log_id: int, *, generation: int = 1
) -> Rows:
    """Rows by their keys."""
    rows = await connection.fetch(
        f"SELECT * FROM incidents.{model.name}_{generation} WHERE log_id = $1", log_id
    )
    found = [{name: value for name, value in row.items() if name != "log_id"} for row in rows]
    key = ("incident_id",) if model is response.MODEL else ("incident_id", "version")
    return {
        tuple(row[name] for name in key) if len(key) > 1 else row["incident_id"]: {
            name: pytest.approx(value, abs=1e-6) if name.endswith("_seconds") else value
            for name, value in row.items()
        }
        for row in found
    }
