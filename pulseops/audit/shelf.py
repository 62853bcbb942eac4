"""Where checkpoints and tiles are published: a place where files are kept, and read back. One file a kind."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pulseops.audit.tiles import Path, grouped
from pulseops.kernel.errors import PulseOpsError


class Unreachable(PulseOpsError):
    """The place to publish to cannot be used for the moment."""

    code = "place-unreachable"


class PlaceInvalid(PulseOpsError):
    """Nothing can be published to this place."""

    code = "place-invalid"


class Visit(Protocol):
    """The place as it is found. Files go by their paths below it. Each method raises Unreachable."""

    async def read(self, paths: Sequence[str]) -> list[bytes | None]:
        """None for what is not there."""
        ...

    async def below(self, folder: str) -> list[str]:
        """The paths of all files in it, at any depth."""
        ...

    async def add(self, files: Mapping[str, bytes]) -> None:
        """Each whole or not at all; what is there under its path already is replaced."""
        ...

    async def replace(self, path: str, content: bytes) -> bool:
        """Once all that was added is there: the last of a visit, which has read what is there so far.

        False when that is no longer what was read: somebody else was quicker.
        """
        ...


class Shelf(Protocol):
    def visit(self) -> AbstractAsyncContextManager[Visit]:
        """Raises Unreachable."""
        ...


def newest(log: str) -> str:
    """Where the checkpoint of a log lies (C2SP tlog-tiles)."""
    return f"{log}/checkpoint"


def earlier(log: str, size: int | None = None) -> str:
    """Where the checkpoints lie that were published before the newest; that of so many events."""
    folder = f"{log}/checkpoints/"
    return folder if size is None else folder + grouped(size)


def register(log: str, size: int | None = None) -> str:
    """Where the registers lie that were published; that of so many events."""
    folder = f"{log}/registers/"
    return folder if size is None else folder + grouped(size)


def of_tile(log: str, path: Path) -> str:
    return f"{log}/tile/{path}"
