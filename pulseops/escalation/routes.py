"""The clock over HTTP: what is due when, one incident's plan, and its next level now."""

from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from pulseops.access.guards import principal
from pulseops.db.clock import DatabaseClock
from pulseops.escalation import timers
from pulseops.escalation.agenda import MOST, Escalations, list_escalations
from pulseops.escalation.asking import ESCALATE, EscalateNow, next_level, stands_of
from pulseops.escalation.outlook import Outlook, outlook
from pulseops.escalation.waits import Kind
from pulseops.http import etag
from pulseops.http.answer import Answer
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.position import HEADER, Position, place
from pulseops.http.spec import Shape, Spec
from pulseops.incidents.board import BOARD
from pulseops.incidents.changing import change, repeated
from pulseops.incidents.commands import Word
from pulseops.incidents.events import Priority
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which escalations a list shows; soonest first."""

    priority: Annotated[Priority, Meta(description="Only those of this priority.")] | None = None
    team: Annotated[Word, Meta(description="Only those of this team's incidents.")] | None = None
    kind: Annotated[Kind, Meta(description="What is due: an escalation, or what else runs out.")] = (
        "escalation"
    )
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
            headers=("If-None-Match",),
            answers={
                200: Shape(means="One page, soonest first.", kind=Escalations, headers=("ETag", HEADER)),
                304: Shape(means="The page is still as you have it.", headers=("ETag", HEADER)),
            },
            problems=("behind", "overloaded"),
        )
    },
)
async def list_due(request: Req) -> Answer:
    """Who hears next of each incident that nobody has answered yet."""
    wanted, asking = _WANTED.read(request), principal(request)
    log_id = asking.log_id

    async def look(connection: asyncpg.Connection) -> Escalations:
        return await list_escalations(
            connection,
            now=await DatabaseClock(connection).now(),
            priority=(wanted.priority,) if wanted.priority else (),
            team=(wanted.team,) if wanted.team else (),
            kind=wanted.kind,
            cursor=wanted.cursor,
            limit=wanted.limit,
            teams=asking.teams,
            log_id=log_id,
        )

    reads: Reads = request.app.state.reads
    measure = models(_SHOWN, log_id=log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=wanted.min_position)
    return etag.digested(request, seen.found, headers=[place(seen.position)])


@post(ESCALATE.paths, opt={"spec": ESCALATE.spec})
async def escalate(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """The level after the one that it has reached; a level that is fired meanwhile is that one."""
    body: EscalateNow = await ESCALATE.body.read(request)
    if (again := await repeated(request, incident_id, body, ESCALATE.kind)) is not None:
        return again
    stands = await stands_of(request, incident_id)
    now = await DatabaseClock(request.app.state.pool).now()
    command = next_level(stands, body, principal(request).actor, now)
    return await change(request, incident_id, command, ESCALATE.kind, body=body)


@get(
    ["/incident/{incident_id:uuid}/plan", "/incidents/{incident_id:uuid}/plan"],
    opt={
        "spec": Spec(
            name="getPlan",
            summary="What will happen to it by the clock: to whom, and when",
            tag="escalation",
            action="incident.read",
            headers=("If-None-Match",),
            answers={
                200: Shape(means="The plan as it now is.", kind=Outlook, headers=("ETag", HEADER)),
                304: Shape(means="It is still as you have it.", headers=("ETag", HEADER)),
            },
            problems=("not-found", "unknown-fact", "behind", "overloaded"),
        )
    },
)
async def plan(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Always by the incident as it now stands."""
    stands = await stands_of(request, incident_id)
    body = msgspec.json.encode(outlook(stands.incident, stands.past, stands.plans))
    tag = etag.of(body)
    headers = [(b"etag", b'"%b"' % tag), place(stands.incident.position)]
    if etag.none_match(request, tag):
        return Answer(b"", status=304, headers=headers)
    return Answer(body, headers=headers)


ROUTES = (list_due, escalate, plan)
