"""How a call comes to its answer: try, pause, try again. It sends nothing and never sleeps.

A conversation is a generator of steps. Whoever drives it sends a `Try` and hands in the response, or throws
the error that came instead; waits through a `Pause`; and has come to the end with an `Answer`. There are two
drivers (`wire.py`), one for each colour of function.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias, TypeVar

import httpx
import msgspec
from msgspec import Struct

from pulseops.client.call import Answer, Call
from pulseops.client.errors import NotUnderstood, OutcomeUnknown, Problem, Refused, Unreachable
from pulseops.client.reading import reader
from pulseops.client.terms import Terms, retry_after
from pulseops.kernel.reasons import reason

T = TypeVar("T")
AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_PERHAPS_DONE = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_SERVER_ERROR = 500
_problem = reader(Problem)


class Try(Struct, frozen=True):
    """Send this, within these times."""

    method: str
    path: str
    query: Mapping[str, str | Sequence[str]]
    headers: dict[str, str]
    body: bytes | None
    timeout: httpx.Timeout


class Pause(Struct, frozen=True):
    seconds: float


Steps: TypeAlias = Generator[Try | Pause | Answer[T], httpx.Response | None, None]


def conversation(call: Call[T], terms: Terms, url: str, clock: Callable[[], float]) -> Steps[T]:
    """Raises Refused, Unreachable, NotUnderstood, and OutcomeUnknown for a command."""
    end = clock() + terms.deadline
    unsure, tried = False, 0
    while True:
        tried += 1
        failure: Refused | Unreachable
        try:
            response = yield attempt(call, terms.timeout(end - clock()))
            assert response is not None  # noqa: S101 -- drivers answer a Try
            if response.is_success or response.status_code in {HTTPStatus.NOT_MODIFIED, *call.also}:
                yield accepted(call, response, url)
                return
            failure = refused(response, url)
            unsure = unsure or response.status_code in _PERHAPS_DONE
            again, asked = response.status_code in AGAIN, failure.retry_after
        except httpx.HTTPError as error:
            failure = unreachable(error, url)
            unsure = unsure or not isinstance(error, _NEVER_SENT)
            again, asked = isinstance(error, httpx.TransportError), None
            again = again and not isinstance(error, httpx.UnsupportedProtocol)
        pause = terms.pause(tried, asked)
        if not again or tried == terms.tries or clock() + pause >= end:
            raise _ended(call, failure, unsure=unsure) from failure.__cause__
        yield Pause(pause)


def attempt(call: Call[T], timeout: httpx.Timeout) -> Try:
    headers = dict(call.headers)
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if call.key is not None:
        headers["Idempotency-Key"] = call.key
    return Try(call.method, call.path, call.query, headers, call.body, timeout)


def _ended(call: Call[T], failure: Refused | Unreachable, *, unsure: bool) -> Exception:
    answered_no = isinstance(failure, Refused) and failure.status < _SERVER_ERROR
    if call.key is None or not unsure or answered_no:
        return failure
    return OutcomeUnknown(call.key, failure)


def accepted(call: Call[T], response: httpx.Response, url: str) -> Answer[T]:
    if response.content and not response.headers.get("Content-Type", "").startswith(call.media):
        raise NotUnderstood(f"Something answers at {url}, but it is not PulseOps.")
    return Answer(
        status=response.status_code, body=response.content, headers=response.headers, read=call.read
    )


def refused(response: httpx.Response, url: str) -> Refused:
    """Of a response that was read whole."""
    phrase, after = f"{response.status_code} {response.reason_phrase}".strip(), retry_after(response.headers)
    status = response.status_code
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        try:
            problem = _problem(response.content)
        except msgspec.MsgspecError:
            problem = Problem()
        told = msgspec.structs.replace(problem, status=status, title=problem.title or phrase)
        return Refused(told, response.content, after)
    detail = f"{url} answered without a reason: it may not be PulseOps."
    if response.has_redirect_location:
        detail = f"{url} points to {response.headers['Location']}: use that URL if you trust it."
    return Refused(Problem(title=phrase, status=status, detail=detail), None, after)


def unreachable(error: httpx.HTTPError, url: str) -> Unreachable:
    found = Unreachable(f"Cannot reach PulseOps at {url}: {reason(error)}")
    found.__cause__ = error
    return found
