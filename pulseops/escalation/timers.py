"""Deadlines: what is due for which incident, and when. Rows, kept in step with history by a projector.

An incident has at most one deadline of a kind (see waits.py). The plan is pinned in the row: rules that
change later do not touch waits that have begun.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.escalation.rules import Asked, EscalationRules, Plan, plan_for
from pulseops.escalation.waits import KINDS, Kind, Waits, due
from pulseops.incidents.events import Assigned
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

NAME = "deadline"
"""The subscription that keeps the deadlines."""

_WAITS = "SELECT * FROM escalation.waits_v1($1, $2, $3, $4, $5, $6, $7)"
_SET = "SELECT escalation.set_deadlines_v1($1, $2, $3)"
_PLAN = msgspec.json.Decoder(Plan)


class Start(Struct, frozen=True, kw_only=True):
    """A deadline as `set_deadlines_v1` takes it."""

    incident_id: UUID
    kind: Kind
    step: int
    due_at: datetime
    plan: msgspec.Raw | None
    version: int
    level: int | None
    correlation_id: UUID
    cause_id: UUID | None
    wait_id: UUID


def deadlines(rules: EscalationRules) -> Projector:
    """Keeps the deadlines: a fact that begins a wait starts one where a policy applies, another ends it.

    What becomes of it in between is the sweep's. Running a range again changes nothing.
    """

    @lru_cache(maxsize=4096)
    def planned(asked: Asked, begun: str) -> tuple[Plan, msgspec.Raw] | None:
        plan = plan_for(rules, asked, begun=begun)
        return None if plan is None else (plan, msgspec.Raw(msgspec.json.encode(plan)))

    def starts(row: Mapping[str, Any], waits: Waits) -> Iterator[Start]:
        found: tuple[Plan, msgspec.Raw] | None
        for kind in waits.began:
            if kind == "escalation" and row["pinned"] is not None:
                found = _PLAN.decode(row["pinned"]), msgspec.Raw(row["pinned"].encode())
            elif kind in row["fresh"]:
                found = planned(waits.asked_for(kind), waits.begun) if kind != "snooze" else None
            else:
                continue
            yield from _start(row["incident_id"], kind, waits, found)

    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        rows = await connection.fetch(_WAITS, *piece.parameters)
        if not rows:
            return
        standing, begun = {}, list[Start]()
        for row in rows:
            waits = _waits(row)
            standing[str(row["incident_id"])] = _told(waits)
            begun += starts(row, waits)
        await connection.execute(_SET, piece.log_id, _json(standing), _json(begun))

    return Projector(NAME, project)


def _start(
    incident_id: UUID, kind: Kind, waits: Waits, found: tuple[Plan, msgspec.Raw] | None
) -> Iterator[Start]:
    plan, pinned = found or (None, None)
    when = due(kind, waits, plan)
    if when is None:
        return
    escalation = kind == "escalation"
    yield Start(
        incident_id=incident_id,
        kind=kind,
        step=when.level,
        due_at=when.at,
        plan=pinned,
        version=waits.version,
        level=waits.level if escalation else None,
        correlation_id=waits.correlation_id,
        cause_id=waits.cause_id if escalation else waits.began[kind],
        wait_id=waits.began[kind],
    )


def _told(waits: Waits) -> dict[str, Any]:
    told: dict[str, Any] = {kind: str(fact) for kind, fact in waits.began.items()}
    if waits.since is not None:
        told |= {"level": waits.level, "since": waits.since}
    return told


def _waits(row: Mapping[str, Any]) -> Waits:
    return Waits(
        version=row["version"],
        correlation_id=row["correlation_id"],
        asked=Asked(
            priority=row["priority"],
            category=row["category"],
            team=row["team"],
            service=row["service"],
            environment=row["environment"],
        ),
        category_then=row["category_then"],
        began={kind: row[kind] for kind in KINDS if row[kind] is not None},
        since=row["since"],
        begun=row["begun"] or Assigned.type,
        level=row["level"],
        due_at=row["due_at"],
        fired_at=row["fired_at"],
        cause_id=row["cause_id"],
        acknowledged_at=row["acknowledged_at"],
        until=row["until"],
        touched_at=row["touched_at"],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
