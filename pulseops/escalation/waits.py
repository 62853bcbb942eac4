"""What an incident waits for, and until when: from its history alone. Pure; the same as `waits_v1` in SQL.

It waits for an answer (escalation), for the end of an acknowledgement or of a snooze, and for somebody to
touch it at all (incident). Each wait begins with one fact, and only a later one of its kind begins it again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from pulseops.escalation.rules import Asked, Due, Plan, next_step
from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Escalated,
    IncidentFact,
    PriorityChanged,
    Reopened,
    Snoozed,
    Split,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Recorded

Kind = Literal["escalation", "acknowledgement", "snooze", "incident"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Past: TypeAlias = Sequence[Recorded[IncidentFact]]

# An acknowledgement is counted anew when it comes under other rules.
_HOLD = (Acknowledged, Assigned, PriorityChanged, CategoryChanged)
_BEGIN = (Assigned, Unacknowledged, Unsnoozed, Reopened, Split, PriorityChanged)


class Waits(Struct, frozen=True, kw_only=True):
    """How an incident stood at `version`. `began` has the facts of the waits that it is in, by kind.

    `level` is the last one that was fired in its wait for an answer (0: none), which was due at `due_at` and
    fired at `fired_at`; without any these are the instant that the wait began, by a fact of type `begun`,
    which is version `since`, and the category was `category_then`. `cause_id` is the fact that the next level
    answers to. `by` acknowledged or snoozed it, if history was read.
    """

    version: int
    correlation_id: UUID
    asked: Asked
    category_then: str | None
    began: dict[Kind, UUID]
    since: int | None
    begun: str
    level: int
    due_at: datetime | None
    fired_at: datetime | None
    cause_id: UUID | None
    acknowledged_at: datetime | None
    until: datetime | None
    touched_at: datetime | None
    by: str = ""

    def asked_for(self, kind: Kind) -> Asked:
        """What a plan is made by: as it was when the wait began, however much later that is looked at."""
        return replace(self.asked, category=self.category_then) if kind == "escalation" else self.asked


def waits_of(incident: Incident, past: Past) -> Waits:
    """By the whole history of an incident, `incident` being the fold of it."""
    begin = _newest(past, *_BEGIN)
    fired = _newest(past, Escalated)
    if fired is not None and begin is not None and fired.version < begin.version:
        fired = None
    acknowledged, snoozed, held = _newest(past, Acknowledged), _newest(past, Snoozed), _newest(past, *_HOLD)
    sorted_then = _newest(past[: begin.version] if begin else past, Classified, CategoryChanged)
    touched = next(
        one
        for one in reversed(past)
        if isinstance(one.fact, Unsnoozed) or not one.meta.actor.startswith("system:")
    )
    alive, asleep = incident.status in {"open", "acknowledged"}, incident.snoozed_until is not None
    began: dict[Kind, UUID] = {}
    if begin is not None and incident.status == "open" and not asleep and incident.assigned_team is not None:
        began["escalation"] = begin.event_id
    if held is not None and incident.status == "acknowledged" and not asleep:
        began["acknowledgement"] = held.event_id
    if snoozed is not None and alive and asleep:
        began["snooze"] = snoozed.event_id
    if alive and not asleep and incident.assigned_team is not None:
        began["incident"] = touched.event_id
    due_at = fired_at = begin.recorded_at if begin else None
    if fired is not None and isinstance(fired.fact, Escalated):
        due_at, fired_at = fired.fact.due_at, fired.fact.due_at + timedelta(seconds=fired.fact.late_by)
    cause = fired or begin
    answer = snoozed if asleep else acknowledged
    return Waits(
        version=past[-1].version,
        correlation_id=past[0].meta.correlation_id,
        asked=Asked(
            priority=incident.priority,
            category=incident.category,
            team=incident.assigned_team,
            service=incident.service,
            environment=incident.environment,
        ),
        category_then=(
            sorted_then.fact.category
            if sorted_then and isinstance(sorted_then.fact, (Classified, CategoryChanged))
            else None
        ),
        began=began,
        since=begin.version if begin is not None and "escalation" in began else None,
        begun=begin.fact.type if begin else Assigned.type,
        level=fired.fact.level if fired is not None and isinstance(fired.fact, Escalated) else 0,
        due_at=due_at,
        fired_at=fired_at,
        cause_id=cause.event_id if cause else None,
        acknowledged_at=held.recorded_at if held else None,
        until=incident.snoozed_until,
        touched_at=touched.recorded_at,
        by=answer.meta.actor if answer else "",
    )


def due(kind: Kind, waits: Waits, plan: Plan | None) -> Due | None:
    """When the time is up for a wait of this kind; None when there is none, or when it has no end.

    `plan` is not asked for a snooze. What is no escalation is one step, and tells nobody.
    """
    at = None
    if kind not in waits.began:
        return None
    match kind:
        case "escalation":
            if plan is None or waits.due_at is None or waits.fired_at is None:
                return None
            return next_step(plan, fired=waits.level, due=waits.due_at, now=waits.fired_at)
        case "acknowledgement":
            at = _later(waits.acknowledged_at, plan.unacknowledge_after if plan else None)
        case "snooze":
            at = waits.until
        case "incident":
            at = _later(waits.touched_at, plan.resolve_after if plan else None)
    return None if at is None else Due(level=1, to="", at=at)


def _later(at: datetime | None, by: timedelta | None) -> datetime | None:
    return None if at is None or by is None else at + by


def _newest(past: Past, *kinds: type[IncidentFact]) -> Recorded[IncidentFact] | None:
    return next((one for one in reversed(past) if isinstance(one.fact, kinds)), None)
