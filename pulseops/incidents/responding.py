"""What follows when somebody answers an incident, stops answering, or says that it is over. Pure."""

from collections.abc import Sequence
from datetime import UTC, timedelta

from pulseops.incidents.commands import (
    Acknowledge,
    Conclude,
    Lapse,
    Reassign,
    Reopen,
    Resolve,
    Snooze,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Decision,
    IncidentFact,
    Reopened,
    Resolved,
    Snoozed,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import InvalidInput, InvalidTransition

LONGEST_SNOOZE = timedelta(days=90)

Response = Reassign | Acknowledge | Unacknowledge | Snooze | Unsnooze | Lapse | Resolve | Conclude | Reopen


def respond(command: Response, incident: Incident, context: Context) -> Sequence[IncidentFact]:
    """The facts that follow; none when it is so already. Raises InvalidTransition and InvalidInput."""
    match command:
        case Reassign():
            return _reassigned(command, incident, context)
        case Acknowledge():
            require_alive(incident, "acknowledge")
            answered = incident.status == "acknowledged" and incident.snoozed_until is None
            return [] if answered else [Acknowledged(note=command.note)]
        case Unacknowledge():
            require_alive(incident, "take the acknowledgement from")
            return [Unacknowledged(note=command.note)] if incident.status == "acknowledged" else []
        case Snooze():
            return _snoozed(command, incident, context)
        case Unsnooze():
            require_alive(incident, "wake")
            return [Unsnoozed(note=command.note)] if incident.snoozed_until else []
        case Lapse():
            return _lapsed(command, incident)
        case Resolve():
            require_unmerged(incident)
            if incident.status == "resolved":
                _require_same_end(command, incident)
                return []
            return [Resolved(note=command.note, resolution=command.resolution, cause=command.cause)]
        case Conclude():
            if incident.status != "merged":
                return []
            return [Resolved(resolution="duplicate", decision=command.decision)]
        case Reopen():
            require_unmerged(incident)
            return [Reopened(note=command.note)] if incident.status == "resolved" else []


def _require_same_end(command: Resolve, incident: Incident) -> None:
    """Raises InvalidTransition where it ended otherwise: what was said of its end is not passed over."""
    for said, stands in ((command.resolution, incident.resolution), (command.cause, incident.cause)):
        if said is not None and said != stands:
            how = incident.resolution or "without a resolution"
            raise InvalidTransition(
                f"The incident is resolved already, {how}: reopen it to end it otherwise.",
                current=incident.status,
            )


def require_alive(incident: Incident, what: str) -> None:
    """Raises InvalidTransition when it is over, or lives on in another one."""
    require_unmerged(incident)
    if incident.status == "resolved":
        raise InvalidTransition(
            f"The incident is resolved: there is nothing left to {what}.", current=incident.status
        )


def require_unmerged(incident: Incident) -> None:
    """Raises InvalidTransition when it lives on in another one."""
    if incident.merged_into is not None:
        raise InvalidTransition(
            f"The incident was merged into {incident.merged_into}: act on that one, or split this one first.",
            current=incident.status,
        )


def _reassigned(command: Reassign, incident: Incident, context: Context) -> Sequence[IncidentFact]:
    require_alive(incident, "assign")
    if command.team is None and command.responder is None:
        raise InvalidInput("Name a team, a responder, or both.", pointer="/team")
    team = command.team or incident.assigned_team
    if team is None:
        raise InvalidInput("It has no team yet: name one.", pointer="/team")
    stays = team == incident.assigned_team
    responder = command.responder or (incident.responder if stays else None)
    if stays and responder == incident.responder:
        return []
    decision = Decision(
        decided_by=context.actor, rule="manual", rules_version="", why=command.note or "Somebody said so."
    )
    return [Assigned(team=team, responder=responder, decision=decision, note=command.note)]


def _snoozed(command: Snooze, incident: Incident, context: Context) -> Sequence[IncidentFact]:
    require_alive(incident, "snooze")
    if command.until == incident.snoozed_until:
        return []
    if command.until <= context.now:
        raise InvalidInput("That time has passed.", pointer="/until")
    if command.until > context.now + LONGEST_SNOOZE:
        raise InvalidInput(f"At most {LONGEST_SNOOZE.days} days.", pointer="/until")
    return [Snoozed(until=command.until.astimezone(UTC), note=command.note)]


def _lapsed(command: Lapse, incident: Incident) -> Sequence[IncidentFact]:
    """Nothing when somebody was quicker: the time that was up is not the one that it waits for now."""
    match command.what:
        case "acknowledgement":
            if incident.status != "acknowledged" or incident.snoozed_until is not None:
                return []
            return [Unacknowledged(decision=command.decision)]
        case "snooze":
            if incident.snoozed_until is None or incident.snoozed_until > command.due_at:
                return []
            return [Unsnoozed(decision=command.decision)]
        case "incident":
            if incident.status not in {"open", "acknowledged"}:
                return []
            return [Resolved(resolution="timed_out", decision=command.decision)]
