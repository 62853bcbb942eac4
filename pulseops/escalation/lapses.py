"""What comes of a due deadline when an acknowledgement, a snooze or an incident runs out. Pure.

There are few of these, so that each is decided on its history.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pulseops.escalation.moves import Move
from pulseops.escalation.rules import Plan, lapse_of_acknowledgement, lapse_of_incident, lapse_of_snooze
from pulseops.escalation.waits import Waits, due
from pulseops.incidents.commands import Lapse
from pulseops.incidents.events import Decision
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import derived_id

What = Literal["acknowledgement", "snooze", "incident"]

_PLAN = msgspec.json.Decoder(Plan | None)


class Lapsing(Struct, frozen=True):
    """What is asked of the incident, and in whose name."""

    command: Lapse
    context: Context


def lapsing(
    log_id: int, row: Mapping[str, Any], waits: Waits, incident: Incident, now: datetime
) -> Lapsing | Move:
    """What a claimed deadline asks of the incident; where it goes when it asks for nothing (any more)."""
    what: What = row["kind"]
    began = waits.began.get(what)
    if began is None or began != row["wait_id"]:
        return Move(incident_id=incident.id, kind=what)
    plan: Plan | None = _PLAN.decode(row["plan"] or "null")
    when = due(what, waits, plan)
    if when is None:
        return Move(incident_id=incident.id, kind=what)
    if when.at > now:
        return Move(incident_id=incident.id, kind=what, step=when.level, due_at=when.at, wait_id=began)
    return Lapsing(
        Lapse(what=what, due_at=when.at, decision=_decision(what, plan, waits)),
        Context(
            actor="system:escalation",
            now=now,
            command_id=derived_id("lapse", log_id, incident.id, what, began),
            correlation_id=waits.correlation_id,
            causation_id=began,
        ),
    )


def _decision(what: What, plan: Plan | None, waits: Waits) -> Decision:
    if what == "snooze" and waits.until is not None:
        return lapse_of_snooze(waits.until, waits.by)
    if plan is None:
        raise TypeError(f"A deadline of kind {what} has no plan")
    return lapse_of_acknowledgement(plan, waits.by) if what == "acknowledgement" else lapse_of_incident(plan)
