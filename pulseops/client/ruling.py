"""`client.rules`: what incidents are judged, routed and escalated by, and were."""

from pulseops.client.call import Call, get
from pulseops.client.method import Room, W, method
from pulseops.client.past import Rules as AllRules
from pulseops.client.past import RulesDiff
from pulseops.kernel.moments import Moment


class Rules(Room[W]):
    """The rules, as they are recorded."""

    @method
    def get(self, *, as_of: Moment | None = None, version: str | None = None) -> Call[AllRules]:
        """All of them: those recorded last, or as of a time or a position, or that decisions cite so."""
        return get("/rules", AllRules, {"asOf": as_of, "version": version})

    @method
    def diff(self, since: Moment, until: Moment | None = None) -> Call[RulesDiff]:
        """What changed after `since` up to `until`, or now."""
        return get("/rules/diff", RulesDiff, {"from": since, "to": until})
