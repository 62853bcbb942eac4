"""The rules over HTTP: as they were recorded, and what changed."""

import asyncpg
from litestar import get

from pulseops.access.guards import principal
from pulseops.eventstore.moments import position_of, span_of
from pulseops.http import etag
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.moments import Between
from pulseops.http.position import place
from pulseops.kernel.errors import NotFound
from pulseops.kernel.moments import moment
from pulseops.rulebook import specs
from pulseops.rulebook.applied import rules_at, rules_between
from pulseops.rulebook.specs import Wanted

_WANTED, _BETWEEN = Query(Wanted), Query(Between)


@get("/rules", opt={"spec": specs.SHOW})
async def show(request: Req) -> Answer:
    """A process records the rules that it goes by in a moment after its start, if others are recorded."""
    wanted, log_id = _WANTED.read(request), principal(request).log_id
    pool: asyncpg.Pool = request.app.state.pool
    at = None if wanted.as_of is None else moment(wanted.as_of)
    position = await position_of(pool, at, log_id=log_id)
    async with pool.acquire() as connection:
        found = await rules_at(connection, position, version=wanted.version, log_id=log_id)
    if found is None and wanted.version is not None:
        raise NotFound(f"No rules of the version {wanted.version} were recorded by then.")
    if found is None:
        raise NotFound(
            "No rules were recorded by then. Decisions cite the version of those they were made by."
        )
    return etag.digested(request, found, headers=[place(position)])


@get("/rules/diff", opt={"spec": specs.DIFF})
async def diff(request: Req) -> Answer:
    """Rules that were applied and then replaced by those before leave no difference, and are named."""
    wanted, log_id = _BETWEEN.read(request), principal(request).log_id
    since, until = wanted.moments
    pool: asyncpg.Pool = request.app.state.pool
    span = await span_of(pool, since, until, log_id=log_id)
    return encoded(await rules_between(pool, span, log_id=log_id))


ROUTES = (show, diff)
