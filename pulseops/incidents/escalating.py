"""Whether an incident is escalated: the one decision that needs next to nothing of the state. Pure."""

from collections.abc import Sequence

from pulseops.incidents.commands import Escalate
from pulseops.incidents.events import Escalated, Status
from pulseops.kernel.errors import InvalidTransition


def escalated(command: Escalate, *, status: Status, level: int, snoozed: bool = False) -> Sequence[Escalated]:
    """What the decider answers to `Escalate`, for an incident of this status that has reached `level`.

    Here by itself, so that thousands are decided on without their histories, by the same words. What a person
    asks for is refused aloud, and does not depend on whether somebody has answered; what the clock asks for
    is simply not wanted any more.
    """
    if command.asked:
        if status not in {"open", "acknowledged"}:
            raise InvalidTransition(
                f"The incident is {status}: there is nothing to escalate.", current=status
            )
        if command.level > level + 1:
            raise InvalidTransition(
                f"Its levels have begun anew meanwhile: the next one is {level + 1}, not {command.level}. "
                "Ask again.",
                current=status,
            )
    elif status != "open" or snoozed:
        return []
    if command.level <= level:
        return []
    return [
        Escalated(
            level=command.level,
            to=command.to,
            policy=command.policy,
            due_at=command.due_at,
            late_by=command.late_by,
            decision=command.decision,
            note=command.note,
        )
    ]
