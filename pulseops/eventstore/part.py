"""A file of lines on its way: it grows as FILE.part, and takes its name when it is whole and on disk."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20  # bytes


class Part:
    """What is there so far. `last` is its last whole line, with the line's end; None when it has none."""

    def __init__(self, path: Path, out: BinaryIO) -> None:
        self.path, self._out = path, out
        self.last = self._trimmed()

    def _trimmed(self) -> bytes | None:
        """Half a line at the end is cut off."""
        descriptor = self._out.fileno()
        if os.fstat(descriptor).st_size == 0:
            return None
        with mmap(descriptor, 0, access=ACCESS_READ) as read:
            end = read.rfind(b"\n") + 1
            last = read[read.rfind(b"\n", 0, max(0, end - 1)) + 1 : end]
        self._out.truncate(end)
        self._out.seek(end)
        return last or None

    def lines(self) -> int:
        """How many there are; afterwards it stands at its end."""
        self._out.seek(0)
        return sum(piece.count(b"\n") for piece in iter(lambda: self._out.read(_PIECE), b""))

    def write(self, piece: bytes) -> None:
        self._out.write(piece)

    def settle(self) -> None:
        """Give what was written to the system: it survives this process, if not the machine."""
        self._out.flush()

    def finish(self, file: Path, instead: Path | None = None) -> None:
        """On disk, and then under its name; or what was made of it, which is on disk, `instead`."""
        self._out.flush()
        os.fsync(self._out.fileno())
        (instead or self.path).rename(file)
        self.path.unlink(missing_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def part_of(file: Path) -> Iterator[Part]:
    """The part of `file`, ours alone meanwhile, and not for everyone to read.

    Raises FileExistsError when `file` is there already, BlockingIOError when its part is somebody else's.
    """
    path = file.with_name(file.name + ".part")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=_PIECE) as out:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file.exists():
            raise FileExistsError(f"{file} exists already.")
        yield Part(path, out)
