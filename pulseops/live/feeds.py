"""All streams of this process: who may begin one, how it goes, and when it ends."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import structlog
from msgspec import Struct

from pulseops.eventstore.history import newest
from pulseops.eventstore.wake import Doorbell
from pulseops.http.lasting import Line
from pulseops.kernel.errors import Overloaded
from pulseops.live import frames, metrics
from pulseops.live.listener import Listener, Why
from pulseops.live.pages import Log
from pulseops.live.tail import TROUBLES, Tail
from pulseops.live.wanted import Wanted
from pulseops.subscriptions.turns import Turns

MOST, MOST_EACH = 1_000, 250
"""Streams of one process, and of one caller there: no key alone keeps all the others out."""
KEEP_ALIVE = 15.0
"""Seconds of silence that a stream never exceeds."""
AGE = 600.0
"""Seconds that a stream lasts, give or take a tenth: those that began together do not end together."""
_PATIENCE = 20.0
"""Seconds that a listener may take nothing in while there is something to tell."""
_CATCHING_UP = 2
"""Readings at a time for all who are behind, one of each caller."""
_TURN = 1.0
"""Seconds that one waits for such a reading before it looks whether it has been silent for too long."""
_LOOKED_AT = 0.5
"""Seconds between looks whether each still may listen."""
_RETRY = 1_000, 3_000
"""Milliseconds, from and to, that a listener stays away after the end."""

WORDS: dict[Why, str] = {
    "slow": "you were too slow: come back with the last id",
    "age": "enough for now: come back with the last id",
    "stopping": "this server stops: come back with the last id",
    "access": "what you may see has changed",
    "trouble": "something went wrong here: come back with the last id",
}
_log = structlog.get_logger(__name__)


class _Followed(Struct, frozen=True):
    """A log and its end."""

    log: Log
    tail: Tail


class Feeds:
    """Streams of every log, over one pool. `doorbell` says that a log may have grown."""

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell) -> None:
        self._pool, self._doorbell = pool, doorbell
        self._followed: dict[int, _Followed] = {}
        self._listeners: dict[Listener, Tail] = {}
        self._turns = Turns(_CATCHING_UP, patience=_TURN)
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False
        metrics.CLIENTS.set_function(lambda: len(self._listeners))
        metrics.LAG.set_function(self._lag)

    async def head(self, log_id: int) -> int:
        """Of the primary: no id that was ever sent lies beyond it."""
        return await newest(self._pool, log_id)

    def followed(self, log_id: int) -> Log:
        """The log as it is read for those who listen."""
        return self._of(log_id).log

    def begin(
        self, log_id: int, wanted: Wanted, after: int, allowed: Callable[[], Awaitable[bool]], caller: str
    ) -> tuple[Listener, Callable[[Line], Awaitable[None]]]:
        """A place, to be given back by `finish`, and who speaks. Raises Overloaded."""
        if self._stopping or len(self._listeners) >= MOST:
            raise Overloaded("As many streams are open here as there is room for. Come back in a moment.")
        if sum(one.caller == caller for one in self._listeners) >= MOST_EACH:
            raise Overloaded(f"You have {MOST_EACH} streams open here: end one, or come back in a moment.")
        self._doorbell.listen()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="pulseops stream access")
        followed, listener = self._of(log_id), Listener(wanted, after, allowed, caller)
        self._listeners[listener] = followed.tail
        return listener, partial(self._speak, followed, listener)

    def finish(self, listener: Listener) -> None:
        """Free all that it held. May come twice."""
        tail = self._listeners.pop(listener, None)
        if tail is not None:
            tail.leave(listener)
            metrics.ENDED.labels(listener.ended or "left").inc()

    def stop(self) -> None:
        """End every stream, and begin no more."""
        self._stopping = True
        for listener in self._listeners:
            listener.end("stopping")

    async def close(self) -> None:
        self.stop()
        for listener in [*self._listeners]:
            self.finish(listener)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    def _of(self, log_id: int) -> _Followed:
        found = self._followed.get(log_id)
        if found is None:
            log = Log(self._pool, log_id)
            found = self._followed[log_id] = _Followed(log, Tail(log, self._doorbell))
        return found

    async def _speak(self, followed: _Followed, listener: Listener, line: Line) -> None:
        listener.line = line
        loop = asyncio.get_running_loop()
        until = loop.time() + AGE * (0.9 + secrets.randbelow(200) / 1000)
        first, last = _RETRY
        retry = first + secrets.randbelow(last - first)
        await line.say(frames.beginning(listener.told, retry=retry), within=_PATIENCE)
        spoke, joined, there = loop.time(), False, False
        while listener.ended is None:
            now = loop.time()
            if now >= until:
                listener.end("age")
            elif (piece := listener.take()) is not None:
                await line.say(piece.text, within=_PATIENCE)
                listener.told, spoke = piece.position, loop.time()
                metrics.EVENTS.inc(piece.events)
            elif listener.apart or now >= spoke + KEEP_ALIVE:
                position, told = listener.position, listener.told
                text = frames.place(position) if position > told else frames.PING
                await line.say(text, within=_PATIENCE)
                listener.told, spoke = position, loop.time()
            elif joined or (joined := followed.tail.join(listener, there=there)):
                await listener.wait(min(spoke + KEEP_ALIVE, until) - now)
            else:
                there = await self._catch_up(followed.log, listener)
        await line.say(frames.end(WORDS[listener.ended], listener.told), within=listener.leave)

    async def _catch_up(self, log: Log, listener: Listener) -> bool:
        """One page further, as fast as the listener takes it in. Whether that was the last."""
        try:
            async with self._turns.of(listener.caller):
                page = await log.after(listener.position, by_team=listener.wanted.by_team)
        except Overloaded:
            return False  # it hears that it is not forgotten, and asks again
        except TROUBLES:
            metrics.FAILURES.inc()
            await listener.wait(1.0)
            return False
        listener.offer(page.pieces(listener.wanted), page.position)
        return not page.full

    async def _watch(self) -> None:
        """Who may listen no more, or to other things than before, is not told any further."""
        while self._listeners:
            await asyncio.sleep(_LOOKED_AT)
            for listener in [*self._listeners]:
                try:
                    if listener.ended is None and not await listener.allowed():
                        listener.end("access")
                except TROUBLES:
                    break  # without the database there is nothing new to tell either
                except Exception as error:  # noqa: BLE001 -- logged, and told to the one whom it is about
                    _log.error("who listens cannot be looked at", exc_info=error)
                    listener.end("trouble")

    def _lag(self) -> int:
        return max((tail.position - one.told for one, tail in self._listeners.items()), default=0)
