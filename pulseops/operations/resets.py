"""Which subscriptions may go back in history."""

from pulseops.catalog.service import SERVICES
from pulseops.catalog.team import TEAMS
from pulseops.incidents.board import BOARD
from pulseops.incidents.response import RESPONSES
from pulseops.incidents.stint import STINTS
from pulseops.incidents.timeline import TIMELINE
from pulseops.subscriptions.operating import Conflicting

_REBUILT = frozenset((BOARD.name, TIMELINE.name, RESPONSES.name, STINTS.name, TEAMS.name, SERVICES.name))


def refuse_read_models(name: str) -> None:
    """Raises Conflicting: what readers see must not go back in time under them."""
    if name in _REBUILT:
        raise Conflicting(
            f"{name} is a read model: readers would see it change back. "
            f"Make it anew beside the one they read: pulseops projections rebuild {name}"
        )
