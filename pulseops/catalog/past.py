"""The catalog of before over HTTP: lists and entries as of a moment."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import msgspec

from pulseops.access.guards import principal
from pulseops.catalog.as_of import entry_as_of, services_as_of, teams_as_of
from pulseops.catalog.between import catalog_between
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Kind
from pulseops.catalog.paging import Wanted, WantedServices
from pulseops.catalog.service import SERVICES
from pulseops.catalog.specs import Changed
from pulseops.catalog.team import TEAMS
from pulseops.eventstore.differences import Entries, place_in
from pulseops.eventstore.moments import position_of, span_of
from pulseops.http import etag
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.kernel.moments import moment
from pulseops.subscriptions.positions import Seen, head, models
from pulseops.subscriptions.tides import Measure

T = TypeVar("T")
Look = Callable[[asyncpg.Connection, int, Defaults], Awaitable[T]]


async def teams(request: Req, wanted: Wanted, as_of: str) -> Answer:
    log_id = principal(request).log_id

    async def look(connection: asyncpg.Connection, position: int, defaults: Defaults) -> object:
        return await teams_as_of(connection, wanted, position, defaults, log_id=log_id)

    return await _told(request, as_of, look, least=wanted.min_position)


async def services(request: Req, wanted: WantedServices, as_of: str) -> Answer:
    log_id = principal(request).log_id

    async def look(connection: asyncpg.Connection, position: int, defaults: Defaults) -> object:
        return await services_as_of(connection, wanted, position, defaults, log_id=log_id)

    return await _told(request, as_of, look, least=wanted.min_position)


async def entry(request: Req, kind: Kind, name: str, as_of: str) -> Answer:
    log_id = principal(request).log_id

    async def look(connection: asyncpg.Connection, position: int, defaults: Defaults) -> object:
        return await entry_as_of(connection, kind, name, position, defaults, log_id=log_id)

    # The entry is folded from its facts: no read model is waited for.
    return await _told(request, as_of, look, least=None, measure=head(log_id=log_id))


async def differences(request: Req, wanted: Changed) -> Answer:
    pool, log_id = request.app.state.pool, principal(request).log_id
    of = msgspec.json.encode(["catalog", log_id, wanted.since, wanted.until])
    since, until = wanted.moments
    if wanted.cursor is None:
        span, after = await span_of(pool, since, until, log_id=log_id), ("", "")
    else:
        span, after = await place_in(pool, wanted.cursor, of, log_id=log_id)

    async def look(connection: asyncpg.Connection) -> Entries:
        return await catalog_between(connection, span, after=after, of=of, log_id=log_id)

    return encoded((await _seen(request, look, span.until.position)).found)


async def _told(
    request: Req, as_of: str, look: Look[T], *, least: int | None, measure: Measure | None = None
) -> Answer:
    log_id, at = principal(request).log_id, moment(as_of)
    position = await position_of(request.app.state.pool, at, log_id=log_id)

    async def seen(connection: asyncpg.Connection) -> T:
        # What rules there were then is told by the room of rules, above this one.
        defaults = await request.app.state.defaults_at(connection, position, log_id=log_id)
        return await look(connection, position, defaults)

    found = await _seen(request, seen, max(least or 0, position), measure)
    return etag.digested(request, found.found, headers=[place(position)])


async def _seen(
    request: Req,
    look: Callable[[asyncpg.Connection], Awaitable[T]],
    least: int,
    measure: Measure | None = None,
) -> Seen[T]:
    asking, reads = principal(request), request.app.state.reads
    measure = measure or models((TEAMS.name, SERVICES.name), log_id=asking.log_id)
    found: Seen[T] = await reads.of(measure, look, caller=asking.caller, least=least)
    return found
