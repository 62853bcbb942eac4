"""Our incident as a user of `eventsourcing` would write it: the same facts, with the same fields."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import inline
from tests.benchmarks.reports import COMMANDS
from tests.histories import store


class Ticket(Aggregate):
    @event("Created")
    def __init__(
        self, title: str, description: str, source: str, service: str, labels: dict[str, str]
    ) -> None:
        self.title, self.description, self.source = title, description, source
        self.service, self.labels = service, labels
        self.status, self.priority, self.category, self.team = "open", "", "", ""

    @event("Classified")
    def classify(
        self,
        priority: str,
        category: str,
        priority_decision: dict[str, Any],
        category_decision: dict[str, Any],
    ) -> None:
        self.priority, self.category = priority, category

    @event("Assigned")
    def assign(self, team: str, decision: dict[str, Any]) -> None:
        self.team = team

    @event("Acknowledged")
    def acknowledge(self, note: str) -> None:
        self.status = "acknowledged"


class Tickets(Application[UUID]):
    name = "tickets"


def environment(url: str) -> dict[str, str]:
    """The PostgreSQL module with its default settings."""
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.removeprefix("/"),
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
    }


@contextmanager
def tickets(url: str) -> Iterator[Tickets]:
    """Open on a database; it makes its tables, so `url` is one of a login that may."""
    application = Tickets(env=environment(url))
    try:
        yield application
    finally:
        application.close()


def reported(number: int) -> Ticket:
    """Reported, classified and assigned as our own rules say, and acknowledged: four events, unsaved."""
    context = Context(actor="key:bench", now=utc_now(), command_id=new_id(), correlation_id=new_id())
    command = COMMANDS[number % len(COMMANDS)]
    drafted = store(1, inline(load_rulebook(None))).draft(new_id(), None, 0, command, context)
    _, classified, assigned = (msgspec.to_builtins(one.fact) for one in drafted.facts)
    ticket = Ticket(command.title, command.description, command.source, command.service or "", command.labels)
    ticket.classify(
        classified["priority"],
        classified["category"],
        classified["priorityDecision"],
        classified["categoryDecision"],
    )
    ticket.assign(assigned["team"], assigned["decision"])
    ticket.acknowledge("On it.")
    return ticket
