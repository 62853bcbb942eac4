"""Tasks that are told to end, until they do."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN = 1.0
"""Seconds until they are told again."""


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels them as often as it takes; what they come to is nobody's business any more.

    Once may not be enough. A library may take it for something else (Redis' client and `wait_for` do, in a
    race), and who tidies up with a database that is silent waits for that again: to roll back, to give back.
    """
    told = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    await asyncio.gather(*told, return_exceptions=True)
