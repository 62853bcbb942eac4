"""A file on disk: whole or not at all, and there after a power cut."""

import os
from pathlib import Path
from uuid import uuid4


def put(path: Path, content: bytes, mode: int = 0o644, *, exclusively: bool = False) -> None:
    """Raises OSError; FileExistsError when it is there and was to be made `exclusively`."""
    lay(path, content, mode, exclusively=exclusively)
    settle(path.parent)


def lay(path: Path, content: bytes, mode: int = 0o644, *, exclusively: bool = False) -> None:
    """The same, but that its folder is still to be settled."""
    # Not named by process: two containers may share the folder, and both be process 1.
    fresh = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as sink:  # noqa: PTH123
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        if exclusively:
            path.hardlink_to(fresh)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """What was put into it is there after a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
