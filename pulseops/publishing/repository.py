"""A bare git repository as the place to publish to: a commit a checkpoint, pushed where it has an origin.

With an origin, what counts is what is there: a push that comes second is refused, and looks again. A branch
that has lost commits is not followed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from pulseops.audit.shelf import Unreachable
from pulseops.publishing.git import Git, ended, kill, tell

_WHO = b"PulseOps <pulseops@localhost>"


class Repository:
    """A shelf. Several processes may have one, or clones of one origin."""

    def __init__(self, path: Path, *, clock: Callable[[], datetime]) -> None:
        self._git, self._clock = Git(path), clock

    @asynccontextmanager
    async def visit(self) -> AsyncIterator["_Visit"]:
        if await self._git("rev-parse", "--is-bare-repository") != "true":
            raise Unreachable(f"{self._git.repository} is no bare repository: others may work in its files.")
        branch = await self._git("symbolic-ref", "HEAD")
        origin = "origin" in (await self._git("remote")).split()
        base = await _tip(self._git, branch)
        if origin:
            there = await _tip_there(self._git, branch)
            if there not in (None, base):
                # Without force: what was published once must still be there.
                await self._git("fetch", "--no-tags", "origin", f"{branch}:{branch}")
                base = await _tip(self._git, branch)
        visit = _Visit(self._git, branch, base, self._clock(), origin=origin)
        try:
            yield visit
        finally:
            await visit.leave()


class _Visit:
    """At the commit `base`. What is added goes into a commit that nobody sees before it is the newest."""

    def __init__(self, git: Git, branch: str, base: str | None, now: datetime, *, origin: bool) -> None:
        self._git, self._branch, self._base, self._now, self._origin = git, branch, base, now, origin
        self._draft = f"refs/pulseops/{uuid4().hex}"
        self._import: asyncio.subprocess.Process | None = None
        self._marks: dict[str, int] = {}

    async def read(self, paths: Sequence[str]) -> list[bytes | None]:
        if self._base is None:
            return [None] * len(paths)
        asked = "".join(f"{self._base}:{path}\n" for path in paths)
        told = await self._git.raw("cat-file", "--batch", given=asked.encode())
        at, found = 0, list[bytes | None]()
        for _ in paths:
            start = told.index(b"\n", at) + 1
            head = told[at : start - 1]
            if head.endswith(b" missing"):
                found.append(None)
                at = start
            else:
                _, kind, size = head.split()
                at = start + int(size) + 1
                found.append(told[start : at - 1] if kind == b"blob" else None)
        return found

    async def below(self, folder: str) -> list[str]:
        if self._base is None:
            return []
        names = await self._git("ls-tree", "-r", "-z", "--name-only", self._base, "--", folder)
        return [one for one in names.split("\0") if one]

    async def add(self, files: Mapping[str, bytes]) -> None:
        told = list[bytes]()
        for path, content in files.items():
            self._marks[path] = len(self._marks) + 1
            told.append(b"blob\nmark :%d\ndata %d\n%b\n" % (self._marks[path], len(content), content))
        await tell(await self._importer(), b"".join(told))

    async def replace(self, path: str, content: bytes) -> bool:
        await self.add({path: content})
        files = b"".join(b"M 100644 :%d %b\n" % (mark, path.encode()) for path, mark in self._marks.items())
        parent = b"" if self._base is None else b"from %b\n" % self._base.encode()
        told = b"commit %b\ncommitter %b %d +0000\ndata %d\n%b\n" % (
            self._draft.encode(),
            _WHO,
            int(self._now.timestamp()),
            len(content),
            content,
        )
        await ended(await self._importer(), told + parent + files + b"done\n")
        if not await self._put(await self._git("rev-parse", self._draft)):
            return False
        with suppress(Unreachable):  # as when it has found something to complain of before
            await self._git("gc", "--auto", "--quiet")
        return True

    async def leave(self) -> None:
        """Nothing is left of what was not published but objects, which git removes by itself."""
        if self._import is not None:
            await kill(self._import)
            with suppress(Unreachable):
                await self._git("update-ref", "-d", self._draft)

    async def _importer(self) -> asyncio.subprocess.Process:
        if self._import is None:
            self._import = await self._git.begun("fast-import", "--quiet", "--done")
        return self._import

    async def _put(self, commit: str) -> bool:
        """Whether it is the newest now; else somebody was quicker."""
        if self._origin:
            try:
                await self._git("push", "--quiet", "origin", f"{commit}:{self._branch}")
            except Unreachable:
                if await _tip_there(self._git, self._branch) in (None, self._base):
                    raise
                return False
        try:
            await self._git("update-ref", self._branch, commit, self._base or "")
        except Unreachable:
            # Beside an origin it is but a copy, which another process has made newer.
            if not self._origin and await _tip(self._git, self._branch) == self._base:
                raise
            return self._origin
        return True


async def _tip_there(git: Git, branch: str) -> str | None:
    return (await git("ls-remote", "origin", branch)).partition("\t")[0] or None


async def _tip(git: Git, branch: str) -> str | None:
    return await git("for-each-ref", "--format=%(objectname)", branch) or None
