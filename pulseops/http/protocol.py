"""uvicorn's protocol, with what it has no setting for.

Patience, a longest head, offers passed over, a door that is closed while too much is under way, and answers
written whole.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from time import perf_counter
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from pulseops.http import metrics
from pulseops.http.admission import ALWAYS, FREELY, Admission, Aside
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import exchange, signature
from pulseops.http.problem import MEDIA, of_problem, problem
from pulseops.http.refusal import Header

_PATIENCE = 10.0
"""Seconds from the connection, or from a request's first byte, to the end of its headers."""
_LONGEST_HEAD = 64 * 1024
"""Bytes of a request line with its headers, give or take what arrives at once."""

_CLOSE: Header = (b"connection", b"close")
_CROWD = "More requests are under way than can be answered in time. Nothing was done."

ADMISSION = Admission()
ASIDE = {path: Aside() for path in ALWAYS}


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not come. Bodies are timed where they are read."""

    _until_headers: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0
    """Bytes that came since the last message ended, when the head of the next one has not."""
    _ended = False
    """Whether a message ended in the piece that was read last."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._ended = False
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._pass_over(data[offer.args[0] :])
        except HttpParserError:
            self._refuse("malformed", "This is not an HTTP request.")
        else:
            if not self._in_head:
                self._head = 0
                return
            # A head that came whole, as nearly all do, was never timed.
            if self._until_headers is None:
                self._expect_headers()
            # What ended in this piece may be nearly all of it.
            self._head = 0 if self._ended else self._head + len(data)
            if self._head > _LONGEST_HEAD:
                self._refuse("head-too-large", f"All headers together may have {_LONGEST_HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        # Not for whatever comes: an empty line, or a body that nobody reads, is no request.
        self._unset_keepalive_if_required()
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # It was armed if the answer to the request before went out within this head.
        self._unset_keepalive_if_required()
        self._headers_came()
        super().on_headers_complete()
        self._in_head = False

    def on_message_complete(self) -> None:
        self._ended = True
        # After an offer to upgrade the parser takes the head for the whole message: the body is to come.
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Each request comes by here when its head is complete, and its turn on this connection has come."""
        now = perf_counter()
        door = ASIDE.get(cycle.scope["path"], ADMISSION)
        # Each connection has one request under way at most: few connections are no crowd, however they push.
        if len(self.connections) > FREELY and not door.admits(now):
            metrics.SHED.inc()
            if self.pipeline:
                # The next one's turn comes within the answer: not each inside of the one before.
                self.loop.call_soon(self._turn_away, cycle)
            else:
                self._turn_away(cycle)
            return
        door.enter()
        ours: dict[str, Any] = cycle.scope  # type: ignore[assignment]  # with two words of our own
        ours["say"] = partial(say, cycle)
        ours["arrived"] = lambda: not cycle.more_body
        # What goes on for long is no crowd: it leaves when it begins, and is cut off when nobody takes it.
        ours["leave"], ours["abort"] = partial(door.leave, now), cycle.transport.abort
        self._spawn(self._run(cycle, app, door, now))

    def _turn_away(self, cycle: RequestResponseCycle) -> None:
        answer = _shed(cycle.scope)
        if not say(cycle, answer):
            self._spawn(cycle.run_asgi(answer))  # type: ignore[arg-type]  # it is an application

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _run(
        self, cycle: RequestResponseCycle, app: Any, door: Admission | Aside, began: float
    ) -> None:
        door.begin(perf_counter() - began)
        try:
            await cycle.run_asgi(app)
        finally:
            if "told" not in cycle.scope:
                door.leave(began, perf_counter())

    def _pass_over(self, rest: bytes) -> None:
        """Go on as if no upgrade had been offered (RFC 9110, 7.8).

        The parser will not: a new one takes over, told of the body it is in.
        """
        framing = [
            b"%b: %b\r\n" % (name, value)
            for name, value in self.headers
            if name in {b"content-length", b"transfer-encoding"}
        ]
        self.parser = HttpRequestParser(_InBody(self))
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
        self.data_received(rest)

    def _refuse(self, code: str, detail: str) -> None:
        """Read no more, say why, and close. What was asked before is answered first.

        A head that cannot be read goes unanswered then: it may be the rest of a body that was told too short.
        """
        newest = self.cycle
        pending = newest is not None and not newest.response_complete  # type: ignore[redundant-expr]  # none before the first
        in_body, self._in_head = not self._in_head, False
        self.parser = _Deaf()  # type: ignore[assignment]  # it is fed, and nothing else
        self._headers_came()
        answer = _refusal(code, detail)
        if pending and (newest.response_started or not in_body):
            newest.keep_alive = False
        elif pending and self.pipeline:
            self.pipeline[0] = (newest, answer)  # type: ignore[assignment]  # it is an application
        else:
            if pending:
                newest.disconnected = True
                newest.message_event.set()
            if pending or not in_body:
                self.transport.write(_written(answer.status, answer.headers, answer.body))
            self.transport.close()

    def _expect_headers(self) -> None:
        self._headers_came()
        self._until_headers = self.loop.call_later(_PATIENCE, self.transport.close)

    def _headers_came(self) -> None:
        if self._until_headers is not None:
            self._until_headers.cancel()
            self._until_headers = None


def say(cycle: RequestResponseCycle, answer: Answer) -> bool:
    """Write `answer` at once: `cycle.send` looks at every header twice before it lets it pass.

    False when it is for `cycle.send` after all, which waits until the client has read what there is. The
    headers are ours: of what callers write they hold nothing but names of requests, which are visible ASCII.
    """
    if cycle.flow.write_paused or cycle.response_started:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    headers = [*cycle.default_headers, *answer.headers]
    if _CLOSE in answer.headers:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        headers.append(_CLOSE)
    cycle.transport.write(_written(answer.status, headers, answer.body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _written(status: int, headers: list[Header], body: bytes) -> bytes:
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join((STATUS_LINE[status], *lines, b"\r\n", body))


def _refusal(code: str, detail: str) -> Answer:
    what = problem(code, detail)
    return encoded(what, status=what.status, media=MEDIA.encode(), headers=[_CLOSE])


def _shed(scope: Any) -> Answer:
    """Who is refused in a crowd can still be found in the crowd's own logs."""
    known = exchange(scope["headers"])
    answer = of_problem(known, scope["raw_path"], problem("overloaded", _CROWD))
    answer.headers += signature(known)
    if scope["method"] == "HEAD":
        answer.body = b""
    return answer


class _Deaf:
    """The parser of a connection that nothing more is read from."""

    def feed_data(self, data: bytes) -> None:
        """Let it go by."""


class _InBody:
    """A parser's listener that knows the head of the first message already."""

    def __init__(self, protocol: PatientProtocol) -> None:
        self._protocol = protocol
        self._first = True

    def on_message_begin(self) -> None:
        if not self._first:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._first:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._first:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._first:
            self._protocol.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        self._first = False
        self._protocol.on_message_complete()
