"""What an incident answers to a command. Private to this room and the wiring; pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pulseops.incidents.commands import (
    Absorb,
    Acknowledge,
    Assign,
    ChangeCategory,
    ChangePriority,
    Classify,
    Command,
    Comment,
    Conclude,
    Create,
    DeclareImpact,
    Edit,
    Escalate,
    Lapse,
    Link,
    Merge,
    Reassign,
    Rejoin,
    Release,
    Reopen,
    Resolve,
    Snooze,
    Split,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.describing import describe
from pulseops.incidents.escalating import escalated
from pulseops.incidents.events import (
    FACTS,
    Assigned,
    Classified,
    Created,
    IncidentFact,
    Reopened,
    Resolved,
)
from pulseops.incidents.events import Split as SplitOff
from pulseops.incidents.incident import Incident, evolve
from pulseops.incidents.joining import join
from pulseops.incidents.responding import require_alive, respond
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
            raise InvalidTransition(f"Incident {incident.id} already exists.", current=incident.status)
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
        case Escalate():
            return escalated(
                command,
                status=incident.status,
                level=incident.escalation_level,
                snoozed=incident.snoozed_until is not None,
            )
        case (
            Reassign()
            | Acknowledge()
            | Unacknowledge()
            | Snooze()
            | Unsnooze()
            | Lapse()
            | Resolve()
            | Conclude()
            | Reopen()
        ):
            return respond(command, incident, context)
        case ChangePriority() | ChangeCategory() | Edit() | Comment() | Link() | DeclareImpact():
            return describe(command, incident)
        case Merge() | Absorb() | Split() | Release():
            return join(command, incident)
        case Rejoin():
            require_alive(incident, "join")
            return []


def claims(fact: IncidentFact, incident: Incident | None) -> Claims:
    """An unresolved incident holds its dedup key: no second one is created under it until it is over.

    A merged one holds its own still, so that reports under it find their way to the one it lives on in.
    """
    match fact:
        case Created(dedup_key=str(key)):
            return Claims(take=f"dedup:{key}")
        case Resolved() if incident is not None and incident.dedup_key is not None:
            return Claims(release=f"dedup:{incident.dedup_key}")
        case Reopened() | SplitOff() if incident is not None and incident.dedup_key is not None:
            return Claims(take=f"dedup:{incident.dedup_key}")
        case _:
            return Claims()


INCIDENT: Decider[Command, Incident | None, IncidentFact] = Decider(
    name="incident", facts=FACTS, initial=None, decide=decide, evolve=evolve, claims=claims
)
