"""Facts put into their envelopes, for tests of what reacts to them."""

from datetime import UTC, datetime
from uuid import UUID

from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Incident, evolve
from pulseops.kernel.envelope import Meta, Recorded

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STREAM = UUID(int=1)


def recorded(fact: IncidentFact, *, version: int = 1) -> Recorded[IncidentFact]:
    """A fact as if it were the `version`-th of the only stream there is."""
    return Recorded(
        log_id=1,
        position=version,
        stream_id=STREAM,
        version=version,
        event_id=UUID(int=version),
        command_id=UUID(int=99),
        occurred_at=NOON,
        recorded_at=NOON,
        fact=fact,
        meta=Meta(actor="key:test", correlation_id=UUID(int=99)),
    )


def incident_of(*history: Recorded[IncidentFact]) -> Incident:
    """The incident after its history."""
    incident: Incident | None = None
    for one in history:
        incident = evolve(incident, one)
    assert incident is not None
    return incident
