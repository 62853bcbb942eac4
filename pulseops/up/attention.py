"""Ctrl-C, heard at any moment of a program that mostly waits."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_STEP = 0.05  # seconds
_TIDYING = 2.0  # seconds, such as for rolling back


class Stopped(Exception):
    """We were asked to stop."""


class Hurried(Exception):
    """We were asked again: no more patience."""


class Attention:
    """Signals only count; `rest` raises. So nothing is torn between two lines that belong together."""

    def __init__(self) -> None:
        self._asked = 0
        self._heeded = 0

    def listen(self) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if name is not signal.SIGHUP or signal.getsignal(name) is not signal.SIG_IGN:  # nohup
                signal.signal(name, self._on_signal)

    def rest(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: once, at the first signal.
            Hurried: once, at the second.
        """
        limit = time.monotonic() + seconds
        while True:
            if self._asked > self._heeded and self._heeded <= 1:
                self._heeded += 1
                raise Stopped if self._heeded == 1 else Hurried
            if (left := limit - time.monotonic()) <= 0:
                return
            time.sleep(min(left, _STEP))

    async def heeding(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to. Raises as `rest` does, once `work` has been cancelled."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait((task,), timeout=_STEP)
                self.rest(0)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=_TIDYING)
        return await task

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
