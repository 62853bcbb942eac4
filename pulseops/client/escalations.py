"""`client.escalations`: who hears next of what nobody has answered."""

from pulseops.client.call import Call, Value, get
from pulseops.client.method import Room, W, method, paged
from pulseops.client.results import Escalation, Page
from pulseops.incidents.events import Priority


class Escalations(Room[W]):
    """What is due when, soonest first."""

    @method
    def list(
        self,
        *,
        priority: Priority | None = None,
        team: str | None = None,
        kind: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[Escalation]]:
        """One page. Of another `kind` than escalation are, for example, the ends of snoozes."""
        wanted: dict[str, Value] = {"priority": priority, "team": team, "kind": kind}
        return get(
            "/escalations",
            Page[Escalation],
            wanted | {"limit": limit, "cursor": cursor, "min_position": min_position},
        )

    iterate = paged(list)
