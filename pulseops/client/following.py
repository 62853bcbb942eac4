"""Follows a stream of server-sent events across lost connections: what was said, and where to go on."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from msgspec import Struct
from msgspec.structs import replace

from pulseops.client.call import Call
from pulseops.client.conversation import AGAIN, Try, attempt, refused, unreachable
from pulseops.client.errors import NotUnderstood, Refused, Unreachable
from pulseops.client.terms import Terms

_LINE = re.compile(rb"\r\n|\n|\r")
_LAST = "Last-Event-ID"


class Message(Struct, frozen=True):
    """A block as the wire has it. `id` is the newest that was named so far; some say no more than that."""

    id: str
    data: bytes | None


class Messages:
    """Bytes in, in whatever pieces they come; whole messages out. `retry` is what the server asks for."""

    def __init__(self) -> None:
        self.retry: float | None = None
        """Seconds to stay away when the stream has ended."""
        self._rest, self._data, self._id = b"", list[bytes](), ""

    def feed(self, data: bytes) -> Iterator[Message]:
        text = self._rest + data
        # Whether a last CR is a line's end or half of one, the next byte says.
        end = len(text) - text.endswith(b"\r")
        *lines, rest = _LINE.split(text[:end])
        self._rest = rest + text[end:]
        for line in lines:
            if line:
                self._take(line)
            else:
                yield Message(self._id, b"\n".join(self._data) if self._data else None)
                self._data = []

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry = int(value[:9]) / 1_000


class Following:
    """Where a stream is, and when to come back to it. It sends nothing; see `conversation`.

    The deadline of the terms counts from the last sign of life: a server may restart as often as it likes.
    """

    def __init__(self, call: Call[Any], terms: Terms, url: str, clock: Callable[[], float]) -> None:
        self._call, self._terms, self._url, self._clock = call, terms, url, clock
        self._last = int(call.headers.get(_LAST, "-1"))
        self._alive, self._tried = clock(), 0
        self._messages = Messages()

    def attempt(self) -> Try:
        """To open the stream where it broke off."""
        self._messages = Messages()
        headers = dict(self._call.headers) | ({_LAST: str(self._last)} if self._last >= 0 else {})
        left = self._terms.deadline - (self._clock() - self._alive)
        return attempt(replace(self._call, headers=headers), self._terms.timeout(left))

    def opened(self, response: httpx.Response) -> None:
        """Raises NotUnderstood when it is no stream."""
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise NotUnderstood(f"What {self._url} answers is not a stream of events.")

    def heard(self, data: bytes) -> list[bytes]:
        """The events that are new, as they came. A place alone is where to go on, too."""
        self._alive, self._tried = self._clock(), 0
        found = []
        for message in self._messages.feed(data):
            place = int(message.id) if message.id.isdecimal() else None
            told = place is not None and place <= self._last
            if place is not None and not told:
                self._last = place
            if message.data is not None and not told:
                found.append(message.data)
        return found

    def lost(self, error: httpx.HTTPError) -> float:
        """Seconds until the next try. Raises Unreachable when there is none."""
        return self._pause(unreachable(error, self._url), self._asked())

    def refused(self, response: httpx.Response) -> float:
        """Seconds until the next try. Raises Refused when there is none."""
        failure = refused(response, self._url)
        if response.status_code not in AGAIN:
            raise failure
        return self._pause(failure, failure.retry_after)

    def ended(self) -> float:
        """Seconds until the next try, after the server closed the stream."""
        return self._pause(Unreachable(f"{self._url} keeps closing the stream."), self._asked())

    def _asked(self) -> float | None:
        """What the server asked for while it still spoke; whoever finds it silent after that is patient."""
        return None if self._tried else self._messages.retry

    def _pause(self, failure: Refused | Unreachable, asked: float | None) -> float:
        self._tried += 1
        pause = self._terms.pause(self._tried, asked)
        if self._tried == self._terms.tries or self._clock() + pause >= self._alive + self._terms.deadline:
            raise failure from failure.__cause__
        return pause
