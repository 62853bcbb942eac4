"""Incidents over HTTP: report, see, list, and all that may be asked of one. The bodies are the commands."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.http import etag, idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.http.position import Least, place
from pulseops.incidents import batches, specs
from pulseops.incidents.answers import Incidents, extended, with_timeline
from pulseops.incidents.asking import ALONE, LINK, MERGE, SPLIT, Asked
from pulseops.incidents.board import BOARD, Page, list_incidents
from pulseops.incidents.changing import (
    caller_of,
    change,
    change_both,
    incidents_of,
    require_other,
    seen,
    standing,
)
from pulseops.incidents.commands import Absorb, Create, Link, Merge, Release, Split
from pulseops.incidents.describing import INVERSE
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Deduplicated
from pulseops.incidents.reporting import log, report
from pulseops.incidents.specs import Wanted
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import NotFound
from pulseops.subscriptions.positions import head, models
from pulseops.subscriptions.reads import Reads

_CREATE = Body(Create)
_WANTED = Query(Wanted)
_LEAST = Query(Least)
_SHOWN = (BOARD.name,)


@post(["/incident", "/incidents"], opt={"spec": specs.CREATE, "express": True})
async def create(request: Req) -> Answer:
    command = await _CREATE.read(request)
    key = idempotency.key(request)
    made = await report(incidents_of(request), caller_of(request), command, key)
    log(made.facts, replayed=made.replayed)
    headers = [(b"location", b"/incidents/%s" % str(made.incident.id).encode()), *standing(made.incident)]
    if made.replayed:
        headers.append(idempotency.REPLAYED)
    if made.deduplicated:
        return encoded(extended(Deduplicated, made.incident, deduplicated=True), headers=headers)
    return encoded(made.incident, status=made.status, headers=headers)


@post("/incidents:batch", opt={"spec": specs.CREATE_BATCH, "express": True})
async def create_batch(request: Req) -> Answer:
    items = await batches.read(request)
    key = idempotency.key(request)
    batch = await batches.report_all(incidents_of(request), caller_of(request), items, key)
    positions = [item.incident.position for item in batch.items if item.incident is not None]
    return encoded(batch, headers=[place(max(positions))] if positions else ())


@get(
    ["/incident/{incident_id:uuid}", "/incidents/{incident_id:uuid}"],
    opt={"spec": specs.SHOW, "express": True},
)
async def show(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Always as it now stands; with `min_position` it may be as it stood at that position."""
    incidents = incidents_of(request)
    facts = await _facts(request, incidents, incident_id)
    incident = incidents.decider.fold(facts)
    if incident is None or not principal(request).sees(incident.assigned_team):
        raise NotFound("There is no such incident.")
    if etag.not_modified(request, incident.version):
        return Answer(b"", status=304, headers=standing(incident))
    return Answer(with_timeline(incident, facts), headers=standing(incident))


async def _facts(request: Req, incidents: Incidents, incident_id: UUID) -> Sequence[Recorded[IncidentFact]]:
    """From the primary, unless the caller says how new is new enough."""
    # Hardly anybody asks for more than the incident.
    least = _LEAST.read(request).min_position if request.scope["query_string"] else None
    if least is None:
        return await incidents.history.stream(incident_id)

    async def look(connection: asyncpg.Connection) -> Sequence[Recorded[IncidentFact]]:
        return await incidents.history.at(connection).stream(incident_id)

    reads: Reads = request.app.state.reads
    return (await reads.of(head(log_id=incidents.log_id), look, least=least, brief=True)).found


@get("/incidents", opt={"spec": specs.LIST})
async def list_all(request: Req) -> Answer:
    wanted, asking = _WANTED.read(request), principal(request)
    log_id = asking.log_id

    async def look(connection: asyncpg.Connection) -> Page:
        return await list_incidents(
            connection,
            wanted.filters(),
            cursor=wanted.cursor,
            limit=wanted.limit,
            teams=asking.teams,
            log_id=log_id,
        )

    reads: Reads = request.app.state.reads
    seen = await reads.of(models(_SHOWN, log_id=log_id), look, least=wanted.min_position)
    return encoded(seen.found, headers=[place(seen.position)])


def _alone(asked: Asked) -> HTTPRouteHandler:
    """The route of a command that concerns one incident alone."""

    @post(asked.paths, opt={"spec": asked.spec})
    async def command(request: Req, incident_id: FromPath[UUID]) -> Answer:
        return await change(request, incident_id, await asked.body.read(request), asked.kind)

    return command


@post(LINK.paths, opt={"spec": LINK.spec})
async def link(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: Link = await LINK.body.read(request)
    if body.incident is None or body.url is not None or body.incident == incident_id:
        return await change(request, incident_id, body, LINK.kind)
    await seen(request, incident_id)
    await require_other(request, body.incident, "/incident")
    back = Link(incident=incident_id, relation=INVERSE[body.relation], note=body.note)
    return await change_both(request, (incident_id, body), (body.incident, back), LINK.kind, body=body)


@post(MERGE.paths, opt={"spec": MERGE.spec})
async def merge(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: Merge = await MERGE.body.read(request)
    if body.into == incident_id:
        return await change(request, incident_id, body, MERGE.kind)
    await seen(request, incident_id)
    await require_other(request, body.into, "/into")
    other = Absorb(incident=incident_id, note=body.note)
    return await change_both(request, (incident_id, body), (body.into, other), MERGE.kind, body=body)


@post(SPLIT.paths, opt={"spec": SPLIT.spec})
async def split(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: Split = await SPLIT.body.read(request)
    incident = await seen(request, incident_id)
    if incident.merged_into is None:
        return await change(request, incident_id, body, SPLIT.kind)
    other = Release(incident=incident_id, note=body.note)
    return await change_both(
        request, (incident_id, body), (incident.merged_into, other), SPLIT.kind, body=body
    )


ROUTES = (create, create_batch, show, list_all, *map(_alone, ALONE), link, merge, split)
