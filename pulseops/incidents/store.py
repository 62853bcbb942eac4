"""The store of the incidents of one log."""

from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import Command
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Incident

Incidents = EventStore[Command, Incident | None, IncidentFact]
