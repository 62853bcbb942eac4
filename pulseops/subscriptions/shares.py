"""How workers divide the subscriptions among themselves: each takes its share by the same reckoning."""

from collections.abc import Sequence


def share(workers: Sequence[str], me: str, sizes: Sequence[int]) -> list[int]:
    """How many shards of each subscription are mine, where `sizes` are all that each has.

    They are dealt in turn, one subscription after the other, so that the workers' sums differ by one at most,
    and so do their shares of each. Whoever reckons with the same workers comes to the same result.
    """
    count, rank = len(workers), sorted(workers).index(me)
    mine, dealt = [], 0
    for size in sizes:
        mine.append(_turns(dealt + size, count, rank) - _turns(dealt, count, rank))
        dealt += size
    return mine


def _turns(dealt: int, count: int, rank: int) -> int:
    """How many of the first `dealt` cards go to this seat."""
    return (dealt - rank + count - 1) // count
