"""Firing what is due: claim, decide, append and move on, in one transaction.

Two sweeps at once share the work (SKIP LOCKED); one that dies gives its claims back. Locks are taken in one
order, deadlines and then the log, and the log's is held for the last statement only.

For escalations, histories are read only where they have grown since the deadline was written: a sweep of
thousands decides on what the deadlines say, and `append` refuses what another fact came before. Inline
reactors are not asked: who wants to answer to an escalation follows the log. An incident of which two things
are due gets one fact a sweep.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pulseops.escalation.lapses import lapsing
from pulseops.escalation.moves import Deadline, Move, pinned, postponed, step_taken, stood
from pulseops.escalation.waits import Past, waits_of
from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import Command
from pulseops.incidents.events import Escalated, IncidentFact
from pulseops.incidents.incident import Incident

Store = EventStore[Command, Incident | None, IncidentFact]

# A worker that froze in the middle must not keep its claims, or the log: the database ends its transaction.
# Frozen while it prepared a statement it counts as busy: from PostgreSQL 17 on, the whole sweep has a limit.
# A log that others hold must not keep the sweep of other logs: it is left for the next round.
_CLAIM = """
WITH bounds AS MATERIALIZED (
  SELECT set_config('lock_timeout', '1s', true),
    set_config('idle_in_transaction_session_timeout', '2s', true),
    CASE WHEN current_setting('server_version_num')::int >= 170000
      THEN set_config('transaction_timeout', '5s', true) END
)
SELECT c.* FROM bounds CROSS JOIN escalation.claim_due_v3($1, $2, $3) c
"""
_DUE_LOGS = "SELECT due FROM escalation.due_logs_v1($1) AS due"
_HISTORIES = "SELECT * FROM escalation.histories_v1($1, $2)"
_FIRE = "SELECT * FROM escalation.fire_v3($1, $2, $3)"


class Fired(Struct, frozen=True, kw_only=True):
    """What came of one deadline, stored; `late_by` is in seconds. Only an escalation has the rest."""

    incident_id: UUID
    correlation_id: UUID
    type: str
    position: int
    late_by: float
    level: int | None = None
    to: str | None = None
    policy: str | None = None


class Swept(Struct, frozen=True, kw_only=True):
    """What a sweep did. `claimed` deadlines were due; of those not fired, some were answered meanwhile
    (ended), some lost a race (kept for the next sweep), and `unreadable` ones are tried again later.
    """

    claimed: int = 0
    fired: tuple[Fired, ...] = ()
    unreadable: tuple[UUID, ...] = ()


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
        standings = {row["incident_id"]: standing for row in claimed if (standing := pinned(row)) is not None}
        unknown = {
            row["incident_id"]
            for row in claimed
            if row["kind"] != "escalation" or row["incident_id"] not in standings
        }
        pasts = await _pasts(connection, store.log_id, [*unknown])
        batch: dict[UUID, AppendRequest] = {}
        lateness: list[float] = []
        moves: list[Move] = []
        unreadable: list[UUID] = []
        for row in claimed:
            incident_id, request = row["incident_id"], None
            if incident_id in batch:
                continue
            try:
                standing = standings.get(incident_id) if row["kind"] == "escalation" else None
                if standing is not None:
                    request, move = step_taken(
                        store.log_id, _deadline(row), standing, now, ordinal=len(batch) + 1
                    )
                else:
                    past = [codec.decode(event) for event in pasts.get(incident_id, ())]
                    request, move = _decided(store, row, past, now, ordinal=len(batch) + 1)
            except Exception as error:  # noqa: BLE001 -- recorded in the row: one bad history must not stop the rest
                move = postponed(row, error, now)
                unreadable.append(incident_id)
            if request is not None:
                batch[incident_id] = request
                lateness.append(max(0.0, (now - row["due_at"]).total_seconds()))
            moves.append(move)
        requests = list(batch.values())
        answers = await connection.fetch(_FIRE, store.log_id, _json(requests), _json(moves))
    stored = (
        (answer["ordinal"] - 1, answer["position"]) for answer in answers if answer["verdict"] == "stored"
    )
    return Swept(
        claimed=len(claimed),
        fired=tuple(_fired(requests[index], position, lateness[index]) for index, position in stored),
        unreadable=tuple(unreadable),
    )


def _decided(
    store: Store, row: Mapping[str, Any], past: Past, now: datetime, *, ordinal: int
) -> tuple[AppendRequest | None, Move]:
    """As `step_taken`, for any kind, by the history."""
    incident = store.decider.fold(past)
    ended = Move(incident_id=row["incident_id"], kind=row["kind"])
    if incident is None:
        return None, ended
    waits = waits_of(incident, past)
    if row["kind"] == "escalation":
        return step_taken(store.log_id, _deadline(row), stood(waits), now, ordinal=ordinal)
    asked = lapsing(store.log_id, row, waits, incident, now)
    if isinstance(asked, Move):
        return None, asked
    draft = store.draft(incident.id, incident, incident.version, asked.command, asked.context)
    return (draft.request, replace(ended, ordinal=ordinal)) if draft.facts else (None, ended)


async def _pasts(
    connection: asyncpg.Connection, log_id: int, ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[Mapping[str, Any]]]:
    if not ids:
        return {}
    rows = await connection.fetch(_HISTORIES, log_id, ids)
    return {key: list(group) for key, group in groupby(rows, key=itemgetter("stream_id"))}


def _deadline(row: Mapping[str, Any]) -> Deadline:
    return Deadline(
        incident_id=row["incident_id"],
        step=row["step"],
        due_at=row["due_at"],
        plan=row["plan"],
        wait_id=row["wait_id"],
        version=row["version"],
    )


def _fired(request: AppendRequest, position: int, late_by: float) -> Fired:
    event = request.events[-1]
    fact = event.data
    fired = Fired(
        incident_id=request.stream_id,
        correlation_id=event.meta.correlation_id,
        type=event.type,
        position=position,
        late_by=late_by,
    )
    if isinstance(fact, Escalated):
        return replace(fired, level=fact.level, to=fact.to, policy=fact.policy)
    return fired


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
