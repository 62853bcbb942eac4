"""Run a program that dies with its parent, as another user if asked; `exec`s, so the process id stays.

    python -I -S leash.py <parent pid> <death signal> <uid> <gid> <program> [argument…]

A process of its own instead of `preexec_fn`, which is unsafe with threads, and instead of `user=`, which
would need an interpreter that the other user can reach. The order matters: changing the user clears the
death signal. Where the kernel has no such signal, the next start stops what was left (see `processes`).
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, death_signal: int, uid: int, gid: int, argv: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if uid != os.getuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The parent died before its child began.")
    os.execv(argv[0], argv)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:5]]
    main(numbers[0], numbers[1], numbers[2], numbers[3], sys.argv[5:])
