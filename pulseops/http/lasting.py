"""An answer that goes on: it begins, and says more whenever there is more, until one side has enough."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

from litestar.types import Receive, Scope, Send

from pulseops.http.refusal import Header


class Gone(Exception):
    """Whoever listened has left, or takes nothing any more."""


class Line:
    """The way to who listens."""

    def __init__(self, receive: Receive, send: Send, abort: Callable[[], None] | None) -> None:
        self._receive, self._send, self._abort = receive, send, abort
        self._sending: asyncio.Timeout | None = None

    async def say(self, text: bytes, *, within: float) -> None:
        """Once the listener has taken most of what was said before. Raises Gone after `within` seconds."""
        try:
            async with asyncio.timeout(within) as self._sending:
                await self._send({"type": "http.response.body", "body": text, "more_body": True})
        except TimeoutError:
            await self.cut()
            raise Gone from None
        finally:
            self._sending = None

    def hurry(self, within: float) -> None:
        """What is being said has so many seconds left."""
        if self._sending is not None:
            soon = asyncio.get_running_loop().time() + within
            until = self._sending.when()
            self._sending.reschedule(soon if until is None else min(until, soon))

    async def left(self) -> None:
        """Until the listener has left, or the answer is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def cut(self) -> None:
        """End it here, in a way that nobody takes for the end."""
        if self._abort is not None:
            self._abort()
            await asyncio.sleep(0)  # the server hears of it in the loop's next round


class Lasting:
    """An ASGI application, as an Answer is one. `speak` says all there is; it may raise Gone.

    It takes a request's place only until it begins: then it leaves the door, and counts as answered.
    `finished` is called at the end, also when only the head was asked for.
    """

    def __init__(
        self,
        speak: Callable[[Line], Awaitable[None]],
        *,
        media: bytes,
        headers: Iterable[Header] = (),
        finished: Callable[[], None],
    ) -> None:
        self._speak, self._finished = speak, finished
        self._headers = [
            (b"content-type", media),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours: Any = scope
        if ours.get("only_head"):
            self._finished()
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        ours["told"] = perf_counter()
        leave: Callable[[float], None] | None = ours.get("leave")
        if leave is not None:
            leave(ours["told"])
        line = Line(receive, send, ours.get("abort"))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            if await _whole(self._speak(line), line.left()):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._finished()


async def _whole(speaking: Awaitable[None], leaving: Awaitable[None]) -> bool:
    """Whether all was said before the listener left. Neither outlives this."""
    tasks = asyncio.ensure_future(speaking), asyncio.ensure_future(leaving)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    speech = tasks[0]
    if speech.cancelled() or isinstance(speech.exception(), Gone):
        return False
    speech.result()
    return True
