"""The end of one log: read once for all who listen, as it grows."""

import asyncio

import asyncpg
import structlog

from pulseops.db.outages import OUTAGES
from pulseops.eventstore.bell import Bell
from pulseops.live import listener as listening
from pulseops.live import metrics
from pulseops.live.listener import Listener
from pulseops.live.pages import Log, Page, Piece
from pulseops.live.wanted import Wanted

_UNASKED = 1.0
"""Seconds between looks that no ring prompted."""
_APART = 0.02
"""Seconds between two looks: a busy log is read in larger pieces, not more often."""
_ALL_BYTES = 128 * 1024 * 1024
"""What may wait for all listeners of one log together."""

_log = structlog.get_logger(__name__)

TROUBLES: tuple[type[Exception], ...] = (*OUTAGES, OSError, asyncpg.PostgresError)


class Tail:
    """Runs while somebody listens. Who has come as far as it has joins; who is behind reads by itself."""

    def __init__(self, log: Log, bell: Bell) -> None:
        self._log, self._bell = log, bell
        self.position = 0
        self._listeners: dict[Wanted, set[Listener]] = {}
        self._following: asyncio.Task[None] | None = None
        self._away = False

    def join(self, listener: Listener, *, there: bool) -> bool:
        """Whether it is now told of everything that follows its own position. `there`: it has seen the end.

        Reading on does not wait for anybody, so it begins at the end: who is far behind would be too slow.
        """
        if self._following is None or self._following.done():
            if not there:
                return False
            self.position = listener.position
            self._following = asyncio.create_task(self._follow(), name="pulseops stream tail")
        elif listener.position < self.position:
            return False
        self._listeners.setdefault(listener.wanted, set()).add(listener)
        return True

    def leave(self, listener: Listener) -> None:
        """It need not have joined. After the last one nobody reads on."""
        group = self._listeners.get(listener.wanted)
        if group is not None:
            group.discard(listener)
            if not group:
                del self._listeners[listener.wanted]
        if not self._listeners and self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self) -> None:
        try:
            await self._read_on()
        except Exception as error:  # noqa: BLE001 -- logged, and who listens comes back elsewhere or later
            _log.error("a stream's tail broke", exc_info=error)
            for group in self._listeners.values():
                for listener in group:
                    listener.end("trouble")
            self._following = None
            self._listeners = {}

    async def _read_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, seen = loop.time(), self._bell.rings
            try:
                page = await self._log.after(self.position, by_team=self._by_team)
                while self._by_team and page.teams is None:  # who wants to know came meanwhile
                    await self._log.find_teams(page)
            except TROUBLES as error:
                self._failed(error)
                await asyncio.sleep(_UNASKED)
                continue
            self._away = False
            self._tell(page)
            if not page.full:
                await asyncio.sleep(max(0.0, began + _APART - loop.time()))
                await self._bell.wait(seen, _UNASKED)

    @property
    def _by_team(self) -> bool:
        return any(wanted.by_team for wanted in self._listeners)

    def _tell(self, page: Page) -> None:
        before, self.position = self.position, page.position
        if self.position == before:
            return
        # Those who want the same hold the same text, so this bounds what waits for all of them.
        room = min(listening.MOST_BYTES, _ALL_BYTES // max(1, len(self._listeners)))
        for wanted, group in self._listeners.items():
            pieces: list[Piece] | None = None
            for listener in group:
                if listener.position == before:
                    # Made once, for all of them.
                    pieces = page.pieces(wanted) if pieces is None else pieces
                    listener.offer(pieces, page.position, room)
                elif listener.position < page.position:
                    listener.offer(page.pieces(wanted, listener.position), page.position, room)

    def _failed(self, error: Exception) -> None:
        metrics.FAILURES.inc()
        if not self._away:
            _log.warning("the log cannot be read for the streams", error=repr(error)[:200])
        self._away = True
