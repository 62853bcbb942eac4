"""What a due deadline comes to: a request to history, and where the deadline goes then. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.escalation.rules import Due, Plan, decision_for, next_step
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.incidents.commands import Escalate
from pulseops.incidents.escalating import escalated
from pulseops.incidents.events import Assigned, Decision, Escalated, IncidentFact, Status
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Meta, Recorded
from pulseops.kernel.ids import derived_id

_LONGEST_RETRY = timedelta(minutes=5)
_PLAN = msgspec.json.Decoder(Plan)


class Deadline(Struct, frozen=True, kw_only=True):
    """A claimed deadline: level `step` of `plan` (its JSON) was due at `due_at`."""

    incident_id: UUID
    step: int
    due_at: datetime
    plan: str


class Standing(Struct, frozen=True, kw_only=True):
    """What an escalation is decided on: how an incident stood at `version`.

    `cause_id` is the fact that the wait began with; `last` too, if history was read and it is an escalation.
    """

    version: int
    status: Status
    level: int
    correlation_id: UUID
    cause_id: UUID
    last: Escalated | None = None


class Move(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a claimed deadline, as `fire_v2` takes it: without `step` it ends.

    With an `ordinal`, `version` is what history answers. The pinned fields are those of `Standing`.
    """

    incident_id: UUID
    ordinal: int | None = None
    step: int | None = None
    due_at: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    last_error: str | None = None
    version: int | None = None
    level: int | None = None
    correlation_id: UUID | None = None
    cause_id: UUID | None = None


def pinned(row: Mapping[str, Any]) -> Standing | None:
    """How the incident stands by its deadline alone; None where only its history can tell.

    A deadline is set and moved for open incidents only, so one that has the same facts still is open.
    """
    if not row["current"] or row["level"] is None or row["level"] >= row["step"]:
        return None
    return Standing(
        version=row["version"],
        status="open",
        level=row["level"],
        correlation_id=row["correlation_id"],
        cause_id=row["cause_id"],
    )


def stood(incident: Incident | None, past: Sequence[Recorded[IncidentFact]]) -> Standing | None:
    """How the incident stands by its history, `incident` being the fold of it; None when there is none."""
    if incident is None:
        return None
    causes = [one for one in past if isinstance(one.fact, (Assigned, Escalated))]
    cause = causes[-1] if causes else past[-1]
    return Standing(
        version=past[-1].version,
        status=incident.status,
        level=incident.escalation_level,
        correlation_id=past[0].meta.correlation_id,
        cause_id=cause.event_id,
        last=cause.fact if isinstance(cause.fact, Escalated) else None,
    )


def step_taken(
    log_id: int, deadline: Deadline, standing: Standing | None, now: datetime, *, ordinal: int
) -> tuple[AppendRequest | None, Move]:
    """What history is asked to take for a due deadline, if anything, and where the deadline goes then.

    A deadline behind its incident's level (another transaction fired it) is brought up to it, unfired.
    The request is to be the batch's `ordinal`th.
    """
    if standing is None or standing.status != "open":
        return None, Move(incident_id=deadline.incident_id)
    level = deadline.step
    plan, decision = _told(deadline.plan, level)
    if standing.level >= level:
        return None, _brought_up(deadline, standing, plan)
    command = Escalate(
        level=level,
        to=plan.steps[level - 1].to,
        policy=plan.policy,
        due_at=deadline.due_at,
        late_by=max(0.0, (now - deadline.due_at).total_seconds()),
        decision=decision,
    )
    (fact,) = escalated(command, status=standing.status, level=standing.level)
    command_id = derived_id("escalate", log_id, deadline.incident_id, plan.policy, level)
    event_id = derived_id(command_id, 0)
    request = AppendRequest(
        stream_id=deadline.incident_id,
        expected_version=standing.version,
        command_id=command_id,
        events=(
            NewEvent(
                type=fact.type,
                schema_version=fact.schema_version,
                event_id=event_id,
                occurred_at=now,
                data=fact,
                meta=Meta(
                    actor="system:escalation",
                    correlation_id=standing.correlation_id,
                    causation_id=standing.cause_id,
                ),
            ),
        ),
    )
    due = next_step(plan, fired=level, due=deadline.due_at, now=now)
    if due is None:
        return request, Move(incident_id=deadline.incident_id, ordinal=ordinal)
    return request, Move(
        incident_id=deadline.incident_id,
        ordinal=ordinal,
        step=due.level,
        due_at=due.at,
        level=level,
        correlation_id=standing.correlation_id,
        cause_id=event_id,
    )


def postponed(row: Mapping[str, Any], error: Exception, now: datetime) -> Move:
    """As due as before, but tried again only after 1, 2, 4, … seconds, at most five minutes."""
    pause = min(timedelta(seconds=2 ** min(row["failures"], 16)), _LONGEST_RETRY)
    return Move(
        incident_id=row["incident_id"],
        step=row["step"],
        due_at=row["due_at"],
        failures=row["failures"] + 1,
        retry_at=now + pause,
        # PostgreSQL's text holds no U+0000, and an error may quote anything.
        last_error=f"{type(error).__name__}: {error}".replace("\0", "")[:1_000],
    )


@lru_cache(maxsize=4096)
def _told(plan: str, level: int) -> tuple[Plan, Decision]:
    """Many incidents wait by one plan."""
    decoded = _PLAN.decode(plan)
    return decoded, decision_for(decoded, level)


def _brought_up(deadline: Deadline, standing: Standing, plan: Plan) -> Move:
    due = _after(deadline.incident_id, standing.last, plan)
    if due is None:
        return Move(incident_id=deadline.incident_id)
    return Move(
        incident_id=deadline.incident_id,
        step=due.level,
        due_at=due.at,
        version=standing.version,
        level=standing.level,
        correlation_id=standing.correlation_id,
        cause_id=standing.cause_id,
    )


def _after(incident_id: UUID, last: Escalated | None, plan: Plan) -> Due | None:
    if last is None:
        raise TypeError(f"{incident_id} has a level, but no {Escalated.type}")
    fired_at = last.due_at + timedelta(seconds=last.late_by)
    return next_step(plan, fired=last.level, due=last.due_at, now=fired_at)
