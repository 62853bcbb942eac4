"""Keys, the audit trail, and who asks, over HTTP."""

from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
from litestar import delete, get, post
from litestar.params import FromPath
from msgspec.structs import asdict

from pulseops.access import specs, trail
from pulseops.access.administration import Issued, NewKey, create_key, revoke_key, rotate_key
from pulseops.access.as_of import key_as_of, keys_as_of
from pulseops.access.asking import as_of, aside, by
from pulseops.access.between import access_between, identity
from pulseops.access.guards import denied, principal
from pulseops.access.listing import find_key, list_keys, shown
from pulseops.access.permissions import ACTIONS, allowed, within
from pulseops.access.specs import At, Changed, Create, Page, Rotate, Wanted, WhoAmI, WithSecret
from pulseops.eventstore.differences import Entries, place_in
from pulseops.eventstore.moments import span_of
from pulseops.http import idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.kernel.clock import in_utc
from pulseops.kernel.errors import InvalidInput

_CREATE = Body(Create)
_ROTATE = Body(Rotate, empty=Rotate())
_PAGE = Query(Page)
_AT = Query(At)
_CHANGED = Query(Changed)
_WANTED = Query(Wanted)


@get("/keys", opt={"spec": specs.LIST})
async def list_all(request: Req) -> Answer:
    """A caller that is limited to teams sees the keys that are limited to some of these.

    As of a moment a page may be short and lead on; `lastUsedAt` is null, as it is not in history.
    """
    wanted, asking = _PAGE.read(request), principal(request)
    if wanted.as_of is not None:
        return await as_of(
            request,
            wanted.as_of,
            partial(
                keys_as_of,
                teams=asking.teams,
                cursor=wanted.cursor,
                limit=wanted.limit,
                log_id=asking.log_id,
            ),
        )
    found = await list_keys(
        request.app.state.pool,
        teams=asking.teams,
        cursor=wanted.cursor,
        limit=wanted.limit,
        log_id=asking.log_id,
    )
    return encoded(found)


@get("/keys/{key_id:str}", opt={"spec": specs.SHOW})
async def show(request: Req, key_id: FromPath[str]) -> Answer:
    wanted, asking = _AT.read(request), principal(request)
    if wanted.as_of is not None:
        look = partial(key_as_of, key_id=key_id, teams=asking.teams, log_id=asking.log_id)
        return await as_of(request, wanted.as_of, look)
    key = await find_key(request.app.state.pool, key_id, log_id=asking.log_id)
    return encoded(shown(key, asking.teams))


@post("/keys", opt={"spec": specs.CREATE})
async def create(request: Req) -> Answer:
    """Of no more than the caller has: not of teams that it does not see."""
    wanted, asking = await _CREATE.read(request), principal(request)
    who = by(request, "create-key", wanted)
    teams = None if wanted.teams is None else frozenset(wanted.teams)
    limited = asking.teams is not None and (teams is None or not teams <= asking.teams)
    if limited or not within(wanted.role, asking.role):
        raise denied(request, "keys.write", "You cannot make a key of more than you have: see your `teams`.")
    if wanted.expires_at is not None and wanted.expires_at <= who.now:
        raise InvalidInput("It would be expired already.", pointer="/expiresAt")
    if wanted.expires_at is not None and not in_utc(wanted.expires_at):
        raise InvalidInput("It lies beyond the year 9999.", pointer="/expiresAt")
    new = NewKey(
        name=wanted.name,
        role=wanted.role,
        teams=None if wanted.teams is None else tuple(wanted.teams),
        source=wanted.source,
        rate=wanted.rate,
        expires_at=wanted.expires_at,
    )
    issued = await create_key(request.app.state.pool, new, who, log_id=asking.log_id)
    request.app.state.doorkeeper.forget()
    return _told(issued, status=201, headers=[(b"location", b"/keys/%s" % issued.key.id.encode())])


@post("/keys/{key_id:str}/rotate", opt={"spec": specs.ROTATE}, status_code=200)
async def rotate(request: Req, key_id: FromPath[str]) -> Answer:
    wanted, asking = await _ROTATE.read(request), principal(request)
    who = by(request, "rotate-key", wanted, of=key_id)
    overlap = timedelta(seconds=wanted.overlap_seconds)
    issued = await rotate_key(request.app.state.pool, key_id, who, overlap=overlap, log_id=asking.log_id)
    request.app.state.doorkeeper.forget()
    return _told(issued)


@delete("/keys/{key_id:str}", opt={"spec": specs.REVOKE}, status_code=200)
async def revoke(request: Req, key_id: FromPath[str]) -> Answer:
    """May be repeated. The last key that administers a log stays: `pulseops key revoke` takes that one."""
    who = by(request, "revoke-key", None, of=key_id)
    pool, log_id = request.app.state.pool, principal(request).log_id
    return encoded(await revoke_key(pool, key_id, who, log_id=log_id, spare_last=True))


@get("/whoami", opt={"spec": specs.WHOAMI})
async def whoami(request: Req) -> Answer:
    asking = principal(request)
    return encoded(
        WhoAmI(
            actor=asking.actor,
            via=asking.via,
            key_id=asking.key_id,
            name=asking.name,
            role=asking.role,
            teams=None if asking.teams is None else tuple(sorted(asking.teams)),
            actions=tuple(
                action for action in ACTIONS if allowed(asking.role, action, limited=asking.teams is not None)
            ),
        )
    )


@get("/audit", opt={"spec": specs.AUDIT})
async def audit(request: Req) -> Answer:
    """What is denied for a key that nobody has is told in the log `default`."""
    wanted = _WANTED.read(request)
    found = await trail.read(
        request.app.state.pool,
        who=wanted.who,
        what=wanted.what,
        since=wanted.since,
        cursor=wanted.cursor,
        limit=wanted.limit,
        log_id=principal(request).log_id,
    )
    return encoded(found)


@get("/access/diff", opt={"spec": specs.DIFF})
async def diff(request: Req) -> Answer:
    """Keys that were made, rotated or revoked, and users who were seen, granted something or revoked.

    A key or user that is revoked is removed. A caller that is limited to teams is told as in the lists.
    """
    wanted, asking = _CHANGED.read(request), principal(request)
    pool: asyncpg.Pool = request.app.state.pool
    of = identity(wanted.since, wanted.until, asking.teams, asking.log_id)
    since, until = wanted.moments
    if wanted.cursor is None:
        span, after = await span_of(pool, since, until, log_id=asking.log_id), ("", "")
    else:
        span, after = await place_in(pool, wanted.cursor, of, log_id=asking.log_id)

    async def look(connection: asyncpg.Connection) -> Entries:
        return await access_between(
            connection, span, after=after, of=of, teams=asking.teams, log_id=asking.log_id
        )

    return encoded(await aside(request, look, span.until.position))


def _told(issued: Issued, *, status: int = 200, headers: Any = ()) -> Answer:
    more = [idempotency.REPLAYED] if issued.replayed else []
    body = WithSecret(**asdict(issued.key), key=issued.token)
    return encoded(body, status=status, headers=[*headers, *more, (b"cache-control", b"no-store")])


ROUTES = (list_all, show, create, rotate, revoke, whoami, audit, diff)
