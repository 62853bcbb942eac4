"""Users over HTTP: seen, granted something, revoked."""

from functools import partial

from litestar import get, post
from litestar.params import FromPath

from pulseops.access import people_specs as specs
from pulseops.access.as_of import user_as_of, users_as_of
from pulseops.access.asking import as_of, by
from pulseops.access.guards import denied, principal
from pulseops.access.people import grant_user, revoke_user
from pulseops.access.people_specs import Grant, Nothing
from pulseops.access.permissions import within
from pulseops.access.person import LOG
from pulseops.access.roster import ShownUser, find_user, list_users, shown_user
from pulseops.access.sign_in import NAME
from pulseops.access.specs import At, Page
from pulseops.http import idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Body, Query
from pulseops.http.exchange import Req
from pulseops.kernel.errors import NotFound

_GRANT = Body(Grant)
_NOTHING = Body(Nothing, empty=Nothing())
_PAGE = Query(Page)
_AT = Query(At)


@get("/users", opt={"spec": specs.LIST})
async def list_all(request: Req) -> Answer:
    """A caller that is limited to teams sees the users that are limited to some of these.

    As of a moment a page may be short and lead on.
    """
    wanted, asking = _PAGE.read(request), principal(request)
    if asking.log_id != LOG:
        return encoded(specs.NONE)
    if wanted.as_of is not None:
        look = partial(users_as_of, teams=asking.teams, cursor=wanted.cursor, limit=wanted.limit)
        return await as_of(request, wanted.as_of, look)
    pool = request.app.state.pool
    return encoded(await list_users(pool, teams=asking.teams, cursor=wanted.cursor, limit=wanted.limit))


@get("/users/{name:str}", opt={"spec": specs.SHOW})
async def show(request: Req, name: FromPath[str]) -> Answer:
    wanted = _AT.read(request)
    if wanted.as_of is not None:
        look = partial(user_as_of, name=_known(request, name), teams=principal(request).teams)
        return await as_of(request, wanted.as_of, look)
    user = await find_user(request.app.state.pool, _known(request, name))
    return encoded(shown_user(user, principal(request).teams))


@post("/users/{name:str}/grant", opt={"spec": specs.GRANT}, status_code=200)
async def grant(request: Req, name: FromPath[str]) -> Answer:
    """No more than the caller has: not of teams that it does not see. Also to one who never signed in yet."""
    wanted, asking = await _GRANT.read(request), principal(request)
    teams = None if wanted.teams is None else frozenset(wanted.teams)
    limited = asking.teams is not None and (teams is None or not teams <= asking.teams)
    if limited or not within(wanted.role, asking.role):
        raise denied(request, "users.write", "You cannot grant more than you have: see your `teams`.")
    user, replayed = await grant_user(
        request.app.state.pool,
        _known(request, name),
        wanted.role,
        teams,
        by(request, "grant-user", wanted, of=name),
        new_subject=wanted.new_subject,
    )
    return _told(user, replayed=replayed)


@post("/users/{name:str}/revoke", opt={"spec": specs.REVOKE}, status_code=200)
async def revoke(request: Req, name: FromPath[str]) -> Answer:
    """Granted something again, they have that. Who never signed in and was granted nothing is not known."""
    wanted = await _NOTHING.read(request)
    command = by(request, "revoke-user", wanted, of=name)
    user, replayed = await revoke_user(request.app.state.pool, _known(request, name), command)
    return _told(user, replayed=replayed)


def _known(request: Req, name: str) -> str:
    """Raises NotFound for what cannot be a user's name, and where no users are."""
    if principal(request).log_id != LOG or not NAME.fullmatch(name):
        raise NotFound("There is no such user, nor can there be.")
    return name


def _told(user: ShownUser, *, replayed: bool) -> Answer:
    return encoded(user, headers=[idempotency.REPLAYED] if replayed else [])


ROUTES = (list_all, show, grant, revoke)
