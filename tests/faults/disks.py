"""Disks that may lose their power or be full: ext4 in a file, on a loop device.

Only root may mount them, and only where the kernel allows it. They are mounted in a namespace of this
process and its children, so that nothing stays mounted whatever kills us.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

from pulseops.up.processes import wait_until

_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN."""
_NO_LOG_FLUSH = 2
"""Not even the journal is written out: what was not flushed is gone."""
_NEW_NAMESPACE = 0x00020000
_SIZE = 2 << 30
"""Bytes, of which only what is written takes room."""


class NoDisk(Exception):
    """Why this machine lets us have no disk of our own."""


class Disk:
    def __init__(self, folder: Path, name: str) -> None:
        """Raises NoDisk."""
        if sys.platform != "linux":
            raise NoDisk("only Linux has loop devices")
        if os.getuid() != 0:
            raise NoDisk("only root may mount a file system")
        _hide_mounts()
        self._image, self.path = folder / f"{name}.img", folder / name
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        # All of it is for everybody: no blocks are kept back for root.
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self._mount()

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def flush(self) -> None:
        """What was written so far survives a cut."""
        _run("sync", "-f", str(self.path))

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and what was not flushed is gone."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def restore_power(self) -> None:
        """When nobody uses it any more."""
        assert wait_until(self._unmounted, 10.0), f"somebody still uses {self.path}"
        self._mount()

    def remove(self) -> None:
        """At the end. What somebody still uses stays until this process and its children are gone."""
        wait_until(self._unmounted, 5.0)

    def fill(self) -> None:
        """To the last block."""
        with self._ballast.open("ab") as ballast:
            start, room = 0, self._room()
            while room >= 4096:
                try:
                    os.posix_fallocate(ballast.fileno(), start, room)
                except OSError:
                    room //= 2
                else:
                    start, room = start + room, self._room()

    def empty(self) -> None:
        """For good: the next cut does not bring back what filled it."""
        if self._ballast.exists():
            self._ballast.unlink()
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _room(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def _mount(self) -> None:
        _run("mount", "-o", "loop,noatime", str(self._image), str(self.path))

    def _unmounted(self) -> bool:
        return subprocess.run(["umount", self.path], capture_output=True, check=False).returncode == 0


@cache
def _hide_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NAMESPACE) != 0:
        raise NoDisk(f"no namespace for mounts: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoDisk(f"there is no {command[0]}") from error
    if done.returncode != 0:
        raise NoDisk(f"{' '.join(command[:1])}: {done.stderr.strip()[:200]}")
