"""Subscriptions over HTTP, for operators: see them, park a stream, try it again, go back."""

import asyncpg
from litestar import get, post
from litestar.params import FromPath

from pulseops.access.audit import Auditor
from pulseops.access.guards import principal
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.http.position import Least, place
from pulseops.kernel.errors import InvalidInput
from pulseops.operations import specs
from pulseops.operations.resets import refuse_read_models
from pulseops.operations.specs import Back, Park, Reset, Retry, Since, Standing, Wanted
from pulseops.subscriptions import operating
from pulseops.subscriptions.lag import lag
from pulseops.subscriptions.positions import head
from pulseops.subscriptions.reads import Reads

_LEAST = Query(Least)
_RETRY = Body(Retry, empty=Retry())
_PARK = Body(Park)
_RESET = Body(Reset)


@get("/subscriptions", opt={"spec": specs.LIST})
async def list_all(request: Req) -> Answer:
    wanted, log_id = _LEAST.read(request), principal(request).log_id

    async def look(connection: asyncpg.Connection) -> Standing:
        found = await lag(connection, log_id=log_id)
        parked = await operating.parked(connection, log_id=log_id)
        return Standing(position=found.position, subscriptions=found.followers, parked=parked)

    # Of the primary, whatever there is: who leads what is nobody's past.
    reads: Reads = request.app.state.reads
    found = (await reads.current(head(log_id=log_id), look, least=wanted.min_position or 0)).found
    return encoded(found, headers=[place(found.position)])


@post("/subscriptions/{name:str}/retry", opt={"spec": specs.RETRY})
async def retry(request: Req, name: FromPath[str]) -> Answer:
    """`Idempotency-Key` is not used. Repeated, it tries again what is parked still; the rest is not found."""
    wanted = await _RETRY.read(request)
    pool, log_id = request.app.state.pool, principal(request).log_id
    streams = await operating.retry(pool, name, wanted.stream_id, log_id=log_id)
    _acted(request, name, "retry")
    return encoded(Wanted(stream_ids=streams), status=202)


@post("/subscriptions/{name:str}/park", opt={"spec": specs.PARK})
async def park(request: Req, name: FromPath[str]) -> Answer:
    """`Idempotency-Key` is not used, nor needed: what is parked stays so, and is not tried again."""
    stream_id = (await _PARK.read(request)).stream_id
    pool, log_id = request.app.state.pool, principal(request).log_id
    since = await operating.park(pool, name, stream_id, log_id=log_id)
    _acted(request, name, f"park {stream_id}")
    return encoded(Since(stream_id=stream_id, position=since))


@post("/subscriptions/{name:str}/reset", opt={"spec": specs.RESET})
async def reset(request: Req, name: FromPath[str]) -> Answer:
    """`Idempotency-Key` is not used. Repeated, it goes back again: to the same end, by the same work."""
    wanted = await _RESET.read(request)
    if not wanted.confirm:
        raise InvalidInput("Everything after the position is worked off again: say true.", pointer="/confirm")
    refuse_read_models(name)
    pool, log_id = request.app.state.pool, principal(request).log_id
    await operating.reset(pool, name, wanted.position, log_id=log_id)
    _acted(request, name, f"reset to {wanted.position}")
    return encoded(Back(position=wanted.position))


def _acted(request: Req, name: str, verb: str) -> None:
    auditor: Auditor = request.app.state.auditor
    auditor.acted(request, principal(request), "subscriptions.operate", f"subscription:{name} {verb}")


ROUTES = (list_all, retry, park, reset)
