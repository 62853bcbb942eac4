"""What a due deadline comes to: a request to history, and where the deadline goes then. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.escalation.rules import Plan, decision_for, next_step
from pulseops.escalation.waits import Kind, Waits
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.incidents.commands import Escalate
from pulseops.incidents.escalating import escalated
from pulseops.incidents.events import Decision, Escalated
from pulseops.kernel.envelope import Meta
from pulseops.kernel.ids import derived_id

_LONGEST_RETRY = timedelta(minutes=5)
_PLAN = msgspec.json.Decoder(Plan)


class Deadline(Struct, frozen=True, kw_only=True):
    """A claimed deadline of an escalation: level `step` of `plan` (its JSON) was due at `due_at`.

    `wait_id` and `version` are null in rows of the release before (see `_is_of`).
    """

    incident_id: UUID
    step: int
    due_at: datetime
    plan: str
    wait_id: UUID | None = None
    version: int | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """What an escalation is decided on: how an incident stood at `version`, in the wait that `wait_id` began.

    Without `wait_id` it waits for no answer. `cause_id` is what the next level answers to. `since`, the
    version of the fact that began the wait, and `last`, when `level` was due and fired, need the history.
    """

    version: int
    level: int
    correlation_id: UUID
    cause_id: UUID | None
    wait_id: UUID | None
    since: int | None = None
    last: tuple[datetime, datetime] | None = None


class Move(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a claimed deadline, as `fire_v3` takes it: without `step` it ends.

    With an `ordinal`, `version` is what history answers. The pinned fields are those of `Standing`.
    """

    incident_id: UUID
    kind: Kind
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
    wait_id: UUID | None = None


def pinned(row: Mapping[str, Any]) -> Standing | None:
    """How the incident stands by its deadline alone; None where only its history can tell.

    A deadline is set and moved for incidents that wait for an answer only, so one that has the same facts
    still waits.
    """
    if row["kind"] != "escalation" or not row["current"] or row["wait_id"] is None:
        return None
    if row["level"] is None or row["level"] >= row["step"]:
        return None
    return Standing(
        version=row["version"],
        level=row["level"],
        correlation_id=row["correlation_id"],
        cause_id=row["cause_id"],
        wait_id=row["wait_id"],
    )


def stood(waits: Waits) -> Standing:
    """How the incident stands by its history."""
    last = (waits.due_at, waits.fired_at) if waits.due_at and waits.fired_at else None
    return Standing(
        version=waits.version,
        level=waits.level,
        correlation_id=waits.correlation_id,
        cause_id=waits.cause_id,
        wait_id=waits.began.get("escalation"),
        since=waits.since,
        last=last,
    )


def step_taken(
    log_id: int, deadline: Deadline, standing: Standing | None, now: datetime, *, ordinal: int
) -> tuple[AppendRequest | None, Move]:
    """What history is asked to take for a due deadline, if anything, and where the deadline goes then.

    A deadline behind its incident's level (another transaction fired it) is brought up to it, unfired; one of
    a wait that is over ends. The request is to be the batch's `ordinal`th.
    """
    if standing is None or not _is_of(deadline, standing):
        return None, Move(incident_id=deadline.incident_id, kind="escalation")
    level = deadline.step
    plan, decision = _told(deadline.plan, level)
    if standing.level >= level:
        return None, _brought_up(deadline, standing, plan)
    command = Escalate(
        level=level,
        to=plan.step(level).to,
        policy=plan.policy,
        due_at=deadline.due_at,
        late_by=max(0.0, (now - deadline.due_at).total_seconds()),
        decision=decision,
    )
    (fact,) = escalated(command, status="open", level=standing.level)
    command_id = derived_id("escalate", log_id, deadline.incident_id, standing.wait_id, level)
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
        return request, Move(incident_id=deadline.incident_id, kind="escalation", ordinal=ordinal)
    return request, Move(
        incident_id=deadline.incident_id,
        kind="escalation",
        ordinal=ordinal,
        step=due.level,
        due_at=due.at,
        level=level,
        correlation_id=standing.correlation_id,
        cause_id=event_id,
        wait_id=standing.wait_id,
    )


def postponed(row: Mapping[str, Any], error: Exception, now: datetime) -> Move:
    """As due as before, but tried again only after 1, 2, 4, … seconds, at most five minutes."""
    pause = min(timedelta(seconds=2 ** min(row["failures"], 16)), _LONGEST_RETRY)
    return Move(
        incident_id=row["incident_id"],
        kind=row["kind"],
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


def _is_of(deadline: Deadline, standing: Standing) -> bool:
    """Whether the incident still is in the wait that the deadline speaks of.

    The release before knew one wait, and names none: it is over when another began after the row's version.
    """
    if standing.wait_id is None or deadline.wait_id is not None:
        return standing.wait_id is not None and standing.wait_id == deadline.wait_id
    return deadline.version is None or standing.since is None or standing.since <= deadline.version


def _brought_up(deadline: Deadline, standing: Standing, plan: Plan) -> Move:
    if standing.last is None:
        raise TypeError(f"{deadline.incident_id} has a level, but no {Escalated.type}")
    due_at, fired_at = standing.last
    due = next_step(plan, fired=standing.level, due=due_at, now=fired_at)
    if due is None:
        return Move(incident_id=deadline.incident_id, kind="escalation")
    return Move(
        incident_id=deadline.incident_id,
        kind="escalation",
        step=due.level,
        due_at=due.at,
        version=standing.version,
        level=standing.level,
        correlation_id=standing.correlation_id,
        cause_id=standing.cause_id,
        wait_id=standing.wait_id,
    )
