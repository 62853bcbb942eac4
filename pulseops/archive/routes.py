"""History itself, over HTTP: the lines of an export."""

from functools import partial

from litestar import get

from pulseops.access.guards import principal
from pulseops.archive import specs
from pulseops.archive.downloads import Download
from pulseops.archive.specs import Stretch
from pulseops.audit.proving import newest_signed
from pulseops.eventstore.export import Wanted, positions
from pulseops.eventstore.history import newest
from pulseops.http import exchange
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.lasting import Lasting
from pulseops.http.position import place
from pulseops.http.refusal import Refused

_EVENTS = Query(Stretch)
_LINES = b"application/x-ndjson"


@get("/events", opt={"spec": specs.EVENTS})
async def events(request: Req) -> Lasting:
    """In the order of the log. `X-PulseOps-Position` says up to where: by default to what is signed.

    Interrupted, ask again for what comes `after` the last line that came whole.
    """
    query, who = _EVENTS.read(request), principal(request)
    state = request.app.state
    async with state.pool.acquire() as connection:
        head = await newest(connection, who.log_id)
        signed = await newest_signed(connection, who.log_id) if query.up_to is None else None
        if query.after > head:
            raise Refused("ahead", f"Position {query.after} is beyond the log's newest, {head}.")
        asked = Wanted(
            log_id=who.log_id,
            after=query.after,
            up_to=query.up_to,
            types=query.type,
            streams=query.incident,
            since=query.since,
            until=query.until,
        )
        wanted = await positions(connection, asked, signed.checkpoint.size if signed else head)
    allowed = partial(state.doorkeeper.still, exchange.of(request).headers, who)
    download = Download(wanted, query.limit, who.caller, allowed)
    speak = state.downloads.begin(download)
    return Lasting(
        speak,
        media=_LINES,
        headers=[place(wanted.up_to or 0)],
        finished=partial(state.downloads.finish, download),
    )


ROUTES = (events,)
