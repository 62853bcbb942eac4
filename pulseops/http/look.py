"""One look at the database for all who ask how this process is."""

import asyncio
from time import monotonic

from pulseops.http.health import Probe, Ready

_FRESH = 0.5
"""Seconds for which what was found is told to whoever asks."""


class Shared:
    """One look for all who ask at once or a moment later: strangers may ask as often as they like."""

    def __init__(self, probe: Probe) -> None:
        self._probe, self.fresh = probe, _FRESH
        self._looking: asyncio.Task[Ready] | None = None
        self._began = 0.0

    async def __call__(self) -> Ready:
        now, looking = monotonic(), self._looking
        if looking is None or (looking.done() and now - self._began >= self.fresh):
            looking = self._looking = asyncio.create_task(self._look(), name="pulseops probe")
            # Everyone who waited may have left.
            looking.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._began = now
        return await asyncio.shield(looking)

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> Ready:
        return await self._probe()
