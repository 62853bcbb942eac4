"""Subscriptions over HTTP, for operators: see them, park a stream, try it again, go back."""

import asyncpg
from litestar import get, post
from litestar.params import FromPath

from pulseops.access.asking import by
from pulseops.access.guards import principal
from pulseops.http import idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.http.position import Least, place
from pulseops.kernel.errors import InvalidInput
from pulseops.operations import acting, specs
from pulseops.operations.acting import Done
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
    wanted, pool, log_id = await _RETRY.read(request), request.app.state.pool, principal(request).log_id
    who = by(request, "retry-parked", wanted, of=name)
    done = await acting.retry(pool, who, name, wanted.stream_id, log_id=log_id)
    return _told(Wanted(stream_ids=done.stream_ids), done, status=202)


@post("/subscriptions/{name:str}/park", opt={"spec": specs.PARK})
async def park(request: Req, name: FromPath[str]) -> Answer:
    """What is parked stays so, and is not tried again."""
    wanted, pool, log_id = await _PARK.read(request), request.app.state.pool, principal(request).log_id
    who = by(request, "park-stream", wanted, of=name)
    done = await acting.park(pool, who, name, wanted.stream_id, log_id=log_id)
    return _told(Since(stream_id=wanted.stream_id, position=done.position), done)


@post("/subscriptions/{name:str}/reset", opt={"spec": specs.RESET})
async def reset(request: Req, name: FromPath[str]) -> Answer:
    """Without an `Idempotency-Key` a repetition goes back again: to the same end, by the same work."""
    wanted, pool, log_id = await _RESET.read(request), request.app.state.pool, principal(request).log_id
    if not wanted.confirm:
        raise InvalidInput("Everything after the position is worked off again: say true.", pointer="/confirm")
    refuse_read_models(name)
    who = by(request, "reset-subscription", wanted, of=name)
    done = await acting.reset(pool, who, name, wanted.position, log_id=log_id)
    return _told(Back(position=wanted.position), done)


def _told(body: Wanted | Since | Back, done: Done, *, status: int = 200) -> Answer:
    return encoded(body, status=status, headers=[idempotency.REPLAYED] if done.replayed else [])


ROUTES = (list_all, retry, park, reset)
