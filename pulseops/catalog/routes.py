"""Teams and services over HTTP: list, see, define, retire. A definition is whole: PUT replaces."""

from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
from litestar import delete, get, put
from litestar.params import FromPath

from pulseops.access.guards import denied, principal
from pulseops.catalog import past, service, specs, team
from pulseops.catalog.commands import Define, Retire, ServiceValue, TeamValue, define_service, define_team
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Entry, Kind, stream_of
from pulseops.catalog.paging import Page, Wanted, WantedServices
from pulseops.catalog.service import SERVICES, Service, list_services
from pulseops.catalog.specs import Changed, Retired, Shown, Why
from pulseops.catalog.store import Catalog
from pulseops.catalog.team import TEAMS, Team, list_teams
from pulseops.catalog.writing import Desk, define, retire, tag
from pulseops.http import etag, exchange, idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.http.refusal import Header
from pulseops.kernel.errors import NotFound
from pulseops.subscriptions.positions import head, models
from pulseops.subscriptions.reads import Reads

_TEAM = Body(TeamValue)
_SERVICE = Body(ServiceValue)
_TEAMS = Query(Wanted)
_SERVICES = Query(WantedServices)
_SHOWN = Query(Shown)
_CHANGED = Query(Changed)
_WHY = Query(Why)

_TOLD: dict[Kind, Callable[[Entry], Team | Service]] = {"team": team.told, "service": service.told}
_DEFAULT: dict[Kind, Callable[[str, Defaults], Team | Service | None]] = {
    "team": team.default,
    "service": service.default,
}


def _catalog(request: Req) -> Catalog:
    found: Catalog = request.app.state.catalogs(principal(request).log_id)
    return found


def _defaults(request: Req) -> Defaults:
    found: Defaults = request.app.state.defaults
    return found


@get("/teams", opt={"spec": specs.LIST_TEAMS})
async def all_teams(request: Req) -> Answer:
    """Those that were defined, and those of the rules file that were not.

    As of a moment those of the rules that were recorded by then.
    """
    wanted, defaults, asking = _TEAMS.read(request), _defaults(request), principal(request)
    if wanted.as_of is not None:
        return await past.teams(request, wanted, wanted.as_of)
    log_id = asking.log_id

    async def look(connection: asyncpg.Connection) -> Page[Team]:
        return await list_teams(connection, wanted, defaults, log_id=log_id)

    reads: Reads = request.app.state.reads
    measure = models((TEAMS.name,), log_id=log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=wanted.min_position)
    return etag.digested(request, seen.found, headers=[place(seen.position)])


@get("/services", opt={"spec": specs.LIST_SERVICES})
async def all_services(request: Req) -> Answer:
    """Those that were defined, and those that routes of the rules file name and that were not.

    As of a moment those of the rules that were recorded by then.
    """
    wanted, defaults, asking = _SERVICES.read(request), _defaults(request), principal(request)
    if wanted.as_of is not None:
        return await past.services(request, wanted, wanted.as_of)
    log_id = asking.log_id

    async def look(connection: asyncpg.Connection) -> Page[Service]:
        return await list_services(connection, wanted, defaults, log_id=log_id)

    reads: Reads = request.app.state.reads
    measure = models((SERVICES.name,), log_id=log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=wanted.min_position)
    return etag.digested(request, seen.found, headers=[place(seen.position)])


@get("/teams/{name:str}", opt={"spec": specs.SHOW_TEAM})
async def one_team(request: Req, name: FromPath[str]) -> Answer:
    """Always as it now stands; with `min_position` it may be as it stood at that position."""
    return await _show(request, "team", name)


@get("/services/{name:str}", opt={"spec": specs.SHOW_SERVICE})
async def one_service(request: Req, name: FromPath[str]) -> Answer:
    """Always as it now stands; with `min_position` it may be as it stood at that position."""
    return await _show(request, "service", name)


async def _show(request: Req, kind: Kind, name: str) -> Answer:
    wanted = _SHOWN.read(request)
    if wanted.as_of is not None:
        return await past.entry(request, kind, name, wanted.as_of)
    catalog, defaults, least = _catalog(request), _defaults(request), wanted.min_position
    stream_id = stream_of(kind, name, log_id=catalog.log_id)

    async def look(connection: asyncpg.Connection) -> Any:
        return await catalog.history.at(connection).stream(stream_id)

    if least is None:
        facts = await catalog.history.stream(stream_id)
    else:
        reads: Reads = request.app.state.reads
        facts = (await reads.of(head(log_id=catalog.log_id), look, caller=None, least=least)).found
    entry = catalog.decider.fold(facts)
    known = tag(kind, name, entry, defaults)
    if known is None:
        raise NotFound(f"There is no {kind} of this name{'' if entry is None else ': it was retired'}.")
    headers = [_tagged(known), place(0 if entry is None else entry.position)]
    if etag.none_match(request, known):
        return Answer(b"", status=304, headers=headers)
    if entry is None or entry.retired:
        return encoded(_DEFAULT[kind](name, defaults), headers=headers)
    return encoded(_TOLD[kind](entry), headers=headers)


def _tagged(known: bytes) -> Header:
    return b"etag", b'"%b"' % known


def _desk(request: Req) -> Desk:
    return Desk(
        catalog=_catalog(request),
        defaults=_defaults(request),
        reads=request.app.state.reads,
        principal=principal(request),
        exchange=exchange.of(request),
        conditions=etag.conditions(request),
        key=idempotency.key(request),
        denied=partial(denied, request, "catalog.write"),
    )


@put("/teams/{name:str}", opt={"spec": specs.DEFINE_TEAM})
async def put_team(request: Req, name: FromPath[str]) -> Answer:
    """The whole of it: what the body leaves out is empty afterwards. The rules file's may be redefined."""
    return await _put(request, "team", name, define_team(name, await _TEAM.read(request)))


@put("/services/{name:str}", opt={"spec": specs.DEFINE_SERVICE})
async def put_service(request: Req, name: FromPath[str]) -> Answer:
    """The whole of it: what the body leaves out is empty afterwards. Its team must be there."""
    return await _put(request, "service", name, define_service(name, await _SERVICE.read(request)))


async def _put(request: Req, kind: Kind, name: str, command: Define) -> Answer:
    written = await define(_desk(request), kind, name, command)
    headers = [etag.etag(written.entry.version), place(written.entry.position)]
    if written.created:
        headers.append((b"location", f"/{kind}s/{name}".encode()))
    if written.replayed:
        headers.append(idempotency.REPLAYED)
    status = 201 if written.created else 200
    return encoded(_TOLD[kind](written.entry), status=status, headers=headers)


@delete("/teams/{name:str}", status_code=200, opt={"spec": specs.RETIRE_TEAM})
async def delete_team(request: Req, name: FromPath[str]) -> Answer:
    """Refused while it owns services, or while the rules file names it. It may be defined anew afterwards."""
    return await _delete(request, "team", name)


@delete("/services/{name:str}", status_code=200, opt={"spec": specs.RETIRE_SERVICE})
async def delete_service(request: Req, name: FromPath[str]) -> Answer:
    """Refused while the rules file names it. It may be defined anew afterwards."""
    return await _delete(request, "service", name)


async def _delete(request: Req, kind: Kind, name: str) -> Answer:
    written = await retire(_desk(request), kind, name, Retire(note=_WHY.read(request).note))
    headers = [place(written.entry.position)]
    if written.replayed:
        headers.append(idempotency.REPLAYED)
    entry = written.entry
    return encoded(Retired(name=name, version=entry.version, position=entry.position), headers=headers)


@get("/catalog/diff", opt={"spec": specs.DIFF})
async def diff(request: Req) -> Answer:
    """What was retired is removed. Teams and services of the rules alone change with the rules."""
    return await past.differences(request, _CHANGED.read(request))


ROUTES = (
    diff,
    all_teams,
    one_team,
    put_team,
    delete_team,
    all_services,
    one_service,
    put_service,
    delete_service,
)
