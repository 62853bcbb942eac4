"""A folder as the place to publish to: one of another machine."""

import fcntl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from pulseops.audit.disk import lay, put, settle
from pulseops.audit.shelf import Unreachable
from pulseops.publishing.aside import Aside

T = TypeVar("T")

_LOCK = ".lock"
_SECONDS = 60.0
"""That some files may take. A mount of a machine that is gone never answers."""


class Folder:
    """A shelf. It is never made: a mount that is missing shall not be mistaken for an empty place."""

    def __init__(self, root: Path) -> None:
        self._root, self._aside = root, Aside(str(root))

    @asynccontextmanager
    async def visit(self) -> AsyncIterator["_Visit"]:
        visit = _Visit(self._root, self._aside)
        if not await visit.done(self._root.is_dir):
            raise Unreachable(f"{self._root} is no folder.")
        yield visit


class _Visit:
    def __init__(self, root: Path, aside: Aside) -> None:
        self._root, self._aside = root, aside
        self._known: dict[str, bytes | None] = {}

    async def read(self, paths: Sequence[str]) -> list[bytes | None]:
        found = await self.done(lambda: [_content(self._root / path) for path in paths])
        self._known |= zip(paths, found, strict=True)
        return found

    async def below(self, folder: str) -> list[str]:
        return await self.done(lambda: list(self._below(folder)), long=True)

    async def add(self, files: Mapping[str, bytes]) -> None:
        await self.done(lambda: self._add(files))

    async def replace(self, path: str, content: bytes) -> bool:
        return await self.done(lambda: self._replace(self._root / path, self._known[path], content))

    async def done(self, work: Callable[[], T], *, long: bool = False) -> T:
        """What it comes to. `long`: as long as it takes. Raises Unreachable."""
        try:
            return await self._aside(work, within=None if long else _SECONDS)
        except OSError as error:
            raise Unreachable(f"{error.filename or 'The folder'}: {error.strerror or error!r}.") from error

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
        if folder == self._root:
            return
        if folder.is_symlink():
            raise Unreachable(f"{folder} leads out of the place: it is a symbolic link.")
        self._make(folder.parent)
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            settle(folder.parent)

    def _replace(self, path: Path, before: bytes | None, after: bytes) -> bool:
        self._make(path.parent)
        with _held(path.with_name(_LOCK)):
            if _content(path) != before:
                return False
            put(path, after)
            return True


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
