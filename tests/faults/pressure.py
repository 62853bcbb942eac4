"""Load from a thread of its own, so that the main thread is free to kill what bears it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from time import monotonic
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from pulseops.up.processes import wait_until
from tests.faults.history import History
from tests.faults.load import PATIENCE, Client, World

CLIENTS = 8
_REPORTERS = 2
"""So many of them only report, so that whatever falls silent leaves somebody without an answer."""
_LAST_TRIES = 25.0
"""Seconds that clients have at the end to learn what became of their last orders."""


class Pressure:
    """Clients at work between `__enter__` and `__exit__`."""

    def __init__(
        self,
        urls: list[str],
        token: str,
        history: History,
        *,
        name: str,
        most: int,
        seconds: float,
        urgent: bool,
    ) -> None:
        self._urls, self._token, self._name = urls, token, name
        self._most, self._seconds = most, seconds
        self._world = World(history, urgent=urgent)
        self._over = float("inf")
        self._thread = ThreadPoolExecutor(1)
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._work = self._thread.submit(asyncio.run, self._press())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = monotonic()
        with self._thread:
            if self._work is not None:
                self._work.result()

    def await_acknowledged(self, more: int, *, within: float = 60.0) -> None:
        self._await(lambda: self._world.acknowledged, more, within)

    def await_doubtful(self, more: int, *, within: float = 60.0) -> None:
        """So many more 504s."""
        self._await(lambda: self._world.doubtful, more, within)

    def await_refused(self, more: int, *, within: float = 60.0) -> None:
        """So many more answers that nothing was stored, for the time being."""
        self._await(lambda: self._world.refused, more, within)

    def pause(self, seconds: float) -> None:
        """Nothing to wait for but time: the load goes on, or tries to."""
        ended = self._work.done if self._work is not None else bool
        wait_until(ended, seconds)

    def known(self) -> UUID:
        """An incident that was acknowledged."""
        return next(iter(self._world.incidents))

    def counts(self) -> Counter[str]:
        return self._world.history.counts()

    def _await(self, count: Callable[[], int], more: int, within: float) -> None:
        goal = count() + more
        ended = self._work.done if self._work is not None else bool
        wait_until(lambda: count() >= goal or ended(), within)
        assert count() >= goal, f"{goal - count()} of {more} are missing after {within} s"

    async def _press(self) -> None:
        self._over = min(self._over, monotonic() + self._seconds)
        async with AsyncExitStack() as stack:
            headers = {"authorization": f"Bearer {self._token}"}
            servers = [
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)
                )
                for url in self._urls
            ]
            clients = [
                Client(
                    f"{self._name}-{number}",
                    servers,
                    self._world,
                    late=self._late,
                    reports=number < _REPORTERS,
                )
                for number in range(CLIENTS)
            ]
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(self._keep_at_it(client))

    async def _keep_at_it(self, client: Client) -> None:
        while monotonic() < self._over and self._world.tries < self._most:
            await client.act()

    def _late(self) -> bool:
        return monotonic() > self._over + _LAST_TRIES
