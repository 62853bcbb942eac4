"""The browser's way in and out."""

import hmac
from collections.abc import Iterable

from litestar import get, post
from litestar.types import ExceptionHandlersMap

from pulseops.access import browser_specs as specs
from pulseops.access.audit import Auditor
from pulseops.access.browser_specs import Back, Onward
from pulseops.access.cookies import HERE, UNDER_WAY, Attempt, Cookies, carried, new_attempt, packed, unpacked
from pulseops.access.guards import Doorkeeper, Turnstile
from pulseops.access.person import LOG
from pulseops.access.sign_in import NoAccess
from pulseops.access.signing_in import CALLBACK, SignInFailed, SigningIn
from pulseops.access.users import Users
from pulseops.http import exchange, problem_pages
from pulseops.http.answer import Answer
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.refusal import Header, Refused
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import InvalidInput

_ONWARD = Query(Onward)
_BACK = Query(Back, others=True)
_SHOWN: ExceptionHandlersMap = {Exception: problem_pages.shown}  # type: ignore[dict-item]  # an Answer is response enough
_PRIVATE: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))


@get("/login", opt={"spec": specs.LOGIN}, status_code=302, exception_handlers=_SHOWN)
async def login(request: Req) -> Answer:
    """For browsers: programs send a key or a token. Where nobody can sign in, it is not found."""
    onward = _ONWARD.read(request).next
    _, cookies, signing_in = _set_up(request)
    if not HERE.fullmatch(onward):
        raise InvalidInput("It must be a path on this server, such as /docs.", pointer="/next")
    attempt = new_attempt(onward)
    target = await signing_in.begin(attempt)
    return _to(302, target, [cookies.put(cookies.attempt, packed(attempt), UNDER_WAY)])


@get(CALLBACK, opt={"spec": specs.CALLBACK}, status_code=303, exception_handlers=_SHOWN)
async def callback(request: Req) -> Answer:
    """Only the browser that began it can end a sign-in, once, and within ten minutes."""
    given, sent = _BACK.read(request), exchange.of(request).headers.get(b"cookie")
    users, cookies, signing_in = _set_up(request)
    turnstile: Turnstile = request.app.state.turnstile
    try:
        attempt, code = _fitting(given, unpacked(carried(sent, cookies.attempt)), users.terms.issuer)
        # Anybody can make up a code, and each is asked about with our own credentials.
        turnstile.may_fail(request)
        token = await signing_in.end(attempt, code, now=utc_now())
    except (SignInFailed, NoAccess) as refused:
        turnstile.failed(request)
        auditor: Auditor = request.app.state.auditor
        who = refused.who if isinstance(refused, NoAccess) else "anonymous"
        auditor.denied(request, refused.kind, log_id=LOG, who=who)
        raise
    if (before := carried(sent, cookies.session)) is not None:
        await users.sessions.end(before)
    lasts = int(users.terms.session.total_seconds())
    put = [cookies.put(cookies.session, token, lasts), cookies.put(cookies.attempt, "", 0)]
    return _to(303, attempt.onward, put)


@post("/logout", opt={"spec": specs.LOGOUT}, status_code=200)
async def logout(request: Req) -> Answer:
    """Of PulseOps alone: the issuer may still know the browser. Only our own pages can ask for it."""
    users, cookies, _ = _set_up(request)
    headers = exchange.of(request).headers
    if not cookies.ours(headers):
        auditor: Auditor = request.app.state.auditor
        auditor.denied(request, "cross-site", log_id=LOG)
        raise Refused("cross-site", "Only our own pages may sign anybody out.")
    token = carried(headers.get(b"cookie"), cookies.session)
    if token is not None:
        await users.sessions.end(token)
    return Answer(b"", status=204, headers=[*_PRIVATE, cookies.put(cookies.session, "", 0)])


def _set_up(request: Req) -> tuple[Users, Cookies, SigningIn]:
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    signing_in: SigningIn | None = request.app.state.signing_in
    if doorkeeper.users is None or doorkeeper.users.cookies is None or signing_in is None:
        raise Refused(
            "not-found", "Signing in with a browser is not set up here (PULSEOPS_OIDC, and its url)."
        )
    return doorkeeper.users, doorkeeper.users.cookies, signing_in


def _fitting(given: Back, attempt: Attempt | None, issuer: str) -> tuple[Attempt, str]:
    """The sign-in that this ends, and its code. Raises SignInFailed."""
    state = (given.state or "").encode()
    if attempt is None or not hmac.compare_digest(state, attempt.state.encode()):
        raise SignInFailed("This sign-in was not begun in this browser, or too long ago: begin again.")
    if given.iss is not None and given.iss != issuer:
        raise SignInFailed("This comes from another issuer.")
    if given.error is not None or given.code is None:
        raise SignInFailed("The issuer has not signed you in.")
    return attempt, given.code


def _to(status: int, target: str, cookies: Iterable[Header]) -> Answer:
    return Answer(b"", status=status, headers=[*_PRIVATE, (b"location", target.encode("ascii")), *cookies])


ROUTES = (login, callback, logout)
