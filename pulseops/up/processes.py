"""Child processes that end with us, and those that an earlier, killed `up` may have left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from pulseops.up.account import Account

LEASH = Path(__file__).with_name("leash.py")
GLANCE = 0.02  # seconds between two looks at a process

Rest = Callable[[float], None]
"""How to wait some seconds; `up` hands in one that ends early, by raising, on Ctrl-C."""


class CannotStart(Exception):
    """A part did not start. The message says why and what to do."""


class Mark(NamedTuple):
    """A process named so that a reused number is not mistaken for it: the id and the moment of birth."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None when there is no such process, or only a zombie, which holds nothing any more."""
        if sys.platform == "linux":
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                return None
            # The first thread may be a zombie while others still hold the port and the files.
            over = fields[0] in "ZX" and int(fields[17]) <= 1
            return None if over else cls(pid, fields[19])
        listing = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
        shown = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)
        return cls(pid, shown[1].strip()) if len(shown) > 1 and not shown[0].startswith("Z") else None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The mark kept in a file, when the process it names still runs."""
        try:
            pid, _, born = path.read_text().partition(" ")
            mark = cls(int(pid), born)
        except (OSError, ValueError):
            return None
        return mark if mark.runs() else None

    def runs(self) -> bool:
        return Mark.of(self.pid) == self

    def write(self, path: Path) -> None:
        path.write_text(f"{self.pid} {self.born}")


class Ladder(NamedTuple):
    """How to end a process: each signal, and the seconds it may take before the next. SIGKILL comes last."""

    steps: tuple[tuple[signal.Signals, float], ...]

    def climb(self, pid: int, gone: Callable[[], bool], rest: Rest = time.sleep) -> None:
        for name, patience in (*self.steps, (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)
            if wait_until(gone, patience, rest):
                return


def wait_until(true: Callable[[], bool], seconds: float, rest: Rest = time.sleep) -> bool:
    """False when it did not come true in time."""
    limit = time.monotonic() + seconds
    while not true():
        if time.monotonic() > limit:
            return False
        rest(GLANCE)
    return True


class Child:
    """One program on the leash, with the mark by which the next `up` finds it should we be killed."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        mark: Path,
        log: Path,
        account: Account,
        ladder: Ladder,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> None:
        """`stdin` is the place for secrets: unlike `argv` no other user can read it.

        Call on the main thread: on Linux the child ends when the *thread* that started it ends.
        """
        self._mark, self._ladder = mark, ladder
        leash = [sys.executable, "-I", "-S", LEASH, os.getpid(), int(ladder.steps[0][0])]
        with log.open("ab") as sink:
            self._popen = subprocess.Popen(
                [*map(str, leash), str(account.uid), str(account.gid), *map(str, argv)],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                cwd=cwd,
                env=env,
                start_new_session=True,  # the terminal's Ctrl-C is for us alone: we stop them in order
            )
        if born := Mark.of(self._popen.pid):
            # It runs. Without a mark the leash still ends it with us.
            with contextlib.suppress(OSError):
                born.write(mark)
        with contextlib.suppress(BrokenPipeError), self._popen.stdin or contextlib.nullcontext() as pipe:
            if pipe is not None:
                pipe.write(stdin)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def ended(self) -> int | None:
        """The exit code (negative: the signal), or None while it runs."""
        return self._popen.poll()

    def stop(self, rest: Rest = time.sleep, ladder: Ladder | None = None) -> None:
        if self.ended() is None:
            (ladder or self._ladder).climb(self.pid, lambda: self.ended() is not None, rest)
        self._mark.unlink(missing_ok=True)


def stop_leftover(mark: Path, ladder: Ladder, rest: Rest = time.sleep) -> bool:
    """End the process that this mark names, if it is still that one. True when there was one."""
    left = Mark.read(mark)
    if left is not None:
        ladder.climb(left.pid, lambda: not left.runs(), rest)
    mark.unlink(missing_ok=True)
    return left is not None
