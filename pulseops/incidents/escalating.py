"""Whether an incident is escalated: the one decision that needs next to nothing of the state. Pure."""

from collections.abc import Sequence

from pulseops.incidents.commands import Escalate
from pulseops.incidents.events import Escalated, Status


def escalated(command: Escalate, *, status: Status, level: int) -> Sequence[Escalated]:
    """What the decider answers to `Escalate`, for an incident of this status that has reached `level`.

    Here by itself, so that thousands are decided on without their histories, by the same words.
    """
    if status != "open" or command.level <= level:
        return []
    return [
        Escalated(
            level=command.level,
            to=command.to,
            policy=command.policy,
            due_at=command.due_at,
            late_by=command.late_by,
            decision=command.decision,
        )
    ]
