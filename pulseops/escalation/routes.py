"""Escalations over HTTP: what is due when."""

from typing import Annotated

from litestar import get
from msgspec import Meta, Struct

from pulseops.access.guards import principal
from pulseops.db.clock import DatabaseClock
from pulseops.escalation import timers
from pulseops.escalation.agenda import MOST, Escalations, list_escalations
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import Word
from pulseops.incidents.events import Priority
from pulseops.subscriptions.positions import wait_for


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which escalations a list shows; soonest first."""

    priority: Annotated[Priority, Meta(description="Only those of this priority.")] | None = None
    team: Annotated[Word, Meta(description="Only those of this team's incidents.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")] | None = None
    min_position: (
        Annotated[int, Meta(ge=0, le=2**63 - 1, description="Wait until this position of the log shows.")]
        | None
    ) = None


_WANTED = Query(Wanted)


@get(
    "/escalations",
    opt={
        "spec": Spec(
            name="listEscalations",
            summary="What is due when",
            tag="escalation",
            query=Wanted,
            answers={200: Shape(means="One page, soonest first.", kind=Escalations)},
            problems=("behind",),
        )
    },
)
async def list_due(request: Req) -> Answer:
    """Who hears next of each incident that nobody has answered yet."""
    wanted = _WANTED.read(request)
    pool, log_id = request.app.state.pool, principal(request).log_id
    if wanted.min_position is not None:
        for name in (BOARD.name, timers.NAME):
            await wait_for(pool, name, wanted.min_position, log_id=log_id)
    return encoded(
        await list_escalations(
            pool,
            now=await DatabaseClock(pool).now(),
            priority=(wanted.priority,) if wanted.priority else (),
            team=(wanted.team,) if wanted.team else (),
            cursor=wanted.cursor,
            limit=wanted.limit,
            log_id=log_id,
        )
    )


ROUTES = (list_due,)
