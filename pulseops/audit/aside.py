"""Work that may hang, as on a disk of another machine, on a thread that nobody waits for longer than told.

Neither does the program's end wait for it, as it would for a thread of the event loop's own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

from pulseops.audit.shelf import Unreachable

T = TypeVar("T")


class Aside:
    """For one place: each piece of work may take so many seconds, and so many may be under way.

    What took too long may still be done later. Where `most` hang, another would too, and is not begun.
    """

    def __init__(self, place: str, *, within: float, most: int = 8) -> None:
        self._place, self._within, self._most = place, within, most
        self._under_way = set[Thread]()

    async def __call__(self, work: Callable[[], T]) -> T:
        """What it comes to, or raises. Raises Unreachable where it hangs."""
        if len(self._under_way) >= self._most:
            raise Unreachable(f"{self._place} hangs: what was asked of it before is not done yet.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def tell(said: Callable[[], None]) -> None:
            if not answer.done():
                said()

        def go() -> None:
            try:
                said = partial(answer.set_result, work())
            except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
                said = partial(answer.set_exception, error)
            self._under_way.discard(thread)
            with suppress(RuntimeError):  # nobody waits any more: the loop is closed
                loop.call_soon_threadsafe(tell, said)

        self._under_way.add(thread := Thread(target=go, name="pulseops aside", daemon=True))
        thread.start()
        try:
            await asyncio.wait([answer], timeout=self._within)
            if not answer.done():
                raise Unreachable(
                    f"{self._place} hangs: something took more than {self._within:.0f} seconds."
                )
            return answer.result()
        finally:
            answer.cancel()
