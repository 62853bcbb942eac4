"""An S3-compatible bucket as the place to publish to. Which server, and as whom, the usual AWS variables say.

A checkpoint takes the place of the one that was read (If-Match, If-None-Match), so the server must know
conditional writes. Nothing is ever removed: who publishes needs no right to.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from pulseops.audit.shelf import PlaceInvalid, Unreachable

T = TypeVar("T")

_SECONDS = timedelta(seconds=10)
"""That a request, and its repetitions together, may take."""
_AT_ONCE = 16


class Bucket:
    """A shelf."""

    def __init__(self, url: str) -> None:
        """Raises PlaceInvalid."""
        try:
            self._store = S3Store.from_url(
                url,
                # Whoever names an endpoint without TLS means it: what is published is for everybody.
                client_options={"timeout": _SECONDS, "connect_timeout": _SECONDS / 2, "allow_http": True},
                retry_config={"max_retries": 2, "retry_timeout": _SECONDS},
            )
        except (BaseError, ValueError) as error:
            raise PlaceInvalid(_first_line(error)) from error

    @asynccontextmanager
    async def visit(self) -> AsyncIterator["_Visit"]:
        yield _Visit(self._store)


class _Visit:
    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._tags: dict[str, str | None] = {}

    async def read(self, paths: Sequence[str]) -> list[bytes | None]:
        return await _together(self._read(path) for path in paths)

    async def below(self, folder: str) -> list[str]:
        try:
            return [one["path"] async for some in self._store.list_async(folder) for one in some]
        except (BaseError, OSError) as error:
            raise Unreachable(_first_line(error)) from error

    async def add(self, files: Mapping[str, bytes]) -> None:
        await _together(_done(self._store.put_async(path, content)) for path, content in files.items())

    async def replace(self, path: str, content: bytes) -> bool:
        tag = self._tags[path]
        try:
            await _done(
                self._store.put_async(path, content, mode="create" if tag is None else {"e_tag": tag})
            )
        except Unreachable as error:
            if isinstance(error.__cause__, AlreadyExistsError | PreconditionError):
                return False
            raise
        return True

    async def _read(self, path: str) -> bytes | None:
        try:
            found = await self._store.get_async(path)
            self._tags[path] = found.meta["e_tag"]
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            self._tags[path] = None
            return None
        except (BaseError, OSError) as error:
            raise Unreachable(_first_line(error)) from error


async def _together(work: Iterable[Awaitable[T]]) -> list[T]:
    """A few at once, in their order."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(what: Awaitable[T]) -> T:
        async with turn:
            return await what

    return await asyncio.gather(*(one(what) for what in work))


async def _done(work: Awaitable[T]) -> T:
    try:
        return await work
    except (BaseError, OSError) as error:
        raise Unreachable(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """What comes after it is of the library's inside."""
    return str(error).partition("\n")[0][:300]
