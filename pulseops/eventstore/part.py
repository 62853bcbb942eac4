"""A file of lines on its way: it grows as FILE.part, and takes its name when it is whole and on disk.

Beside it FILE.part.begun has what was asked for, so that nothing is gone on with that was begun otherwise:
whether lines belong together cannot be told from them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from pulseops.kernel.errors import PulseOpsError

_PIECE = 1 << 20  # bytes


class NotItsPart(PulseOpsError):
    """What was written before is not the beginning of this export."""

    code = "not-its-part"

    def __init__(self, why: str) -> None:
        super().__init__(f"{type(self).__doc__} {why}")


class Part:
    """What is there so far. `last` is its last whole line, with the line's end; None when it has none."""

    def __init__(self, path: Path, out: BinaryIO, begun: Path) -> None:
        self.path, self._out, self._begun = path, out, begun
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
        for done in (self.path, self._begun):
            done.unlink(missing_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def part_of(file: Path, asked: bytes) -> Iterator[Part]:
    """The part of `file`, ours alone meanwhile, and not for everyone to read.

    Raises FileExistsError when `file` is there already, BlockingIOError when its part is somebody else's, and
    NotItsPart when it was not begun as what is `asked` for now.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists already.")
    path = file.with_name(f"{file.name}.part")
    with own(path, os.O_RDWR) as out:
        fcntl.flock(out.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file.exists():  # by now
            raise FileExistsError(f"{file} exists already.")
        begun = path.with_name(f"{path.name}.begun")
        if os.fstat(out.fileno()).st_size == 0:
            with own(begun, os.O_WRONLY | os.O_TRUNC) as said:
                said.write(asked)
        elif not begun.exists() or begun.read_bytes() != asked:
            raise NotItsPart(
                "It was begun for other events: another range, other types or incidents, or a time that was "
                "told from now (36h), which is another one now."
            )
        yield Part(path, out, begun)


@contextmanager
def own(path: Path, flags: int) -> Iterator[BinaryIO]:
    """A file that is made where there is none, for its owner alone, and never through a link to another."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "wb", buffering=_PIECE) as file:
        yield file
