"""The two ways to a server, blocking and awaited: they send and wait. Nothing is decided here."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from pulseops.client.address import Unusable, checked_key, checked_url, is_local
from pulseops.client.call import Answer, Call
from pulseops.client.conversation import Pause, Try, conversation
from pulseops.client.following import Following
from pulseops.client.results import Page
from pulseops.client.terms import Terms

T = TypeVar("T")


def options(url: str, key: str | None, agent: str) -> dict[str, Any]:
    """For httpx. Unusable for a URL or key that cannot be one."""
    headers = {"Accept": "application/json", "User-Agent": agent}
    if key is not None:
        headers["Authorization"] = f"Bearer {checked_key(key)}"
    # A proxy is for other machines: this one's key does not leave it.
    local = is_local(checked_url(url).hostname or "")
    return {"base_url": url, "headers": headers, "trust_env": not local, "follow_redirects": False}


@contextmanager
def proxied() -> Iterator[None]:
    """Unusable where the environment names a proxy that httpx cannot speak to, as SOCKS is."""
    try:
        yield
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise Unusable(f"The proxy that the environment names cannot be used: {error}") from error


class Wire:
    """Blocking."""

    def __init__(
        self, http: httpx.Client, url: str, terms: Terms, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.http, self.url, self.terms, self._wait = http, url, terms, wait

    def under(self, terms: Terms) -> "Wire":
        return Wire(self.http, self.url, terms, self._wait)

    def send(self, call: Call[T]) -> Answer[T]:
        steps = conversation(call, self.terms, self.url, time.monotonic)
        step = next(steps)
        while not isinstance(step, Answer):
            if isinstance(step, Pause):
                self._wait(step.seconds)
                step = next(steps)
                continue
            try:
                response = self.http.send(_request(self.http, step))
            except httpx.HTTPError as error:
                step = steps.throw(error)
            else:
                step = steps.send(response)
        return step

    def pages(self, call: Call[Page[T]]) -> Iterator[Answer[Page[T]]]:
        cursor: str | None = ""
        while cursor is not None:
            answer = self.send(call.at(cursor) if cursor else call)
            yield answer
            cursor = call.more(answer.body)

    def follow(self, call: Call[Any]) -> Iterator[bytes]:
        following = Following(call, self.terms, self.url, time.monotonic)
        while True:
            try:
                response = self.http.send(_request(self.http, following.attempt()), stream=True)
                try:
                    if response.is_success:
                        following.opened(response)
                        for data in response.iter_bytes():
                            yield from following.heard(data)
                        pause = following.ended()
                    else:
                        response.read()
                        pause = following.refused(response)
                finally:
                    response.close()
            except httpx.HTTPError as error:
                pause = following.lost(error)
            self._wait(pause)


class AsyncWire:
    """Awaited."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        terms: Terms,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.http, self.url, self.terms, self._wait = http, url, terms, wait

    def under(self, terms: Terms) -> "AsyncWire":
        return AsyncWire(self.http, self.url, terms, self._wait)

    async def send(self, call: Call[T]) -> Answer[T]:
        steps = conversation(call, self.terms, self.url, time.monotonic)
        step = next(steps)
        while not isinstance(step, Answer):
            if isinstance(step, Pause):
                await self._wait(step.seconds)
                step = next(steps)
                continue
            try:
                response = await self.http.send(_request(self.http, step))
            except httpx.HTTPError as error:
                step = steps.throw(error)
            else:
                step = steps.send(response)
        return step

    async def pages(self, call: Call[Page[T]]) -> AsyncGenerator[Answer[Page[T]], None]:
        cursor: str | None = ""
        while cursor is not None:
            answer = await self.send(call.at(cursor) if cursor else call)
            yield answer
            cursor = call.more(answer.body)

    async def follow(self, call: Call[Any]) -> AsyncGenerator[bytes, None]:
        following = Following(call, self.terms, self.url, time.monotonic)
        while True:
            try:
                response = await self.http.send(_request(self.http, following.attempt()), stream=True)
                try:
                    if response.is_success:
                        following.opened(response)
                        async for data in response.aiter_bytes():
                            for event in following.heard(data):
                                yield event
                        pause = following.ended()
                    else:
                        await response.aread()
                        pause = following.refused(response)
                finally:
                    await response.aclose()
            except httpx.HTTPError as error:
                pause = following.lost(error)
            await self._wait(pause)


def _request(http: httpx.Client | httpx.AsyncClient, step: Try) -> httpx.Request:
    return http.build_request(
        step.method,
        step.path,
        params=step.query or None,
        headers=step.headers,
        content=step.body,
        timeout=step.timeout,
    )
