"""Firing what is due: claim, decide, append and move on, in one transaction.

Two sweeps at once share the work (SKIP LOCKED); one that dies gives its claims back. Locks are taken in one
order, deadlines and then the log, and the log's is held for the last statement only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pulseops.escalation.rules import Due, Plan, decision_for, next_step
from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import Command, Escalate
from pulseops.incidents.events import Escalated, IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.ids import derived_id

Store = EventStore[Command, Incident | None, IncidentFact]

_LONGEST_RETRY = timedelta(minutes=5)
_PLAN = msgspec.json.Decoder(Plan)

# A worker that froze in the middle must not keep its claims, or the log: the database ends its transaction.
# A log that others hold must not keep the sweep of other logs: it is left for the next round.
_CLAIM = """
SELECT c.*, set_config('idle_in_transaction_session_timeout', '2s', true),
  set_config('lock_timeout', '1s', true)
FROM escalation.claim_due_v1($1, $2, $3) c
"""
_DUE_LOGS = "SELECT due FROM escalation.due_logs_v1($1) AS due"
_HISTORIES = "SELECT * FROM escalation.histories_v1($1, $2)"
_FIRE = "SELECT * FROM escalation.fire_v1($1, $2, $3)"


class Fired(Struct, frozen=True, kw_only=True):
    """One escalation, stored. `late_by` is in seconds."""

    incident_id: UUID
    correlation_id: UUID
    level: int
    to: str
    policy: str
    position: int
    late_by: float


class Swept(Struct, frozen=True, kw_only=True):
    """What a sweep did. `claimed` deadlines were due; of those not fired, some were answered meanwhile
    (ended), some lost a race (kept for the next sweep), and `unreadable` ones are tried again later.
    """

    claimed: int = 0
    fired: tuple[Fired, ...] = ()
    unreadable: tuple[UUID, ...] = ()


class Deadline(Struct, frozen=True, kw_only=True):
    """A claimed deadline: level `step` of `plan` was due at `due_at`."""

    incident_id: UUID
    step: int
    due_at: datetime
    plan: Plan


class Move(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a claimed deadline, as `fire_v1` takes it: without `step` it ends."""

    incident_id: UUID
    ordinal: int | None = None
    step: int | None = None
    due_at: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    last_error: str | None = None


async def due_logs(pool: asyncpg.Pool, *, now: datetime) -> list[int]:
    """The logs in which anything is due at `now`."""
    return [row["due"] for row in await pool.fetch(_DUE_LOGS, now)]


async def sweep(pool: asyncpg.Pool, store: Store, codec: Codec, *, now: datetime, limit: int = 500) -> Swept:
    """Fires at most `limit` deadlines that are due at `now`. Call it again while `claimed` comes to `limit`.

    Deciding again after a race is left to the next sweep. Raises what asyncpg raises; nothing happened then.
    """
    async with pool.acquire() as connection, connection.transaction():
        claimed = await connection.fetch(_CLAIM, store.log_id, now, limit)
        if not claimed:
            return Swept()
        ids = [row["incident_id"] for row in claimed]
        rows = await connection.fetch(_HISTORIES, store.log_id, ids)
        histories = {key: list(group) for key, group in groupby(rows, key=itemgetter("stream_id"))}
        batch: list[AppendRequest] = []
        moves: list[Move] = []
        unreadable: list[UUID] = []
        for row in claimed:
            try:
                past = [codec.decode(event) for event in histories.get(row["incident_id"], ())]
                request, move = step_taken(store, _deadline(row), past, now)
            except Exception as error:  # noqa: BLE001 -- recorded in the row: one bad history must not stop the rest
                request, move = None, _postponed(row, error, now)
                unreadable.append(row["incident_id"])
            if request is not None:
                batch.append(request)
                move = replace(move, ordinal=len(batch))
            moves.append(move)
        answers = await connection.fetch(_FIRE, store.log_id, _json(batch), _json(moves))
    stored = (
        (batch[answer["ordinal"] - 1], answer["position"])
        for answer in answers
        if answer["verdict"] == "stored"
    )
    return Swept(
        claimed=len(claimed),
        fired=tuple(_fired(request, position) for request, position in stored),
        unreadable=tuple(unreadable),
    )


def step_taken(
    store: Store, deadline: Deadline, past: Sequence[Recorded[IncidentFact]], now: datetime
) -> tuple[AppendRequest | None, Move]:
    """What history is asked to take for a due deadline, if anything, and where the deadline goes then. Pure.

    A deadline behind its incident's level (another transaction fired it) is brought up to it, unfired.
    """
    incident = store.decider.fold(past)
    if incident is None or incident.status != "open":
        return None, Move(incident_id=deadline.incident_id)
    causes = [one for one in past if one.fact.type in {"ASSIGNED", "ESCALATED"}]
    cause = causes[-1] if causes else past[-1]
    if incident.escalation_level >= deadline.step:
        return None, _moved(deadline, _after(deadline.plan, cause))
    plan, level = deadline.plan, deadline.step
    command = Escalate(
        level=level,
        to=plan.steps[level - 1].to,
        policy=plan.policy,
        due_at=deadline.due_at,
        late_by=max(0.0, (now - deadline.due_at).total_seconds()),
        decision=decision_for(plan, level),
    )
    context = Context(
        actor="system:escalation",
        now=now,
        command_id=derived_id("escalate", store.log_id, deadline.incident_id, plan.policy, level),
        correlation_id=past[0].meta.correlation_id,
        causation_id=cause.event_id,
    )
    draft = store.draft(deadline.incident_id, incident, past[-1].version, command, context)
    return draft.request, _moved(deadline, next_step(plan, fired=level, due=deadline.due_at, now=now))


def _after(plan: Plan, escalated: Recorded[IncidentFact]) -> Due | None:
    fact = escalated.fact
    if not isinstance(fact, Escalated):
        raise TypeError(f"{escalated.stream_id} has a level, but no {Escalated.type}")
    fired_at = fact.due_at + timedelta(seconds=fact.late_by)
    return next_step(plan, fired=fact.level, due=fact.due_at, now=fired_at)


def _moved(deadline: Deadline, due: Due | None) -> Move:
    if due is None:
        return Move(incident_id=deadline.incident_id)
    return Move(incident_id=deadline.incident_id, step=due.level, due_at=due.at)


def _deadline(row: Mapping[str, Any]) -> Deadline:
    return Deadline(
        incident_id=row["incident_id"],
        step=row["step"],
        due_at=row["due_at"],
        plan=_PLAN.decode(row["plan"]),
    )


def _postponed(row: Mapping[str, Any], error: Exception, now: datetime) -> Move:
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


def _fired(request: AppendRequest, position: int) -> Fired:
    fact = request.events[-1].data
    if not isinstance(fact, Escalated):
        raise TypeError(f"{request.stream_id} was to be escalated, but {fact.type} was stored")
    return Fired(
        incident_id=request.stream_id,
        correlation_id=request.events[-1].meta.correlation_id,
        level=fact.level,
        to=fact.to,
        policy=fact.policy,
        position=position,
        late_by=fact.late_by,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
