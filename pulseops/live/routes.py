"""GET /stream: what happens to incidents, followed over one connection after another."""

import re
from functools import partial
from uuid import UUID

from litestar import get

from pulseops.access.guards import principal
from pulseops.http import bodies, exchange
from pulseops.http.exchange import Req
from pulseops.http.lasting import Lasting
from pulseops.http.pointers import meant
from pulseops.http.position import place
from pulseops.http.refusal import Fault, Refused
from pulseops.live import frames, specs
from pulseops.live.feeds import Feeds
from pulseops.live.wanted import Wanted

_QUERY = bodies.Query(specs.Query)
_ID = re.compile(rb"0|[1-9][0-9]{0,18}")
_MOST = 2**63 - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@get("/stream", opt={"spec": specs.STREAM})
async def follow(request: Req) -> Lasting:
    """In the order of the log, nothing missed and nothing twice, whatever ends in between.

    Each connection ends after some ten minutes, when the server stops, when the key opens nothing any more or
    other things than before, and when its reader is too slow. Whoever comes back with the last `id` goes on
    from there.
    """
    query, who = _QUERY.read(request), principal(request)
    feeds: Feeds = request.app.state.feeds
    resumed = _last_id(exchange.of(request).headers.get(b"last-event-id"))
    wanted = Wanted(
        scope=who.teams,
        teams=frozenset(_several("team", query.team)),
        incidents=frozenset(map(_incident, _several("incident", query.incident))),
        types=frozenset(map(_type, _several("type", query.type))),
    )
    head = await feeds.head(who.log_id)
    after = resumed if resumed is not None else query.after if query.after is not None else head
    if after > head:
        raise Refused("ahead", f"Position {after} is beyond the log's newest, {head}.")
    allowed = partial(request.app.state.doorkeeper.still, exchange.of(request).headers, who)
    listener, speak = feeds.begin(who.log_id, wanted, after, allowed, who.caller)
    return Lasting(
        speak, media=frames.MEDIA, headers=[place(after)], finished=partial(feeds.finish, listener)
    )


def _last_id(header: bytes | None) -> int | None:
    """Raises Refused (invalid-header)."""
    if header is None:
        return None
    position = int(header) if _ID.fullmatch(header) else _MOST + 1
    if position > _MOST:
        detail = "Last-Event-ID is not an id of this stream: those are positions, such as 42."
        raise Refused("invalid-header", detail, errors=[Fault(detail=detail, header="Last-Event-ID")])
    return position


def _several(name: str, text: str | None) -> list[str]:
    found = [] if text is None else text.split(",")
    if not all(found):
        raise _unfit(name, "One of them is empty.")
    return found


def _incident(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise _unfit("incident", "An incident's id is a UUID.")
    return UUID(text)


def _type(text: str) -> str:
    if text not in specs.TYPES:
        raise _unfit("type", f"There is no such type.{meant(text.upper(), sorted(specs.TYPES))}")
    return text


def _unfit(name: str, detail: str) -> Refused:
    return Refused("invalid-input", detail, errors=[Fault(detail=detail, parameter=name)])


ROUTES = (follow,)
