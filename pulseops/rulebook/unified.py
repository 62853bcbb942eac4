"""A unified diff in about the time that reading takes: difflib's own needs a minute for long rules. Pure."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import pairwise

_SMALL = 40_000
"""Pairs of lines that are all held against each other, where nothing else tells what belongs together."""
_DEEPEST = 100
"""Parts within parts: more of them tell nothing that a reader would see."""

Lines = Sequence[str]
Pair = tuple[int, int]


def unified(before: Lines, after: Lines, was: str, now: str) -> str:
    """As `diff -u`, with three lines around. Empty when they are the same. `was` and `now` name the two."""
    told = list[str]()
    for group in _Patient(before, after).get_grouped_opcodes(3):
        (_, first, _, start, _), (_, _, last, _, end) = group[0], group[-1]
        told.append(f"@@ -{_range(first, last)} +{_range(start, end)} @@\n")
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                told += [f" {line}" for line in before[i:i_end]]
                continue
            told += [f"-{line}" for line in before[i:i_end]]
            told += [f"+{line}" for line in after[j:j_end]]
    return "".join([f"--- {was}\n", f"+++ {now}\n", *told]) if told else ""


class _Patient(SequenceMatcher[str]):
    """What belongs together is found by lines that each side has once, as `git diff --patience` does."""

    def __init__(self, before: Lines, after: Lines) -> None:
        super().__init__(None, before, after, autojunk=False)
        self._before, self._after = before, after

    def get_matching_blocks(self) -> list[Match]:
        blocks = [Match(0, 0, 0)]
        for i, j in _together(self._before, self._after):
            last = blocks[-1]
            if (i, j) == (last.a + last.size, last.b + last.size):
                blocks[-1] = Match(last.a, last.b, last.size + 1)
            else:
                blocks.append(Match(i, j, 1))
        return [*(one for one in blocks if one.size), Match(len(self._before), len(self._after), 0)]


def _together(a: Lines, b: Lines, depth: int = 0) -> Iterator[Pair]:
    """The lines that stay, by their places in both, in order."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        yield start, start
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    for i, j in _between(a[start : len(a) - end], b[start : len(b) - end], depth):
        yield start + i, start + j
    for back in range(end, 0, -1):
        yield len(a) - back, len(b) - back


def _between(a: Lines, b: Lines, depth: int) -> Iterator[Pair]:
    """As `_together`, of what neither begins nor ends alike."""
    anchors = _anchors(a, b) if depth < _DEEPEST else []
    if anchors:
        for (i, j), (next_i, next_j) in pairwise([(-1, -1), *anchors, (len(a), len(b))]):
            for k, m in _together(a[i + 1 : next_i], b[j + 1 : next_j], depth + 1):
                yield i + 1 + k, j + 1 + m
            if next_i < len(a):
                yield next_i, next_j
    elif len(a) * len(b) <= _SMALL:
        for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
            yield from ((block.a + nth, block.b + nth) for nth in range(block.size))


def _anchors(a: Lines, b: Lines) -> list[Pair]:
    """The longest run of lines, in order in both, that each has once."""
    once = Counter(a), Counter(b)
    places = {line: j for j, line in enumerate(b) if once[1][line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(a) if once[0][line] == 1 and line in places]
    # Of each length the run that ends earliest, and what comes before its last pair.
    ends, best, before = list[int](), list[int](), list[int | None]()
    for nth, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(best[length - 1] if length else None)
        ends[length : length + 1], best[length : length + 1] = [j], [nth]
    run, at = list[Pair](), best[-1] if best else None
    while at is not None:
        run.append(pairs[at])
        at = before[at]
    return run[::-1]


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
