"""A folder as the place to publish to: one of another machine."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from pulseops.audit.disk import lay, put, settle
from pulseops.audit.shelf import Unreachable

T = TypeVar("T")

_LOCK = ".lock"


class Folder(Struct, frozen=True):
    """A shelf. It is never made: a mount that is missing shall not be mistaken for an empty place."""

    root: Path

    @asynccontextmanager
    async def visit(self) -> AsyncIterator["_Visit"]:
        if not await _done(self.root.is_dir):
            raise Unreachable(f"{self.root} is no folder.")
        yield _Visit(self.root)


class _Visit:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, bytes | None] = {}

    async def read(self, paths: Sequence[str]) -> list[bytes | None]:
        found = await _done(lambda: [_content(self._root / path) for path in paths])
        self._known |= zip(paths, found, strict=True)
        return found

    async def below(self, folder: str) -> list[str]:
        return await _done(lambda: list(self._below(folder)))

    async def add(self, files: Mapping[str, bytes]) -> None:
        await _done(lambda: self._add(files))

    async def replace(self, path: str, content: bytes) -> bool:
        return await _done(lambda: self._replace(self._root / path, self._known[path], content))

    def _below(self, folder: str) -> Iterator[str]:
        for found in (self._root / folder).rglob("*"):
            # What begins with a dot is being written, or was when its writer ended.
            if not found.name.startswith(".") and found.is_file():
                yield str(found.relative_to(self._root))

    def _add(self, files: Mapping[str, bytes]) -> None:
        folders = set[Path]()
        for path, content in files.items():
            where = self._root / path
            if _content(where) != content:
                self._make(where.parent)
                lay(where, content)
                folders.add(where.parent)
        for folder in folders:
            settle(folder)

    def _make(self, folder: Path) -> None:
        # Not the place itself, should it have gone meanwhile.
        if folder != self._root and not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            settle(folder.parent)

    def _replace(self, path: Path, before: bytes | None, after: bytes) -> bool:
        self._make(path.parent)
        with _held(path.with_name(_LOCK)):
            if _content(path) != before:
                return False
            put(path, after)
            return True


async def _done(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Unreachable(f"{error.filename or 'The folder'}: {error.strerror or error!r}.") from error


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """By one process at a time; the kernel lets go of it when we die."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
