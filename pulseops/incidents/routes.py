"""Incidents over HTTP: report, and all that may be asked of one. The bodies are the commands."""

from contextlib import suppress
from uuid import UUID

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pulseops.http import idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.http.refusal import Refused
from pulseops.incidents import batches, comparing, queries, specs
from pulseops.incidents.answers import extended
from pulseops.incidents.asking import ALONE, LINK, MERGE, SPLIT, Asked
from pulseops.incidents.changing import (
    Moved,
    caller_of,
    change,
    change_both,
    incidents_of,
    repeated,
    require_other,
    seen,
    standing,
    visible_part,
)
from pulseops.incidents.commands import Absorb, Create, Link, Merge, Release, Split
from pulseops.incidents.describing import INVERSE
from pulseops.incidents.incident import Deduplicated
from pulseops.incidents.reporting import log, report

_CREATE = Body(Create)
_ATTEMPTS = 5


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
    if (again := await repeated(request, incident_id, body, LINK.kind)) is not None:
        return again
    await seen(request, incident_id)
    await require_other(request, body.incident, "/incident")
    back = Link(incident=incident_id, relation=INVERSE[body.relation], note=body.note)
    return await change_both(request, (incident_id, body), (body.incident, back), LINK.kind, body=body)


@post(MERGE.paths, opt={"spec": MERGE.spec})
async def merge(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: Merge = await MERGE.body.read(request)
    if body.into == incident_id:
        return await change(request, incident_id, body, MERGE.kind)
    if (again := await repeated(request, incident_id, body, MERGE.kind)) is not None:
        return again
    await seen(request, incident_id)
    await require_other(request, body.into, "/into")
    other = Absorb(incident=incident_id, note=body.note)
    return await change_both(request, (incident_id, body), (body.into, other), MERGE.kind, body=body)


@post(SPLIT.paths, opt={"spec": SPLIT.spec})
async def split(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Who sees it may take it out of what it was merged into, also of what is none of their business."""
    body: Split = await SPLIT.body.read(request)
    if (again := await repeated(request, incident_id, body, SPLIT.kind)) is not None:
        return again
    other, allow = Release(incident=incident_id, note=body.note), visible_part(request, incident_id)
    for _ in range(_ATTEMPTS):
        whole = (await seen(request, incident_id)).merged_into
        if whole is None:
            return await change(request, incident_id, body, SPLIT.kind)
        with suppress(Moved):
            return await change_both(
                request, (incident_id, body), (whole, other), SPLIT.kind, body=body, allow=allow
            )
    raise Refused("contended", "Others keep changing this incident. Try again.")


ROUTES = (create, create_batch, *queries.ROUTES, *comparing.ROUTES, *map(_alone, ALONE), link, merge, split)
