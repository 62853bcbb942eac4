"""What follows when two incidents are the same fault, or are not. Each side decides for itself. Pure."""

from collections.abc import Sequence

from pulseops.incidents.commands import Absorb, Merge, Release, Split
from pulseops.incidents.events import Absorbed, IncidentFact, Merged, Released
from pulseops.incidents.events import Split as SplitOff
from pulseops.incidents.incident import Incident
from pulseops.incidents.responding import require_alive
from pulseops.kernel.errors import InvalidInput, InvalidTransition

MOST_MERGED = 1_000

Joint = Merge | Absorb | Split | Release


def join(command: Joint, incident: Incident) -> Sequence[IncidentFact]:
    """The facts that follow; none when it is so already. Raises InvalidTransition and InvalidInput."""
    match command:
        case Merge():
            if command.into == incident.id:
                raise InvalidInput("An incident cannot be merged into itself.", pointer="/into")
            if command.into == incident.merged_into:
                return []
            require_alive(incident, "merge")
            return [Merged(into=command.into, note=command.note)]
        case Absorb():
            if command.incident in incident.merged:
                return []
            _require_target(incident)
            return [Absorbed(incident=command.incident, note=command.note)]
        case Split():
            if incident.merged_into is None:
                return []
            return [SplitOff(origin=incident.merged_into, note=command.note)]
        case Release():
            if command.incident not in incident.merged:
                return []
            return [Released(incident=command.incident, note=command.note)]


def _require_target(incident: Incident) -> None:
    if incident.status not in {"open", "acknowledged"}:
        raise InvalidTransition(
            f"The incident to merge into is {incident.status}: it takes nothing in.", current=incident.status
        )
    if len(incident.merged) >= MOST_MERGED:
        raise InvalidTransition(
            f"It has taken in {MOST_MERGED:,} incidents, and takes no more.", current=incident.status
        )
