"""Leading every log, also those that are made while the worker runs; each wakes for its own events only."""

import asyncio
from collections.abc import Callable

import asyncpg
import structlog
from msgspec import Struct

from pulseops.eventstore.directory import list_logs
from pulseops.eventstore.subscriptions import Subscriptions
from pulseops.eventstore.wake import Bell, Doorbell

_UNASKED = 1.0  # seconds between looks that no ring prompted: how soon a new log is found without Redis

_log = structlog.get_logger(__name__)


class _Led(Struct):
    """A log's subscriptions, the bell that they wait on, and the newest position that it was rung for."""

    subscriptions: Subscriptions
    bell: Bell
    position: int


class Lookout:
    """Looks which logs there are and which have grown, whenever the doorbell rings, in one statement.

    The doorbell does not say for which log it rings. Without this, every ring would have every subscription
    of every log read its checkpoint: a busy log would cost as many look-ups as there are logs.
    """

    def __init__(
        self, pool: asyncpg.Pool, follow: Callable[[int, Bell], Subscriptions], *, doorbell: Doorbell
    ) -> None:
        self._pool, self._follow, self._doorbell = pool, follow, doorbell
        self._led: dict[int, _Led] = {}
        self._looking: asyncio.Task[None] | None = None
        self._away = False

    @property
    def logs(self) -> frozenset[int]:
        """Those that are led."""
        return frozenset(self._led)

    def start(self) -> None:
        self._looking = asyncio.create_task(self._run(), name="pulseops lookout")

    async def stop(self, within: float = 5.0) -> None:
        """As `Subscriptions.stop`, for all logs at once."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await asyncio.gather(*(led.subscriptions.stop(within) for led in self._led.values()))

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
            led = self._led.get(log.log_id)
            if led is None:
                bell = Bell()
                led = self._led[log.log_id] = _Led(self._follow(log.log_id, bell), bell, log.position)
                led.subscriptions.start()
                _log.info("log led", log=log.name, position=log.position)
            elif led.position != log.position:
                led.position = log.position
                led.bell.ring()
