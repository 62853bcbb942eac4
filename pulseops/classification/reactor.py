"""A new incident is classified. Pure: where this runs is the wiring's business."""

from collections.abc import Sequence

from pulseops.classification.rules import Classifier
from pulseops.incidents.commands import Classify
from pulseops.incidents.events import Created, IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Recorded


def react(recorded: Recorded[IncidentFact], _incident: Incident, *, rules: Classifier) -> Sequence[Classify]:
    """CREATED is answered by one `Classify`; nothing else is."""
    return [rules.classify(recorded.fact)] if isinstance(recorded.fact, Created) else []
