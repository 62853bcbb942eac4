"""How an incident stands by the clock, and what comes of asking for its next level now."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta, Struct

from pulseops.escalation import timers
from pulseops.escalation.outlook import BY_HAND, Plans, Row, plan_of
from pulseops.escalation.rules import Plan, named, plan_for
from pulseops.escalation.waits import Kind, Past, waits_of
from pulseops.http.exchange import Req
from pulseops.incidents.asking import asked
from pulseops.incidents.changing import incidents_of, visible
from pulseops.incidents.commands import Escalate, Name, Note
from pulseops.incidents.events import Decision
from pulseops.incidents.incident import Incident
from pulseops.kernel.errors import NotFound
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads

_SET = "SELECT kind, wait_id, plan FROM escalation.deadline WHERE log_id = $1 AND incident_id = $2"
_PARKED = "SELECT position FROM eventstore.parked WHERE log_id = $1 AND name = $2 AND stream_id = $3"
_PLAN = msgspec.json.Decoder(Plan | None)


class EscalateNow(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Let the next level hear of it without waiting; or `to`, whoever that is."""

    to: Annotated[Name, Meta(description="Instead of whom the plan names.")] | None = None
    note: Note = ""


ESCALATE = asked(
    "escalate",
    "Let the next level hear of it now",
    EscalateNow,
    example={"note": "The database is out of my depth."},
)


class Stands(Struct, frozen=True):
    """One incident, its history, and where its plans are."""

    incident: Incident
    past: Past
    plans: Plans


async def stands_of(request: Req, incident_id: UUID) -> Stands:
    """As it now stands. Raises NotFound, as for any reading of it."""
    incidents = incidents_of(request)

    async def look(connection: asyncpg.Connection) -> tuple[dict[Kind, Row], int | None, Past]:
        # The history last: it may know of a level more than the deadline, but never of one less.
        rows = await connection.fetch(_SET, incidents.log_id, incident_id)
        found = {row["kind"]: Row(row["wait_id"], _PLAN.decode(row["plan"] or "null")) for row in rows}
        parked = await connection.fetchval(_PARKED, incidents.log_id, timers.NAME, incident_id)
        return found, parked, await incidents.history.at(connection).stream(incident_id)

    reads: Reads = request.app.state.reads
    seen = await reads.current(models((timers.NAME,), log_id=incidents.log_id), look)
    rows, parked, past = seen.found
    incident = incidents.decider.fold(past)
    visible(request)(incident)
    if incident is None:
        raise NotFound
    plans = Plans(set=rows, position=seen.position, rules=request.app.state.escalation, parked=parked)
    return Stands(incident, past, plans)


def next_level(stands: Stands, body: EscalateNow, actor: str, now: datetime) -> Escalate:
    """By the plan that it waits by, while that has a level more; beyond it, to the incident's team.

    Where it waits for no answer, as somebody is on it or snoozed it, by the plan that the rules now make.
    """
    incident, waits = stands.incident, waits_of(stands.incident, stands.past)
    level = incident.escalation_level + 1
    if "escalation" in waits.began:
        found, _ = plan_of("escalation", waits, stands.past, stands.plans)
    else:
        found = plan_for(stands.plans.rules, waits.asked)
    if found is not None and level > found.levels:
        found = None
    to = body.to or (found.step(level).to if found else incident.assigned_team or "triage")
    which = named(found, level) if found else f"level {level}"
    return Escalate(
        level=level,
        to=to,
        policy=found.policy if found else BY_HAND,
        due_at=now,
        late_by=0.0,
        decision=Decision(
            decided_by=actor,
            rule="manual",
            rules_version=found.rules_version if found else "",
            why=f"{actor} asked for {to} to hear of it now ({which}).",
        ),
        asked=True,
        note=body.note,
    )
