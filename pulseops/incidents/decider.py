"""What an incident answers to a command. Private to this room and the wiring; pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pulseops.incidents.commands import Acknowledge, Assign, Classify, Command, Create, Escalate, Resolve
from pulseops.incidents.escalating import escalated
from pulseops.incidents.events import (
    FACTS,
    Acknowledged,
    Assigned,
    Classified,
    Created,
    IncidentFact,
    Resolved,
)
from pulseops.incidents.incident import Incident, evolve
from pulseops.kernel.decider import Claims, Decider
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NotFound

# What is older is a mistake, and what is much older no database client can read back.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=10)


def decide(command: Command, incident: Incident | None, context: Context) -> Sequence[IncidentFact]:
    """The facts that follow; none when the command asks for what already is."""
    if isinstance(command, Create):
        if incident is not None:
            raise InvalidTransition(f"Incident {incident.id} already exists.")
        if command.occurred_at is not None and command.occurred_at > context.now + _SKEW:
            raise InvalidInput("It cannot have occurred in the future.", pointer="/occurredAt")
        if command.occurred_at is not None and command.occurred_at < _EARLIEST:
            raise InvalidInput("It cannot have occurred before 1970.", pointer="/occurredAt")
        return [
            Created(
                title=command.title,
                description=command.description,
                source=command.source,
                service=command.service,
                environment=command.environment,
                labels=command.labels,
                priority=command.priority,
                dedup_key=command.dedup_key,
            )
        ]
    if incident is None:
        raise NotFound("There is no such incident.")
    match command:
        case Classify():
            if incident.category is not None:
                return []
            return [
                Classified(
                    priority=command.priority,
                    category=command.category,
                    priority_decision=command.priority_decision,
                    category_decision=command.category_decision,
                )
            ]
        case Assign():
            if incident.assigned_team is not None:
                return []
            return [Assigned(team=command.team, decision=command.decision)]
        case Acknowledge():
            if incident.status == "resolved":
                raise InvalidTransition("The incident is resolved: there is nothing left to acknowledge.")
            return [] if incident.status == "acknowledged" else [Acknowledged(note=command.note)]
        case Escalate():
            return escalated(command, status=incident.status, level=incident.escalation_level)
        case Resolve():
            return [] if incident.status == "resolved" else [Resolved(note=command.note)]


def claims(fact: IncidentFact, incident: Incident | None) -> Claims:
    """An open incident holds its dedup key: no second one is created under it until this one is resolved."""
    match fact:
        case Created(dedup_key=str(key)):
            return Claims(take=f"dedup:{key}")
        case Resolved() if incident is not None and incident.dedup_key is not None:
            return Claims(release=f"dedup:{incident.dedup_key}")
        case _:
            return Claims()


INCIDENT: Decider[Command, Incident | None, IncidentFact] = Decider(
    name="incident", facts=FACTS, initial=None, decide=decide, evolve=evolve, claims=claims
)
