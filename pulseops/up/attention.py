"""Ctrl-C, heard at any moment of a program that mostly waits."""

import signal
import time
from types import FrameType

_STEP = 0.05  # seconds


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

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
