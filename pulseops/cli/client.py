"""Speaks to a PulseOps server. A POST carries an Idempotency-Key, so that it may be sent again."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx
import msgspec
from msgspec import Struct

from pulseops.cli.target import Target

_TIMEOUT = httpx.Timeout(30, connect=5)
_AGAIN = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 5.0  # seconds
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_SERVER_ERROR = 500


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong, and where."""

    detail: str = ""
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """An RFC 9457 answer."""

    title: str = ""
    status: int = 0
    detail: str = ""
    errors: tuple[Fault, ...] = ()


class Refused(Exception):
    """The server said no. `body` is its answer as it came, when that was a problem document."""

    def __init__(self, problem: Problem, body: bytes | None) -> None:
        super().__init__(problem.title)
        self.problem, self.body = problem, body
        self.unknown: str | None = None


class Unreachable(Exception):
    """No PulseOps answered."""

    unknown: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """A 2xx: its JSON as it came, and the server's clock."""

    body: bytes
    now: datetime
    position: int | None = None
    """Of what was written, in the log: where a list has to have come to show it."""


class Client:
    """One conversation with a server; `wait` takes seconds."""

    def __init__(self, target: Target, *, wait: Callable[[float], None] = time.sleep) -> None:
        self.target, self._wait = target, wait
        headers = {"Accept": "application/json", "User-Agent": "pulseops-cli"}
        if target.key is not None:
            headers["Authorization"] = f"Bearer {target.key}"
        # A proxy is for other machines: this one's key does not leave it.
        self._http = httpx.Client(
            base_url=target.url, headers=headers, timeout=_TIMEOUT, trust_env=not target.local
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Answer:
        """The answer to a read."""
        try:
            return self._accepted(self._http.get(path, params=parameters))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def post(self, path: str, body: bytes, *, idempotency_key: str) -> Answer:
        """The answer to a command, sent once more when the first try was lost or came at a bad time.

        An exception's `unknown` is the key of a command that may have been carried out all the same.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        unknown, pause = False, _SHORTEST_WAIT
        try:
            response = self._http.post(path, content=body, headers=headers)
            if response.status_code not in _AGAIN:
                return self._accepted(response)
            unknown, pause = response.status_code == HTTPStatus.GATEWAY_TIMEOUT, _retry_after(response)
        except _NEVER_SENT as error:
            raise self._unreachable(error) from error
        except httpx.TransportError:
            unknown = True
        self._wait(pause)
        try:
            response = self._http.post(path, content=body, headers=headers)
            unknown = unknown or response.status_code == HTTPStatus.GATEWAY_TIMEOUT
            return self._accepted(response)
        except Refused as refused:
            refused.unknown = idempotency_key if unknown and refused.problem.status >= _SERVER_ERROR else None
            raise
        except httpx.HTTPError as error:
            unreachable = self._unreachable(error)
            if unknown or not isinstance(error, _NEVER_SENT):
                unreachable.unknown = idempotency_key
            raise unreachable from error

    def settled(self, written: Answer) -> bool:
        """Whether lists show by now what was written; the server waits for them for about two seconds."""
        if written.position is None:
            return True
        try:
            self.get("/incidents", {"limit": 1, "min_position": written.position})
        except (Refused, Unreachable):
            return False
        return True

    def _accepted(self, response: httpx.Response) -> Answer:
        if response.is_success:
            if not response.headers.get("Content-Type", "").startswith("application/json"):
                raise Unreachable(f"Something answers at {self.target.url}, but it is not PulseOps.")
            return Answer(body=response.content, now=_date(response), position=_position(response))
        phrase = f"{response.status_code} {response.reason_phrase}".strip()
        if response.headers.get("Content-Type", "").startswith("application/problem+json"):
            try:
                problem = msgspec.json.decode(response.content, type=Problem)
            except msgspec.MsgspecError:
                problem = Problem(title=phrase)
            raise Refused(problem, response.content)
        detail = f"{self.target.url} answered without a reason: it may not be PulseOps."
        if response.has_redirect_location:
            detail = (
                f"{self.target.url} points to {response.headers['Location']}: use that URL if you trust it."
            )
        raise Refused(Problem(title=phrase, status=response.status_code, detail=detail), None)

    def _unreachable(self, error: httpx.HTTPError) -> Unreachable:
        return Unreachable(
            f"Cannot reach PulseOps at {self.target.url}: {str(error) or type(error).__name__}"
        )


def _retry_after(response: httpx.Response) -> float:
    """Seconds; none, or a date, counts as the shortest wait."""
    try:
        asked = float(response.headers.get("Retry-After", ""))
    except ValueError:
        asked = 0.0
    return min(max(asked, _SHORTEST_WAIT), _LONGEST_WAIT)


def _position(response: httpx.Response) -> int | None:
    text = response.headers.get("X-PulseOps-Position", "")
    return int(text) if text.isdecimal() else None


def _date(response: httpx.Response) -> datetime:
    """The server's clock: ages must not depend on this machine's."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
