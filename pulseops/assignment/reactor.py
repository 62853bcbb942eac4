"""A classified incident is assigned. Pure: where this runs is the wiring's business."""

from collections.abc import Sequence

from pulseops.assignment.rules import AssignmentRules, assign
from pulseops.incidents.commands import Assign
from pulseops.incidents.events import Classified, IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Recorded


def react(
    recorded: Recorded[IncidentFact], incident: Incident, *, rules: AssignmentRules
) -> Sequence[Assign]:
    """CLASSIFIED is answered by one `Assign`; nothing else is."""
    return [assign(incident, rules)] if isinstance(recorded.fact, Classified) else []
