"""uvicorn's protocol, with what it has no setting for.

Patience, a longest head, offers passed over, a door that is closed while too much is under way, and answers
written whole.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from pulseops.http import metrics
from pulseops.http.admission import ALWAYS, FREELY, Admission
from pulseops.http.answer import Answer
from pulseops.http.exchange import exchange, signature
from pulseops.http.problem import MEDIA, of_problem, problem

_PATIENCE = 10.0
"""Seconds from the connection, or from a request's first byte, to the end of its headers."""
_LONGEST_HEAD = 64 * 1024
"""Bytes of a request line with its headers, give or take what arrives at once."""

_CROWD = "More requests are under way than can be answered in time. Nothing was done."

ADMISSION = Admission()


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not come. Bodies are timed where they are read."""

    _until_headers: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0
    """Bytes that came since the last head was complete, when the next one is not."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
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
            self._head += len(data)
            if self._head > _LONGEST_HEAD:
                self._refuse("head-too-large", f"All headers together may have {_LONGEST_HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._headers_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        # After an offer to upgrade the parser takes the head for the whole message: the body is to come.
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Each request comes by here when its head is complete, and its turn on this connection has come."""
        now = perf_counter()
        # Each connection has one request under way at most: few connections are no crowd, however they push.
        crowd = len(self.connections) > FREELY and not ADMISSION.admits(now)
        if crowd and not cycle.scope["path"].startswith(ALWAYS):
            metrics.SHED.inc()
            say(cycle, _shed(cycle.scope))
            return
        ADMISSION.enter()
        ours: dict[str, Any] = cycle.scope  # type: ignore[assignment]  # with two words of our own
        ours["say"] = partial(say, cycle)
        ours["arrived"] = lambda: not cycle.more_body
        task = self.loop.create_task(self._run(cycle, app, now))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _run(self, cycle: RequestResponseCycle, app: Any, began: float) -> None:
        ADMISSION.begin(perf_counter() - began)
        try:
            await cycle.run_asgi(app)
        finally:
            ADMISSION.leave(began, perf_counter())

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
        body = msgspec.json.encode(problem(code, detail))
        status = HTTPStatus(problem(code).status)
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
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
    lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *answer.headers)]
    if (b"connection", b"close") in answer.headers:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    cycle.transport.write(b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", answer.body)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _shed(scope: Any) -> Answer:
    """Who is refused in a crowd can still be found in the crowd's own logs."""
    known = exchange(scope["headers"])
    answer = of_problem(known, scope["raw_path"], problem("overloaded", _CROWD))
    answer.headers += signature(known)
    return answer


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
