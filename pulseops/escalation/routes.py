"""Escalations over HTTP: what is due when."""

from typing import Annotated

import asyncpg
from litestar import get
from msgspec import Meta, Struct

from pulseops.access.guards import principal
from pulseops.db.clock import DatabaseClock
from pulseops.escalation import timers
from pulseops.escalation.agenda import MOST, Escalations, list_escalations
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.position import HEADER, Position, place
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import Word
from pulseops.incidents.events import Priority
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which escalations a list shows; soonest first."""

    priority: Annotated[Priority, Meta(description="Only those of this priority.")] | None = None
    team: Annotated[Word, Meta(description="Only those of this team's incidents.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")] | None = None
    min_position: Position | None = None


_WANTED = Query(Wanted)
_SHOWN = (BOARD.name, timers.NAME)


@get(
    "/escalations",
    opt={
        "spec": Spec(
            name="listEscalations",
            action="incident.read",
            summary="What is due when",
            tag="escalation",
            query=Wanted,
            answers={200: Shape(means="One page, soonest first.", kind=Escalations, headers=(HEADER,))},
            problems=("behind", "overloaded"),
        )
    },
)
async def list_due(request: Req) -> Answer:
    """Who hears next of each incident that nobody has answered yet."""
    wanted, log_id = _WANTED.read(request), principal(request).log_id

    async def look(connection: asyncpg.Connection) -> Escalations:
        return await list_escalations(
            connection,
            now=await DatabaseClock(connection).now(),
            priority=(wanted.priority,) if wanted.priority else (),
            team=(wanted.team,) if wanted.team else (),
            cursor=wanted.cursor,
            limit=wanted.limit,
            log_id=log_id,
        )

    reads: Reads = request.app.state.reads
    seen = await reads.of(models(_SHOWN, log_id=log_id), look, least=wanted.min_position)
    return encoded(seen.found, headers=[place(seen.position)])


ROUTES = (list_due,)
