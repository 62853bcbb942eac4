"""Reading incidents over HTTP: one as it stands or was, its timeline and events; lists, and counts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from litestar import get
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.eventstore.moments import position_of
from pulseops.http import etag
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.incidents import moments, query_specs, steps
from pulseops.incidents.answers import LivesOn, with_timeline
from pulseops.incidents.as_of import Start, list_as_of, list_of, start_in
from pulseops.incidents.board import BOARD
from pulseops.incidents.changing import incidents_of, standing
from pulseops.incidents.entries import of_recorded
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.facets import Facets, count_as_of, count_incidents
from pulseops.incidents.incident import Incident
from pulseops.incidents.joined import end_of
from pulseops.incidents.listing import Page, list_incidents
from pulseops.incidents.query_specs import Counted, Shown, Wanted
from pulseops.incidents.steps import EventPage, Steps, TimelinePage
from pulseops.incidents.timeline import entry
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import NotFound
from pulseops.kernel.moments import At, moment
from pulseops.subscriptions.positions import head, models
from pulseops.subscriptions.reads import Reads

_SHOWN, _STEPS, _WANTED, _COUNTED = Query(Shown), Query(Steps), Query(Wanted), Query(Counted)
_NOTHING = Shown()
_MODELS = (BOARD.name,)

Facts = Sequence[Recorded[IncidentFact]]


@get("/incidents", opt={"spec": query_specs.LIST})
async def list_all(request: Req) -> Answer:
    """A filter that is given several times takes any of its values; all of `label` must be there.

    Pages of `created` show nothing twice and miss nothing up to the `X-PulseOps-Position` of the first one,
    whatever is reported meanwhile. `-updated` shows nothing twice: what changes meanwhile is on the next
    first page. `updated` misses nothing: what changes meanwhile comes again, at the end.

    With `asOf` the list is as it was at the `X-PulseOps-Position` of the answer, and so are its later pages;
    sorted by creation alone. A page may be short and lead on all the same. Who may see what is as of now.
    """
    wanted, asking = _WANTED.read(request), principal(request)
    if wanted.as_of is not None:
        return await _list_as_of(request, wanted, wanted.as_of)

    async def look(connection: asyncpg.Connection) -> Page:
        return await list_incidents(
            connection,
            wanted,
            cursor=wanted.cursor,
            limit=wanted.limit,
            sort=wanted.sort,
            teams=asking.teams,
            log_id=asking.log_id,
        )

    reads: Reads = request.app.state.reads
    measure = models(_MODELS, log_id=asking.log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=wanted.min_position)
    return etag.digested(request, seen.found, headers=[place(seen.position)])


async def _list_as_of(request: Req, wanted: Wanted, as_of: str) -> Answer:
    asking, reads = principal(request), request.app.state.reads
    of = list_of(wanted, wanted.sort, teams=asking.teams, log_id=asking.log_id, as_of=as_of)
    at = moment(as_of)
    if wanted.cursor is not None:
        start = start_in(wanted.cursor, of)
    else:
        start = Start(await position_of(request.app.state.pool, at, log_id=asking.log_id))

    async def look(connection: asyncpg.Connection) -> Page:
        return await list_as_of(
            connection,
            start,
            wanted,
            wanted.limit,
            of=of,
            sort=wanted.sort,
            teams=asking.teams,
            log_id=asking.log_id,
        )

    measure = models(_MODELS, log_id=asking.log_id)
    least = max(wanted.min_position or 0, start.position)
    seen = await reads.of(measure, look, caller=asking.caller, least=least)
    return etag.digested(request, seen.found, headers=[place(start.position)])


@get("/incidents/facets", opt={"spec": query_specs.FACETS})
async def facets(request: Req) -> Answer:
    """Each facet counts under all filters but its own.

    With `asOf` it is as it was then, under the filters of then. Who may see what is as of now.
    """
    wanted, asking = _COUNTED.read(request), principal(request)
    position, least = None, wanted.min_position
    if wanted.as_of is not None:
        at = moment(wanted.as_of)
        position = await position_of(request.app.state.pool, at, log_id=asking.log_id)
        least = max(least or 0, position)

    async def look(connection: asyncpg.Connection) -> Facets:
        if position is not None:
            return await count_as_of(connection, position, wanted, teams=asking.teams, log_id=asking.log_id)
        return await count_incidents(connection, wanted, teams=asking.teams, log_id=asking.log_id)

    reads: Reads = request.app.state.reads
    measure = models(_MODELS, log_id=asking.log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=least)
    return etag.digested(
        request, seen.found, headers=[place(seen.position if position is None else position)]
    )


@get(
    ["/incident/{incident_id:uuid}", "/incidents/{incident_id:uuid}"],
    opt={"spec": query_specs.SHOW, "express": True},
)
async def show(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Always as it now stands; with `min_position` it may be as it stood at that position.

    With `asOf` it is as it was then, and so is what it lived on in. Who may see either is as of now. The tag
    of a merged incident says nothing of the one that it lives on in, so it is always told in full.
    """
    # Hardly anybody asks for more than the incident.
    wanted = _SHOWN.read(request) if request.scope["query_string"] else _NOTHING
    at = moments.moment(wanted.as_of) if wanted.as_of is not None else None
    incident, facts = await _seen(request, incident_id, wanted.min_position)
    if at is not None:
        if isinstance(at, At) and at.position > incident.position:
            await position_of(request.app.state.pool, at, log_id=incidents_of(request).log_id)
        facts = moments.until(facts, at)
        incident = incidents_of(request).decider.fold(facts) or incident
    if incident.merged_into is not None:
        where = await _lives_on(request, incident, At(incident.position) if isinstance(at, int) else at)
        return Answer(with_timeline(incident, facts, where), headers=standing(incident))
    if etag.not_modified(request, incident.version):
        return Answer(b"", status=304, headers=standing(incident))
    return Answer(with_timeline(incident, facts), headers=standing(incident))


@get(
    ["/incident/{incident_id:uuid}/timeline", "/incidents/{incident_id:uuid}/timeline"],
    opt={"spec": query_specs.TIMELINE},
)
async def timeline(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Each entry names its event. Always current, unless `min_position` says how new is new enough."""
    wanted = _STEPS.read(request)
    incident, facts = await _seen(request, incident_id, wanted.min_position)
    if etag.not_modified(request, incident.version):
        return Answer(b"", status=304, headers=standing(incident))
    shown, cursor = steps.page(facts, wanted)
    page = TimelinePage(items=tuple(map(entry, shown)), next_cursor=cursor)
    return encoded(page, headers=standing(incident))


@get(
    ["/incident/{incident_id:uuid}/events", "/incidents/{incident_id:uuid}/events"],
    opt={"spec": query_specs.EVENTS},
)
async def events(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Always current, unless `min_position` says how new is new enough."""
    wanted = _STEPS.read(request)
    incident, facts = await _seen(request, incident_id, wanted.min_position)
    if etag.not_modified(request, incident.version):
        return Answer(b"", status=304, headers=standing(incident))
    shown, cursor = steps.page(facts, wanted)
    page = EventPage(items=tuple(map(of_recorded, shown)), next_cursor=cursor)
    return encoded(page, headers=standing(incident))


async def _seen(request: Req, incident_id: UUID, least: int | None) -> tuple[Incident, Facts]:
    """The incident and its facts. Raises NotFound for what the caller does not see."""
    incidents = incidents_of(request)
    facts = await _facts(request, incident_id, least)
    incident = incidents.decider.fold(facts)
    if incident is None or not principal(request).sees(incident.assigned_team):
        raise NotFound("There is no such incident.")
    return incident, facts


async def _lives_on(request: Req, merged: Incident, at: datetime | At | None) -> LivesOn | None:
    """None when that is none of the caller's business, as it now stands."""
    incidents = incidents_of(request)
    last = now = await end_of(incidents, merged, at)
    if last is not None and at is not None:
        now = incidents.decider.fold(await incidents.history.stream(last.id))
    if last is None or now is None or not principal(request).sees(now.assigned_team):
        return None
    return LivesOn(id=last.id, status=last.status)


async def _facts(request: Req, incident_id: UUID, least: int | None) -> Facts:
    """From the primary, unless the caller says how new is new enough."""
    incidents = incidents_of(request)
    if least is None:
        return await incidents.history.stream(incident_id)

    async def look(connection: asyncpg.Connection) -> Facts:
        return await incidents.history.at(connection).stream(incident_id)

    reads: Reads = request.app.state.reads
    return (await reads.of(head(log_id=incidents.log_id), look, caller=None, least=least)).found


ROUTES = (list_all, facets, show, timeline, events)
