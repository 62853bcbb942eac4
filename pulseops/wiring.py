"""What PulseOps is made of. Read it aloud."""

from litestar.handlers import BaseRouteHandler

from pulseops.eventstore.codec import Codec
from pulseops.eventstore.store import Appender, EventStore, History
from pulseops.eventstore.subscriptions import Projector
from pulseops.http import docs, health, openapi
from pulseops.incidents import routes as incidents
from pulseops.incidents.answers import Incidents
from pulseops.incidents.board import BOARD
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.timeline import TIMELINE

CODEC = Codec(INCIDENT.facts)
PROJECTORS: tuple[Projector, ...] = (BOARD, TIMELINE)
ROUTES: tuple[BaseRouteHandler, ...] = (
    *incidents.ROUTES,
    *health.ROUTES,
    *docs.ROUTES,
    openapi.openapi,
)


def assemble(appender: Appender, history: History, *, log_id: int = 1) -> Incidents:
    """The incidents, decided on one log."""
    return EventStore(INCIDENT, appender=appender, history=history, log_id=log_id)
