"""Which logs have grown: each log's subscriptions wake for its own events only."""

import asyncio
from collections import defaultdict

import asyncpg
import structlog

from pulseops.eventstore.bell import Bell
from pulseops.eventstore.directory import list_logs
from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.ending import ended

_UNASKED = 1.0  # seconds between looks that no ring prompted

_log = structlog.get_logger(__name__)


class Lookout:
    """Looks which logs have grown, whenever the doorbell rings, in one statement, and rings their bells.

    The doorbell does not say for which log it rings. Without this, every ring would have every subscription
    of every log read its checkpoint: a busy log would cost as many look-ups as there are logs.
    """

    def __init__(self, pool: asyncpg.Pool, *, doorbell: Doorbell) -> None:
        self._pool, self._doorbell = pool, doorbell
        self._bells: defaultdict[int, Bell] = defaultdict(Bell)
        self._seen: dict[int, int] = {}
        self._looking: asyncio.Task[None] | None = None
        self._away = False

    def bell(self, log_id: int) -> Bell:
        """The log's own."""
        return self._bells[log_id]

    @property
    def logs(self) -> frozenset[int]:
        """Those that it looks at."""
        return frozenset(self._seen)

    def start(self) -> None:
        self._looking = asyncio.create_task(self._run(), name="pulseops lookout")

    async def stop(self) -> None:
        if self._looking is not None:
            await ended([self._looking])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, seen = loop.time(), self._doorbell.rings
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 -- logged; most likely the database is away
                if not self._away:
                    _log.warning("logs cannot be looked at", error=repr(error)[:200])
                self._away = True
            else:
                self._away = False
            # Half of the time at most, however many logs there are and however often it rings.
            await asyncio.sleep(loop.time() - began)
            await self._doorbell.wait(seen, _UNASKED)

    async def _look(self) -> None:
        for log in await list_logs(self._pool):
            # Whoever begins to lead a log looks at it first, unasked.
            before = self._seen.get(log.log_id)
            self._seen[log.log_id] = log.position
            if before is None:
                _log.info("log led", log=log.name, position=log.position)
            elif before != log.position:
                self._bells[log.log_id].ring()
