"""Work on disks that may never answer, such as those of another machine: given up, and not waited for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from pulseops.audit.shelf import Unreachable

T = TypeVar("T")


class Aside:
    """Each work at a place has a thread of its own, which no end of the process waits for.

    While one that was given up has not come back, no other is begun: they would all hang.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._given_up = set[object]()

    async def __call__(self, work: Callable[[], T], *, within: float | None) -> T:
        """What it comes to, `within` so many seconds. Raises what it raises, and Unreachable."""
        if self._given_up:
            raise Unreachable(f"{self._place} still does not answer.")
        loop, mark = asyncio.get_running_loop(), object()
        answer: asyncio.Future[T] = loop.create_future()

        def come(settle: Callable[[Any], None], what: Any) -> None:
            self._given_up.discard(mark)
            if not answer.done():
                settle(what)

        def run() -> None:
            try:
                settled: tuple[Callable[[Any], None], Any] = (answer.set_result, work())
            except Exception as error:  # noqa: BLE001 -- raised where it is waited for
                settled = (answer.set_exception, error)
            with suppress(RuntimeError):  # there is no loop any more
                loop.call_soon_threadsafe(come, *settled)

        thread = Thread(target=run, name="pulseops aside", daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            raise Unreachable(f"{self._place} does not answer for {within:.0f} seconds.") from None
        finally:
            if thread.is_alive() and (answer.cancelled() or not answer.done()):
                self._given_up.add(mark)
