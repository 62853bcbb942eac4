"""Every error answer, in one shape (RFC 9457) and from one place."""

from collections.abc import Iterable, Mapping

import msgspec
import structlog
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from pulseops.db.outages import OUTAGES
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Exchange, Req
from pulseops.http.refusal import Fault, Header, Refused
from pulseops.kernel.errors import InvalidInput, InvalidTransition, PulseOpsError

MEDIA = "application/problem+json"

# code: status, title. Codes are a contract; a new meaning is a new code.
KINDS: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "invalid-header": (400, "A header is not acceptable"),
    "unauthenticated": (401, "No valid key was given"),
    "forbidden": (403, "The role does not allow this"),
    "no-access": (403, "Nothing gives this user access"),
    "cross-site": (403, "The request comes from another site"),
    "sign-in-failed": (403, "The sign-in did not succeed"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "The method does not fit the resource"),
    "request-timeout": (408, "The request did not arrive in time"),
    "invalid-transition": (409, "The incident's status does not allow this"),
    "in-use": (409, "Something else stands on it"),
    "subscription-conflict": (409, "The subscription does not allow this now"),
    "name-taken": (409, "The name is taken"),
    "last-admin": (409, "It is the last key that administers"),
    "ahead": (409, "The log has not come so far"),
    "contended": (409, "Others keep changing it"),
    "version-conflict": (412, "It has changed since you read it"),
    "too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "The content type is not supported"),
    "invalid-input": (422, "A field is not acceptable"),
    "too-broad": (422, "More incidents match than are counted"),
    "idempotency-key-reused": (422, "The Idempotency-Key was used for another request"),
    "rate-limited": (429, "That was too often"),
    "head-too-large": (431, "The request's headers are too large"),
    "internal": (500, "Something went wrong"),
    "tree-damaged": (500, "History is not what was signed"),
    "behind": (503, "The read model has not come so far"),
    "not-signed-yet": (503, "It is not signed yet"),
    "overloaded": (503, "More is waiting than can be answered in time"),
    "issuer-unavailable": (503, "The issuer of sign-ins does not answer"),
    "unavailable": (503, "The database does not answer"),
    "unknown-fact": (503, "A newer release wrote what this process cannot read"),
    "outcome-unknown": (504, "The outcome is unknown"),
}
_BY_STATUS = {400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not-found"} | {
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-input",
    503: "unavailable",
}
_RETRY: Mapping[str, Header] = {
    "overloaded": (b"retry-after", b"1"),
    "behind": (b"retry-after", b"1"),
    "not-signed-yet": (b"retry-after", b"1"),
    "unavailable": (b"retry-after", b"2"),
    "unknown-fact": (b"retry-after", b"2"),
    "outcome-unknown": (b"retry-after", b"2"),
    "unauthenticated": (b"www-authenticate", b'Bearer realm="pulseops"'),
}
_log = structlog.get_logger("pulseops.http")
_NO_STORE: Header = (b"cache-control", b"no-store")


class Problem(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A problem report (RFC 9457). `code` is stable; `correlationId` finds the request in the logs.

    `current` is the status that does not allow it.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str | None = None
    errors: tuple[Fault, ...] = ()
    correlation_id: str | None = None
    current: str | None = None


def problem(
    code: str,
    detail: str | None = None,
    *,
    instance: str | None = None,
    errors: tuple[Fault, ...] = (),
    correlation_id: str | None = None,
) -> Problem:
    status, title = KINDS[code]
    return Problem(
        type=f"/problems/{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        instance=instance,
        errors=errors,
        correlation_id=correlation_id,
    )


def example(code: str, detail: str | None = None) -> Problem:
    """One with all that it always says."""
    current = "resolved" if code == InvalidTransition.code else None
    return msgspec.structs.replace(problem(code, detail), current=current)


def of_error(error: Exception) -> Problem:
    """An error as a problem, without the request it came from (an item of a batch has none)."""
    if isinstance(error, Refused):
        return problem(error.kind, str(error), errors=error.errors)
    if isinstance(error, InvalidInput):
        return problem(error.code, str(error), errors=(Fault(detail=str(error), pointer=error.pointer),))
    if isinstance(error, InvalidTransition):
        return msgspec.structs.replace(problem(error.code, str(error)), current=error.current)
    if isinstance(error, PulseOpsError) and error.code in KINDS:
        return problem(error.code, str(error))
    if isinstance(error, OUTAGES):
        _log.warning("database unavailable", error=type(error).__name__)
        return problem("unavailable", "The database does not answer.")
    _log.error("unforeseen error", exc_info=error)
    return problem("internal", "This is our mistake. The logs know it by the correlation id.")


def answer(request: Req, what: Problem, headers: Iterable[Header] = ()) -> Answer:
    """`what`, with the request it answers."""
    return of_problem(request.scope.get("exchange"), request.scope["raw_path"], what, headers)  # type: ignore[arg-type]  # ours


def of_problem(
    known: Exchange | None, raw_path: bytes, what: Problem, headers: Iterable[Header] = ()
) -> Answer:
    # The path only: a query string may carry what must not be repeated.
    instance = raw_path.partition(b"?")[0].decode("ascii", "replace")
    body = msgspec.structs.replace(
        what, instance=instance, correlation_id=str(known.correlation_id) if known else None
    )
    retry = _RETRY.get(what.code)
    sent = [_NO_STORE, *headers, *((retry,) if retry else ())]
    return encoded(body, status=what.status, media=MEDIA.encode(), headers=sent)


def answered(request: Req, error: Exception) -> Answer:
    """What the caller of `request` is told of `error`."""
    return _http(request, error) if isinstance(error, HTTPException) else _any(request, error)


def _any(request: Req, error: Exception) -> Answer:
    what = of_error(error)
    if isinstance(error, InvalidInput) and request.method == "GET":
        # There is no body to point into: it was a parameter.
        fault = Fault(detail=str(error), parameter=error.pointer.removeprefix("/"))
        what = msgspec.structs.replace(what, errors=(fault,))
    return answer(request, what, error.headers if isinstance(error, Refused) else ())


def _http(request: Req, error: HTTPException) -> Answer:
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        return _any(request, error)
    # Litestar's own detail may repeat the query string: the title says enough.
    # The edge answers HEAD wherever GET is answered.
    headers = [
        (name.lower().encode(), value.replace("GET", "GET, HEAD").encode())
        for name, value in (error.headers or {}).items()
    ]
    return answer(request, problem(code), headers)


HANDLERS: ExceptionHandlersMap = {Exception: answered}  # type: ignore[dict-item]  # an Answer is response enough
"""For Litestar: there is no other place where an error becomes an answer."""
