"""A bell: word within this process that the log has grown. It says only that."""

import asyncio
from contextlib import suppress


class Bell:
    """A counter to wait on, within this process."""

    def __init__(self) -> None:
        self.rings = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits."""
        self.rings += 1
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    async def wait(self, seen: int, within: float) -> None:
        """Until `rings` is not `seen` (read before looking at the log), or `within` seconds have passed."""
        if self.rings == seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._rung.wait()
