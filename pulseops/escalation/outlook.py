"""What will happen to an incident by the clock, to whom and when; and what has in its present wait. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from pulseops.escalation.rules import Due, EscalationRules, Plan, next_step, plan_for
from pulseops.escalation.waits import Kind, Past, Waits, due, waits_of
from pulseops.incidents.events import Escalated, IncidentFact, Status
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Recorded

Quiet = Literal["acknowledged", "snoozed", "resolved", "merged", "no-policy", "last-level", "parked"]

BY_HAND = "manual"
"""The policy of a level that no plan has."""
_ENDS = ("acknowledge", "snooze", "resolve", "merge")


class Heard(Struct, frozen=True, kw_only=True, rename="camel"):
    """A level that has heard of it: when it was due, when that was done, and by how many seconds too late."""

    level: int
    to: str
    due_at: datetime
    fired_at: datetime
    late_by: float
    by: str


class Planned(Struct, frozen=True, kw_only=True, rename="camel"):
    """A level that will hear of it, if nobody answers before. Each counts from the one before it."""

    level: int
    to: str
    at: datetime


class Outlook(Struct, frozen=True, kw_only=True, rename="camel"):
    """An incident's plan. `because` says why nobody will hear of it; it is null while somebody will.

    `began` and `beganAt` are the fact that the present wait for an answer began with; `policy`,
    `rulesVersion` and `why` are null where no policy is waited by. `endedBy` are the commands that end it.
    `estimated`: no deadline has been set yet, so this is by the rules of now. `parked`: none will be
    until an operator retries the incident's stream (`/subscriptions`).
    """

    incident_id: UUID
    version: int
    status: Status
    because: Quiet | None
    policy: str | None
    rules_version: str | None
    why: str | None
    began: str | None
    began_at: datetime | None
    heard: tuple[Heard, ...]
    planned: tuple[Planned, ...]
    ended_by: tuple[str, ...]
    snoozed_until: datetime | None
    unacknowledge_at: datetime | None
    resolve_at: datetime | None
    estimated: bool


class Row(Struct, frozen=True):
    """A deadline that is set: the fact that its wait began with (null: not said), and its plan."""

    wait_id: UUID | None
    plan: Plan | None


class Plans(Struct, frozen=True, kw_only=True):
    """Where plans are: in the deadlines `set`, which follow history up to `position`, or in the rules.

    Of a stream that is parked, they do not follow it from the position `parked` on.
    """

    set: Mapping[Kind, Row]
    position: int
    rules: EscalationRules
    parked: int | None = None


def outlook(incident: Incident, past: Past, plans: Plans) -> Outlook:
    """By the history of an incident, `incident` being the fold of it."""
    waits = waits_of(incident, past)
    escalation, guessed = plan_of("escalation", waits, past, plans)
    held, held_guessed = plan_of("acknowledgement", waits, past, plans)
    whole, whole_guessed = plan_of("incident", waits, past, plans)
    first = due("escalation", waits, escalation)
    waiting = "escalation" in waits.began
    told = escalation or held or whole
    begin = next((one for one in past if waiting and one.version == waits.since), None)
    unacknowledge, resolve = due("acknowledgement", waits, held), due("incident", waits, whole)
    return Outlook(
        incident_id=incident.id,
        version=waits.version,
        status=incident.status,
        because=None if first else _quiet(incident, past, waits, parked=_lost(begin, plans)),
        policy=told.policy if told else None,
        rules_version=told.rules_version if told else None,
        why=told.why if told else None,
        began=begin.fact.type if begin else None,
        began_at=begin.recorded_at if begin else None,
        heard=_heard(past, waits) if waiting else (),
        planned=_planned(escalation, first),
        ended_by=_ENDS if first else (),
        snoozed_until=waits.until,
        unacknowledge_at=unacknowledge.at if unacknowledge else None,
        resolve_at=resolve.at if resolve else None,
        estimated=guessed or held_guessed or whole_guessed,
    )


def plan_of(kind: Kind, waits: Waits, past: Past, plans: Plans) -> tuple[Plan | None, bool]:
    """The plan of a wait, and whether it is a guess: the deadlines have not come to its beginning."""
    began = waits.began.get(kind)
    if began is None:
        return None, False
    row = plans.set.get(kind)
    if row is not None and row.wait_id in {began, None}:
        return row.plan, False
    begin = next(one for one in past if one.event_id == began)
    if begin.position <= plans.position or _lost(begin, plans):
        return None, False
    plan = plan_for(plans.rules, waits.asked_for(kind), begun=waits.begun)
    return plan, due(kind, waits, plan) is not None


def _lost(begin: Recorded[IncidentFact] | None, plans: Plans) -> bool:
    """Whether the deadlines never heard of the wait that began so."""
    return begin is not None and plans.parked is not None and begin.position >= plans.parked


def _quiet(incident: Incident, past: Past, waits: Waits, *, parked: bool) -> Quiet:
    if incident.snoozed_until is not None:
        return "snoozed"
    match incident.status:
        case "open" if parked:
            return "parked"
        case "open":
            climbed = any(
                isinstance(one.fact, Escalated)
                and one.fact.policy != BY_HAND
                and one.version > (waits.since or 0)
                for one in past
            )
            return "last-level" if climbed else "no-policy"
        case "acknowledged" | "resolved" | "merged":
            return incident.status


def _heard(past: Past, waits: Waits) -> tuple[Heard, ...]:
    return tuple(
        Heard(
            level=one.fact.level,
            to=one.fact.to,
            due_at=one.fact.due_at,
            fired_at=one.recorded_at,
            late_by=one.fact.late_by,
            by=one.meta.actor,
        )
        for one in past
        if isinstance(one.fact, Escalated) and one.version > (waits.since or 0)
    )


def _planned(plan: Plan | None, following: Due | None) -> tuple[Planned, ...]:
    planned = []
    while plan is not None and following is not None:
        planned.append(Planned(level=following.level, to=following.to, at=following.at))
        following = next_step(plan, fired=following.level, due=following.at, now=following.at)
    return tuple(planned)
