"""What PulseOps is made of. Read it aloud."""

from collections.abc import Callable, Sequence
from functools import cache, partial

import asyncpg

from pulseops.assignment import reactor as assignment
from pulseops.classification import reactor as classification
from pulseops.escalation import routes as escalation
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.store import Appender, EventStore, History
from pulseops.http import docs, health, openapi
from pulseops.incidents import board, timeline
from pulseops.incidents import routes as incidents
from pulseops.incidents.answers import Incidents
from pulseops.incidents.board import BOARD
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.decider import Reactor
from pulseops.live import routes as live
from pulseops.operations import routes as operations
from pulseops.projections.generations import ReadModel
from pulseops.rulebook.loader import Rulebook
from pulseops.subscriptions.subscription import Projector

CODEC = Codec(INCIDENT.facts)

Logs = Callable[[int], Incidents]

ROUTES = (
    *incidents.ROUTES,
    *escalation.ROUTES,
    *operations.ROUTES,
    *live.ROUTES,
    *health.ROUTES,
    *docs.ROUTES,
    openapi.openapi,
)


READ_MODELS: Sequence[ReadModel] = (board.MODEL, timeline.MODEL)
"""What can be rebuilt beside itself. Deadlines cannot: the sweep moves them too."""


def inline(rules: Rulebook) -> Sequence[Reactor]:
    """Folded into the command's own append: created, classified and assigned in one commit."""
    return (
        Reactor(name="classification", react=partial(classification.react, rules=rules.classification)),
        Reactor(name="assignment", react=partial(assignment.react, rules=rules.assignment)),
    )


def projectors(rules: Rulebook) -> Sequence[Projector]:
    """Led by the worker."""
    return (BOARD, TIMELINE, deadlines(rules.escalation))


def assemble(appender: Appender, history: History, rules: Rulebook, *, log_id: int = 1) -> Incidents:
    """The incidents of one log."""
    return EventStore(INCIDENT, appender=appender, history=history, reactors=inline(rules), log_id=log_id)


def logs(appender: Callable[[int], Appender], pool: asyncpg.Pool, rules: Rulebook) -> Logs:
    """The incidents of each log, by its number: written through its appender, read through the pool."""

    @cache
    def of(log_id: int) -> Incidents:
        return assemble(appender(log_id), LogHistory(pool, CODEC, log_id=log_id), rules, log_id=log_id)

    return of
