"""What PulseOps is made of. Read it aloud."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import asyncpg

from pulseops.access import events as access_events
from pulseops.assignment import reactor as assignment
from pulseops.audit.sealing import SEALER
from pulseops.catalog import service, team
from pulseops.catalog.decider import CATALOG
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.service import SERVICES
from pulseops.catalog.store import Catalog
from pulseops.catalog.team import TEAMS
from pulseops.classification import reactor as classification
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.store import Appender, EventStore, History
from pulseops.incidents import board, response, stint, timeline
from pulseops.incidents.board import BOARD
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.holding import take_names
from pulseops.incidents.response import RESPONSES
from pulseops.incidents.stint import STINTS
from pulseops.incidents.store import Incidents
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.decider import Reactor
from pulseops.projections.generations import ReadModel
from pulseops.projections.refolding import Refold
from pulseops.rulebook import events as rules_events
from pulseops.rulebook.applied import rules_at
from pulseops.rulebook.loader import Rulebook
from pulseops.rulebook.recording import said
from pulseops.subscriptions.subscription import Projector

FACTS = (*INCIDENT.facts, *CATALOG.facts, *access_events.FACTS, *rules_events.FACTS)
"""Everything that may stand in a log."""

CODEC = Codec(FACTS)

HOLDS = take_names
"""The names that streams hold, by their facts. Incidents alone hold any."""

Logs = Callable[[int], Incidents]
Catalogs = Callable[[int], Catalog]

READ_MODELS: Sequence[ReadModel] = (
    board.MODEL,
    timeline.MODEL,
    response.MODEL,
    stint.MODEL,
    team.MODEL,
    service.MODEL,
)
"""What can be rebuilt beside itself. Deadlines cannot: the sweep moves them too."""


REFOLDS: Sequence[Refold] = (
    board.REFOLD,
    timeline.REFOLD,
    response.REFOLD,
    stint.REFOLD,
    team.REFOLD,
    service.REFOLD,
)
"""What a replay makes anew, to hold it against what everybody reads."""


def inline(rules: Rulebook) -> Sequence[Reactor]:
    """Folded into the command's own append: created, classified and assigned in one commit."""
    return (
        Reactor(name="classification", react=partial(classification.react, rules=rules.classification)),
        Reactor(name="assignment", react=partial(assignment.react, rules=rules.assignment)),
    )


def projectors(rules: Rulebook) -> Sequence[Projector]:
    """Led by the worker."""
    return (BOARD, TIMELINE, RESPONSES, STINTS, deadlines(rules.escalation), TEAMS, SERVICES, SEALER)


def assemble(appender: Appender, history: History, rules: Rulebook, *, log_id: int = 1) -> Incidents:
    """The incidents of one log."""
    return EventStore(INCIDENT, appender=appender, history=history, reactors=inline(rules), log_id=log_id)


def logs(appender: Callable[[int], Appender], pool: asyncpg.Pool, rules: Rulebook) -> Logs:
    """The incidents of each log, by its number: written through its appender, read through the pool."""

    @cache
    def of(log_id: int) -> Incidents:
        return assemble(appender(log_id), LogHistory(pool, CODEC, log_id=log_id), rules, log_id=log_id)

    return of


def catalogs(appender: Callable[[int], Appender], pool: asyncpg.Pool) -> Catalogs:
    """The teams and services of each log, written through the same appender."""

    @cache
    def of(log_id: int) -> Catalog:
        history = LogHistory(pool, CODEC, log_id=log_id)
        return EventStore(CATALOG, appender=appender(log_id), history=history, log_id=log_id)

    return of


def defaults(rules: Rulebook) -> Defaults:
    """What the rules say of teams and services. A service is what a route names without a star."""
    return _named(said(rules.assignment))


async def defaults_at(connection: asyncpg.Connection, position: int, *, log_id: int) -> Defaults:
    """As `defaults`, of the rules that were recorded by then; nothing where none were."""
    rules = await rules_at(connection, position, log_id=log_id)
    return Defaults(version="") if rules is None else _named(rules.assignment)


def _named(assignment: Mapping[str, Any]) -> Defaults:
    services: dict[str, str] = {}
    for route in assignment.get("routes", ()):
        for word in route.get("when", {}).get("service", ()):
            if "*" not in word:
                services.setdefault(word, route["team"])
    return Defaults(
        version=assignment["version"],
        teams={team["name"]: team.get("description", "") for team in assignment["teams"]},
        services=services,
    )
