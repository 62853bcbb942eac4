"""Incidents over HTTP: report, see, list, acknowledge, resolve. The bodies are the commands."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from litestar import get, post
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.http import etag, exchange, idempotency
from pulseops.http.answer import Answer, Header, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.http.position import Least, place
from pulseops.http.problem import Refused
from pulseops.incidents import batches, specs
from pulseops.incidents.answers import Incidents, extended, with_timeline
from pulseops.incidents.board import BOARD, Page, list_incidents
from pulseops.incidents.commands import Acknowledge, Create, Resolve
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Deduplicated, Incident
from pulseops.incidents.reporting import Caller, log, report
from pulseops.incidents.specs import Wanted
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.errors import NotFound, VersionConflict
from pulseops.subscriptions.positions import head, models
from pulseops.subscriptions.reads import Reads

_CREATE = Body(Create)
_ACKNOWLEDGE = Body(Acknowledge, empty=Acknowledge())
_RESOLVE = Body(Resolve, empty=Resolve())
_WANTED = Query(Wanted)
_LEAST = Query(Least)
_SHOWN = (BOARD.name,)


def _incidents(request: Req) -> Incidents:
    found: Incidents = request.app.state.logs(principal(request).log_id)
    return found


def _caller(request: Req) -> Caller:
    return Caller(principal(request), exchange.of(request))


def _place(incident: Incident) -> list[Header]:
    return [etag.etag(incident.version), place(incident.position)]


@post(["/incident", "/incidents"], opt={"spec": specs.CREATE, "express": True})
async def create(request: Req) -> Answer:
    command = await _CREATE.read(request)
    key = idempotency.key(request)
    made = await report(_incidents(request), _caller(request), command, key)
    log(made.facts, replayed=made.replayed)
    headers = [(b"location", b"/incidents/%s" % str(made.incident.id).encode()), *_place(made.incident)]
    if made.replayed:
        headers.append(idempotency.REPLAYED)
    if made.deduplicated:
        return encoded(extended(Deduplicated, made.incident, deduplicated=True), headers=headers)
    return encoded(made.incident, status=made.status, headers=headers)


@post("/incidents:batch", opt={"spec": specs.CREATE_BATCH, "express": True})
async def create_batch(request: Req) -> Answer:
    items = await batches.read(request)
    key = idempotency.key(request)
    batch = await batches.report_all(_incidents(request), _caller(request), items, key)
    positions = [item.incident.position for item in batch.items if item.incident is not None]
    return encoded(batch, headers=[place(max(positions))] if positions else ())


@get(
    ["/incident/{incident_id:uuid}", "/incidents/{incident_id:uuid}"],
    opt={"spec": specs.SHOW, "express": True},
)
async def show(request: Req, incident_id: FromPath[UUID]) -> Answer:
    """Always as it now stands; with `min_position` it may be as it stood at that position."""
    incidents = _incidents(request)
    facts = await _facts(request, incidents, incident_id)
    incident = incidents.decider.fold(facts)
    if incident is None or not principal(request).sees(incident.assigned_team):
        raise NotFound("There is no such incident.")
    if etag.not_modified(request, incident.version):
        return Answer(b"", status=304, headers=_place(incident))
    return Answer(with_timeline(incident, facts), headers=_place(incident))


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


@post(
    ["/incident/{incident_id:uuid}/acknowledge", "/incidents/{incident_id:uuid}/acknowledge"],
    opt={"spec": specs.ACKNOWLEDGE},
)
async def acknowledge(request: Req, incident_id: FromPath[UUID]) -> Answer:
    return await _change(request, incident_id, await _ACKNOWLEDGE.read(request), "acknowledge")


@post(
    ["/incident/{incident_id:uuid}/resolve", "/incidents/{incident_id:uuid}/resolve"],
    opt={"spec": specs.RESOLVE},
)
async def resolve(request: Req, incident_id: FromPath[UUID]) -> Answer:
    return await _change(request, incident_id, await _RESOLVE.read(request), "resolve")


async def _change(request: Req, incident_id: UUID, command: Acknowledge | Resolve, kind: str) -> Answer:
    caller, expected = _caller(request), etag.expected_version(request)
    await _require_seen(request, incident_id)
    identity = idempotency.identity(
        idempotency.key(request), caller=caller.principal.key_id, kind=kind, body=command, of=incident_id
    )
    context = Context(
        actor=caller.principal.actor,
        now=utc_now(),
        command_id=identity.command_id,
        fingerprint=identity.fingerprint,
        correlation_id=caller.exchange.correlation_id,
    )
    try:
        outcome = await _incidents(request).execute(incident_id, command, context, expected_version=expected)
    except VersionConflict:
        if expected is not None and expected > etag.NEVER:
            raise
        if expected is not None:
            told = 'If-Match names no version of an incident. Send the ETag as you got it, such as "3"; '
            raise Refused("version-conflict", f'{told}a weak one (W/"3") never matches.') from None
        raise Refused("contended", "Others keep changing this incident. Try again.") from None
    if outcome.state is None:
        raise NotFound("There is no such incident.")
    log(outcome.facts, replayed=outcome.replayed)
    headers = _place(outcome.state)
    if outcome.replayed:
        headers.append(idempotency.REPLAYED)
    return encoded(outcome.state, headers=headers)


async def _require_seen(request: Req, incident_id: UUID) -> None:
    """Raises NotFound for an incident of a team that the caller does not see."""
    asking, incidents = principal(request), _incidents(request)
    if asking.teams is not None:
        incident = incidents.decider.fold(await incidents.history.stream(incident_id))
        if incident is None or not asking.sees(incident.assigned_team):
            raise NotFound("There is no such incident.")


ROUTES = (create, create_batch, show, list_all, acknowledge, resolve)
