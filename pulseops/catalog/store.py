"""The store of the catalog of one log."""

from pulseops.catalog.commands import Command
from pulseops.catalog.entry import Entry
from pulseops.catalog.events import CatalogFact
from pulseops.eventstore.store import EventStore

Catalog = EventStore[Command, Entry | None, CatalogFact]
