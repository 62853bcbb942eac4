"""CPU seconds of processes and of all that they started, those that ended included (Linux)."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import psutil


class Spent(NamedTuple):
    """CPU seconds since some beginning, of the application and of PostgreSQL."""

    app: float
    postgres: float

    def __sub__(self, earlier: Self) -> "Spent":
        return Spent(self.app - earlier.app, self.postgres - earlier.postgres)


def spent(app: Sequence[int], postmaster: int) -> Spent:
    """Of the processes of the application, and of the postmaster with its family."""
    return Spent(sum(of_tree(pid) for pid in app), of_tree(postmaster))


def of_tree(pid: int) -> float:
    """A backend that has ended is in its parent's account of children."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def resident_mb(pid: int) -> float:
    """Memory of one process, in MB of a million bytes."""
    return float(psutil.Process(pid).memory_info().rss / 1e6)
