"""Deadlines: who hears next of which incident, and when. Rows, kept in step with history by a projector.

An incident waits for one thing at a time, so it has at most one deadline of a kind. The plan is pinned in the
row: rules that change later do not touch incidents already assigned.
"""

from datetime import datetime
from functools import lru_cache
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from pulseops.db.metadata import metadata
from pulseops.escalation.rules import EscalationRules, Plan, next_step, plan_for
from pulseops.incidents.events import Priority
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

NAME = "deadline"
"""The subscription that keeps the deadlines."""

deadline = Table(
    "deadline",
    metadata,
    Column(
        "log_id",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="The log of the incident's facts.",
    ),
    Column("incident_id", Uuid, primary_key=True, comment="The incident that waits for an answer."),
    Column("kind", Text, primary_key=True, comment="What the deadline is for: escalation."),
    Column(
        "step", Integer, nullable=False, comment="The level that hears of it when the time is up, from 1."
    ),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="When the time is up."),
    Column(
        "plan", JSONB, nullable=False, comment="The escalation plan, as it was when the team was assigned."
    ),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How many sweeps in a row could not read the incident's history.",
    ),
    Column("retry_at", DateTime(timezone=True), comment="After a failure: when a sweep tries again."),
    Column("last_error", Text, comment="After a failure: what went wrong."),
    Column(
        "version",
        Integer,
        comment="How many facts the incident had then; while it has no more, what follows holds.",
    ),
    Column("level", Integer, comment="How far it was escalated then; 0 is not at all."),
    Column("correlation_id", Uuid, comment="The correlation id of its first fact."),
    Column("cause_id", Uuid, comment="The fact that began the wait: ASSIGNED or ESCALATED."),
    Index(None, "log_id", "due_at", "incident_id"),
    schema="escalation",
    comment="What is due when: one row for each open incident that somebody has yet to answer.",
)


_ASSIGNED = "SELECT * FROM escalation.assigned_v2($1, $2, $3, $4, $5, $6, $7)"
_STOP = "SELECT escalation.stop_deadlines_v2($1, $2, $3, $4, $5, $6, $7)"


class _Start(Struct, frozen=True, kw_only=True):
    """A deadline as `start_deadlines_v2` takes it."""

    incident_id: UUID
    step: int
    due_at: datetime
    plan: msgspec.Raw
    version: int
    level: int
    correlation_id: UUID
    cause_id: UUID


def deadlines(rules: EscalationRules) -> Projector:
    """Keeps the deadlines: ASSIGNED starts one where a policy applies, ACKNOWLEDGED and RESOLVED end it.

    What becomes of it in between is the sweep's. Running a range again changes nothing.
    """

    @lru_cache(maxsize=4096)
    def planned(
        priority: Priority | None,
        category: str | None,
        team: str | None,
        service: str | None,
        environment: str | None,
    ) -> tuple[Plan, msgspec.Raw] | None:
        plan = plan_for(
            rules,
            priority=priority,
            category=category,
            team=team,
            service=service,
            environment=environment,
        )
        return None if plan is None else (plan, msgspec.Raw(msgspec.json.encode(plan)))

    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        rows = await connection.fetch(_ASSIGNED, *piece.parameters)
        starts = []
        for row in rows:
            found = planned(row["priority"], row["category"], row["team"], row["service"], row["environment"])
            if found is None:
                continue
            plan, pinned = found
            due = next_step(plan, fired=row["level"], due=row["due_at"], now=row["fired_at"])
            if due is not None:
                starts.append(
                    _Start(
                        incident_id=row["incident_id"],
                        step=due.level,
                        due_at=due.at,
                        plan=pinned,
                        version=row["version"],
                        level=row["level"],
                        correlation_id=row["correlation_id"],
                        cause_id=row["cause_id"],
                    )
                )
        if starts:
            payload = msgspec.json.encode(starts).decode()
            await connection.execute("SELECT escalation.start_deadlines_v2($1, $2)", piece.log_id, payload)
        await connection.execute(_STOP, *piece.parameters)

    return Projector(NAME, project)
