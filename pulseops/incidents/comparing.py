"""Two moments held against each other over HTTP: of one incident, and of all."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from litestar import get
from litestar.params import FromPath
from msgspec import Meta

from pulseops.access.guards import principal
from pulseops.eventstore.moments import position_of, span_of
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.moments import Between
from pulseops.http.position import HEADER, place
from pulseops.http.spec import Shape, Spec
from pulseops.incidents import between, differences, moments, steps
from pulseops.incidents.board import BOARD
from pulseops.incidents.changing import incidents_of
from pulseops.incidents.differences import IncidentDiff, ListDiff
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.moments import Moment
from pulseops.incidents.timeline import entry
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import InvalidInput, NotFound
from pulseops.kernel.moments import At
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads

Facts = list[Recorded[IncidentFact]]

_MODELS = (BOARD.name,)


class Steps(Between, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which moments of one incident, which may be versions as well; and which part of the events between."""

    limit: Annotated[int, Meta(ge=1, le=steps.MOST, description="How many events at most.")] = 200
    cursor: (
        Annotated[
            str, Meta(pattern=r"^[1-9][0-9]{0,8}(?![\s\S])", description="`nextCursor` of the page before.")
        ]
        | None
    ) = None


class Pages(Between, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which moments, and which page of the incidents that are another."""

    limit: Annotated[int, Meta(ge=1, le=between.MOST, description="How many incidents at most.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before.")] | None = None


ONE = Spec(
    name="compareIncident",
    action="incident.read",
    summary="What changed about an incident between two moments",
    query=Steps,
    answers={200: Shape(means="The fields that are another, and the events between.", kind=IncidentDiff)},
    problems=("not-found", "unknown-fact", "overloaded"),
)
ALL = Spec(
    name="compareIncidents",
    action="incident.read",
    summary="Which incidents changed between two moments, and how",
    query=Pages,
    answers={200: Shape(means="One page.", kind=ListDiff, headers=(HEADER,))},
    problems=("not-found", "behind", "overloaded"),
)
_STEPS, _PAGES = Query(Steps), Query(Pages)


@get(["/incident/{incident_id:uuid}/diff", "/incidents/{incident_id:uuid}/diff"], opt={"spec": ONE})
async def one(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """A plain number is a version of it. Each event says who and why. Who may see it is as of now."""
    wanted, incidents = _STEPS.read(request), incidents_of(request)
    since = moments.moment(wanted.since, pointer="/from")
    until = None if wanted.until is None else moments.moment(wanted.until, pointer="/to")
    facts = list(await incidents.history.stream(incident_id))
    now = incidents.decider.fold(facts)
    if now is None or not principal(request).sees(now.assigned_team):
        raise NotFound("There is no such incident.")
    for at in (since, until):
        if isinstance(at, At) and at.position > now.position:
            await position_of(request.app.state.pool, at, log_id=incidents.log_id)
    first, last = _by(facts, since), facts if until is None else _by(facts, until)
    if len(last) < len(first) or _backwards(since, until):
        raise InvalidInput("It is before `from`.", pointer="/to")
    after = incidents.decider.fold(last)
    told = last[max(len(first), int(wanted.cursor or 0)) :]
    shown = told[: wanted.limit]
    return encoded(
        IncidentDiff(
            id=incident_id,
            since=differences.stand(first),
            until=differences.stand(last),
            changes=() if after is None else differences.changes(incidents.decider.fold(first), after),
            items=tuple(map(entry, shown)),
            next_cursor=str(shown[-1].version) if len(told) > len(shown) else None,
        )
    )


@get("/incidents/diff", opt={"spec": ALL})
async def everything(request: Req) -> Answer:
    """In the order in which something happened to them. Later pages are of the moments of the first.

    Who may see an incident is as of now.
    """
    wanted, asking = _PAGES.read(request), principal(request)
    pool, after = request.app.state.pool, None
    seen = None if asking.teams is None else sorted(asking.teams)
    of = msgspec.json.encode(["diff", asking.log_id, wanted.since, wanted.until, seen])
    since, until = wanted.moments
    if wanted.cursor is None:
        span = await span_of(pool, since, until, log_id=asking.log_id)
    else:
        span, after = await between.place_in(pool, wanted.cursor, of, log_id=asking.log_id)

    async def look(connection: asyncpg.Connection) -> ListDiff:
        return await between.list_between(
            connection,
            span,
            after=after,
            limit=wanted.limit,
            of=of,
            teams=asking.teams,
            log_id=asking.log_id,
        )

    reads: Reads = request.app.state.reads
    measure = models(_MODELS, log_id=asking.log_id)
    found = await reads.of(measure, look, caller=asking.caller, least=span.until.position)
    return encoded(found.found, headers=[place(span.until.position)])


def _by(facts: Facts, at: Moment) -> Facts:
    """The facts up to then. Raises NotFound for a version that there is not."""
    return list(moments.until(facts, at) if isinstance(at, int) else moments.before(facts, at))


def _backwards(since: Moment, until: Moment | None) -> bool:
    match since, until:
        case (int(), int()) | (datetime(), datetime()) | (At(), At()):
            return bool(until < since)  # type: ignore[operator]  # they are of one kind
        case _:
            return False


ROUTES = (one, everything)
