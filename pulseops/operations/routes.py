"""Subscriptions over HTTP, for operators: see them, park a stream, try it again, go back."""

from litestar import get, post
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body
from pulseops.http.exchange import Req
from pulseops.kernel.errors import InvalidInput
from pulseops.operations import specs
from pulseops.operations.resets import refuse_read_models
from pulseops.operations.specs import Back, Park, Reset, Retry, Since, Standing, Wanted
from pulseops.subscriptions import operating
from pulseops.subscriptions.lag import lag

_RETRY = Body(Retry, empty=Retry())
_PARK = Body(Park)
_RESET = Body(Reset)


@get("/subscriptions", opt={"spec": specs.LIST})
async def list_all(request: Req) -> Answer:
    pool, log_id = request.app.state.pool, principal(request).log_id
    found = await lag(pool, log_id=log_id)
    parked = await operating.parked(pool, log_id=log_id)
    return encoded(Standing(position=found.position, subscriptions=found.followers, parked=parked))


@post("/subscriptions/{name:str}/retry", opt={"spec": specs.RETRY})
async def retry(request: Req, name: FromPath[str]) -> Answer:
    wanted = await _RETRY.read(request)
    pool, log_id = request.app.state.pool, principal(request).log_id
    streams = await operating.retry(pool, name, wanted.stream_id, log_id=log_id)
    return encoded(Wanted(stream_ids=streams), status=202)


@post("/subscriptions/{name:str}/park", opt={"spec": specs.PARK})
async def park(request: Req, name: FromPath[str]) -> Answer:
    stream_id = (await _PARK.read(request)).stream_id
    pool, log_id = request.app.state.pool, principal(request).log_id
    since = await operating.park(pool, name, stream_id, log_id=log_id)
    return encoded(Since(stream_id=stream_id, position=since))


@post("/subscriptions/{name:str}/reset", opt={"spec": specs.RESET})
async def reset(request: Req, name: FromPath[str]) -> Answer:
    wanted = await _RESET.read(request)
    if not wanted.confirm:
        raise InvalidInput("Everything after the position is worked off again: say true.", pointer="/confirm")
    refuse_read_models(name)
    pool, log_id = request.app.state.pool, principal(request).log_id
    await operating.reset(pool, name, wanted.position, log_id=log_id)
    return encoded(Back(position=wanted.position))


ROUTES = (list_all, retry, park, reset)
