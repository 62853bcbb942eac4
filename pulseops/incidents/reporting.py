"""Reporting incidents, one or many: a batch is many single reports that share a request."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import structlog
from msgspec import Struct

from pulseops.access.keys import Principal
from pulseops.access.permissions import allowed
from pulseops.eventstore.outcome import Outcome
from pulseops.http import idempotency
from pulseops.http.exchange import Exchange
from pulseops.http.refusal import Refused
from pulseops.incidents.commands import Create, Rejoin
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.incidents.joined import as_reported, joined
from pulseops.incidents.store import Incidents
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.errors import InvalidTransition, NameTaken, VersionConflict
from pulseops.kernel.ids import new_id

_ATTEMPTS = 5


@cache
def _logger() -> Any:
    """Bound once: structlog's proxy binds anew at every line, which costs as much as the line."""
    return structlog.get_logger("pulseops.incidents").bind()


class Caller(Struct, frozen=True):
    """Who asks, and in which request."""

    principal: Principal
    exchange: Exchange


class Report(Struct, frozen=True):
    """`deduplicated`: nothing was created, this incident was there. `replayed`: it was answered before.

    `facts` are those that were stored, when there were any.
    """

    incident: Incident
    facts: Sequence[Recorded[IncidentFact]] = ()
    deduplicated: bool = False
    replayed: bool = False

    @property
    def status(self) -> int:
        return 200 if self.deduplicated else 201


async def report(incidents: Incidents, caller: Caller, command: Create, key: str | None) -> Report:
    """Create an incident, or find the open one that holds its dedup key. Raises what the store raises.

    Under a key either answer is remembered, and the request may be repeated whatever becomes of the incident.
    """
    identity = idempotency.identity(key, caller=caller.principal.caller, kind="create", body=command)
    context = Context(
        actor=caller.principal.actor,
        now=utc_now(),
        command_id=identity.command_id,
        fingerprint=identity.fingerprint,
        correlation_id=caller.exchange.correlation_id,
        occurred_at=command.occurred_at,
    )
    for _ in range(_ATTEMPTS):
        try:
            outcome = await incidents.execute(new_id(), command, context, expected_version=0)
        except NameTaken as taken:
            holder = await joined(incidents, taken.holder, context)
            if holder is None:
                continue
            if key is None:
                return Report(_shown(holder, caller, command), deduplicated=True)
            try:
                outcome = await incidents.execute(holder.id, Rejoin(), context)
            except (InvalidTransition, VersionConflict):  # it is over since we looked, or in many hands
                continue
        return _told(outcome, caller, command)
    raise Refused("contended", "Incidents with this dedupKey come and go too fast. Try again.")


def _told(outcome: Outcome[Incident | None, IncidentFact], caller: Caller, command: Create) -> Report:
    """What was created has facts; an incident that was joined has none of this command's."""
    if outcome.state is None:
        raise TypeError("A reported incident has a state.")
    if not outcome.facts:
        incident = _shown(outcome.state, caller, command)
        return Report(incident, deduplicated=True, replayed=outcome.replayed)
    return Report(outcome.state, () if outcome.replayed else outcome.facts, replayed=outcome.replayed)


def _shown(incident: Incident, caller: Caller, command: Create) -> Incident:
    """One that was joined was there before, and may be none of the caller's business."""
    who = caller.principal
    seen = who.sees(incident.assigned_team) and allowed(who.role, "incident.read")
    return incident if seen else as_reported(incident, command)


def log(facts: Sequence[Recorded[IncidentFact]], *, replayed: bool) -> None:
    """One line a command, naming every event that it added."""
    if facts and not replayed:
        _logger().info(
            "events stored",
            incidentId=str(facts[0].stream_id),
            types=[recorded.fact.type for recorded in facts],
            position=facts[-1].position,
            version=facts[-1].version,
            actor=facts[0].meta.actor,
        )


def log_batch(caller: Caller, made: Sequence[Report]) -> None:
    """One line for all of them: the log of events itself has them one by one, under the correlation id."""
    stored = [one.incident.position for one in made if one.facts]
    if stored:
        _logger().info(
            "batch stored", incidents=len(stored), position=max(stored), actor=caller.principal.actor
        )
