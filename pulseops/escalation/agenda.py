"""What is due when: the deadlines with their incidents, soonest first, a page at a time."""

import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.escalation.waits import Kind
from pulseops.incidents.events import Priority, Status
from pulseops.kernel import cursors
from pulseops.kernel.errors import InvalidInput

MOST = 200
"""Escalations on one page."""


class Escalation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Unless somebody answers, `to` hears of the incident at `dueAt`, as level `level` of its policy.

    Of another `kind` than escalation nobody hears: then `level` is 1 and `to` is null, and of a snooze the
    policy as well. `lateBy` is in seconds, 0 while there is time left. `problem` says why a due one could not
    be fired: it is tried again.
    """

    incident_id: UUID
    kind: Kind
    title: str
    priority: Priority | None
    status: Status
    team: str | None
    policy: str | None
    rules_version: str | None
    level: int
    to: str | None
    due_at: datetime
    overdue: bool
    late_by: float
    problem: str | None


class Escalations(Struct, frozen=True, kw_only=True, rename="camel"):
    """Soonest first. `nextCursor` leads to the later ones; it is null on the last page."""

    items: tuple[Escalation, ...]
    next_cursor: str | None


# The incident is looked up for each deadline of the page (OFFSET 0 keeps it so): planned on empty tables,
# a join would read the whole board.
_PAGE = """
    SELECT d.incident_id, d.kind, i.title, i.priority, i.status, i.assigned_team AS team,
        d.plan->>'policy' AS policy, d.plan->>'rules_version' AS rules_version, d.step AS level,
        CASE WHEN d.kind = 'escalation'
            THEN d.plan->'steps'->((d.step - 1) % jsonb_array_length(d.plan->'steps'))->>'to' END AS "to",
        d.due_at, d.last_error AS problem
    FROM escalation.deadline d
    CROSS JOIN LATERAL (
        SELECT * FROM incidents.incident i WHERE i.log_id = $1 AND i.id = d.incident_id OFFSET 0
    ) i
    WHERE d.log_id = $1 AND d.kind = $8 AND (d.due_at, d.incident_id) > ($2, $3)
      AND (cardinality($4::text[]) = 0 OR i.priority = ANY ($4))
      AND (cardinality($5::text[]) = 0 OR i.assigned_team = ANY ($5))
      AND ($7::text[] IS NULL OR i.assigned_team = ANY ($7))
    ORDER BY d.due_at, d.incident_id
    LIMIT $6
"""
# One row is looked up for each log.
_OVERDUE = """
    SELECT l.log_id, extract(epoch FROM clock_timestamp() - (
        SELECT d.due_at FROM escalation.deadline d WHERE d.log_id = l.log_id ORDER BY d.due_at LIMIT 1
    ))::float8 AS seconds
    FROM eventstore.log l
"""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_FIRST = (_EPOCH, UUID(int=0))
_PLACE = struct.Struct(">q16s")


async def overdue(connection: asyncpg.Connection) -> dict[int, float]:
    """By log: for how many seconds its oldest deadline has been due. Logs that keep up are left out."""
    rows = await connection.fetch(_OVERDUE)
    return {row["log_id"]: round(row["seconds"], 3) for row in rows if (row["seconds"] or 0) > 0}


async def list_escalations(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    now: datetime,
    priority: tuple[Priority, ...] = (),
    team: tuple[str, ...] = (),
    kind: Kind = "escalation",
    cursor: str | None = None,
    limit: int = 50,
    teams: frozenset[str] | None = None,
    log_id: int,
) -> Escalations:
    """At most `limit` of them, those after `cursor`, of `teams` alone (None: all).

    InvalidInput for a cursor that is not ours.
    """
    within = None if teams is None else sorted(teams)
    of = msgspec.json.encode((log_id, kind, sorted(priority), sorted(team), within))
    due_at, incident_id = _FIRST if cursor is None else _place(cursor, of)
    rows = await connection.fetch(_PAGE, log_id, due_at, incident_id, priority, team, limit + 1, within, kind)
    items = tuple(_escalation(row, now) for row in rows[:limit])
    return Escalations(items=items, next_cursor=_cursor(items[-1], of) if len(rows) > limit else None)


def _escalation(row: asyncpg.Record, now: datetime) -> Escalation:
    late_by = max(0.0, (now - row["due_at"]).total_seconds())
    return Escalation(**dict(row), overdue=late_by > 0, late_by=late_by)


def _cursor(last: Escalation, of: bytes) -> str:
    due = (last.due_at - _EPOCH) // _MICROSECOND
    return cursors.written(_PLACE.pack(due, last.incident_id.bytes), of)


def _place(cursor: str, of: bytes) -> tuple[datetime, UUID]:
    place = cursors.read(cursor, of)
    if place is None or len(place) != _PLACE.size:
        raise InvalidInput(
            "This is not a cursor of this list: it is `nextCursor` of a page with the same filters.",
            pointer="/cursor",
        )
    due, key = _PLACE.unpack(place)
    return _EPOCH + due * _MICROSECOND, UUID(bytes=key)
