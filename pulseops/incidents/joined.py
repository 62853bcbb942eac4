"""Which incident a report joins whose dedup key is held: the holder, or the one that it lives on in."""

from datetime import datetime
from uuid import UUID

from pulseops.incidents.commands import Conclude, Create
from pulseops.incidents.events import Decision
from pulseops.incidents.incident import Incident
from pulseops.incidents.moments import before
from pulseops.incidents.store import Incidents
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import VersionConflict
from pulseops.kernel.ids import derived_id
from pulseops.kernel.moments import At

_ACTOR = "system:merging"


async def joined(incidents: Incidents, holder_id: UUID, context: Context) -> Incident | None:
    """None when the key is free: nobody whom it stood for is left. Raises what the store raises.

    A merged holder keeps its key for as long as what it lives on in is not over; then it is over as well.
    """
    holder = await _stands(incidents, holder_id)
    last = None if holder is None else await end_of(incidents, holder)
    if last is not None and last.status != "resolved":
        return last
    if holder is not None and holder.status == "merged" and last is not None:
        await _conclude(incidents, holder, last, context)
    return None


async def end_of(incidents: Incidents, merged: Incident, at: datetime | At | None = None) -> Incident | None:
    """The incident at the end of all merges, also through one that is over as a duplicate of another.

    With `at` everything is as of then, as `merged` is. There is always one: what was merged takes nothing in,
    so that merges never lead back.
    """
    last: Incident | None = merged
    while last is not None and last.merged_into is not None:
        last = await _stands(incidents, last.merged_into, at)
    return last


def as_reported(incident: Incident, said: Create) -> Incident:
    """For who may not see `incident`: what they said themselves, and where it went."""
    return Incident(
        id=incident.id,
        status=incident.status,
        title=said.title,
        description=said.description,
        source=said.source,
        service=said.service,
        environment=said.environment,
        labels=said.labels,
        dedup_key=said.dedup_key,
        priority=said.priority,
        occurred_at=said.occurred_at or incident.updated_at,
        created_at=incident.created_at,
        updated_at=incident.updated_at,
        version=incident.version,
        position=incident.position,
    )


async def _stands(
    incidents: Incidents, incident_id: UUID, at: datetime | At | None = None
) -> Incident | None:
    facts = await incidents.history.stream(incident_id)
    return incidents.decider.fold(facts if at is None else before(facts, at))


async def _conclude(incidents: Incidents, holder: Incident, last: Incident, context: Context) -> None:
    """Whoever comes first; a holder that has changed meanwhile is looked at again by the caller."""
    decision = Decision(
        decided_by=_ACTOR,
        rule="merged",
        rules_version="",
        why=f"It lived on in {last.id}, which is resolved.",
    )
    ours = Context(
        actor=_ACTOR,
        now=context.now,
        occurred_at=last.resolved_at,
        command_id=derived_id("conclude", incidents.log_id, holder.id, holder.version),
        correlation_id=context.correlation_id,
    )
    try:
        await incidents.execute(holder.id, Conclude(decision=decision), ours, expected_version=holder.version)
    except VersionConflict:
        return
