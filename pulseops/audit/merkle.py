"""The Merkle tree of RFC 9162, section 2.1: what is proved by which hashes, and the check of a proof. Pure.

A tree is a number of leaves. Every hash in it is that of some leaves in a row, a `Run`; a run is made of
perfect subtrees, which never change once their leaves are there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from msgspec import Struct

HASH = 32
"""Bytes of a hash."""
EMPTY = sha256().digest()
"""The root of a tree without leaves."""


class Run(Struct, frozen=True):
    """The leaves from `start` on, up to before `end`; the first is 0."""

    start: int
    end: int


class Subtree(Struct, frozen=True):
    """The perfect tree over the 2 ** level leaves from index * 2 ** level on."""

    level: int
    index: int


Find = Callable[[Subtree], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def subtrees(run: Run) -> Iterator[Subtree]:
    """The perfect subtrees of a run that a proof speaks of, from the left: each is the largest that fits."""
    start = run.start
    while start < run.end:
        level = (run.end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield Subtree(level, start >> level)
        start += 1 << level


def run_hash(run: Run, find: Find) -> bytes:
    """The hash of a run, from those of its subtrees."""
    return root([find(one) for one in subtrees(run)])


def root(hashes: Sequence[bytes]) -> bytes:
    """Of a tree whose perfect subtrees, from the left, have these hashes."""
    if not hashes:
        return EMPTY
    *others, whole = hashes
    for one in reversed(others):
        whole = node_hash(one, whole)
    return whole


def inclusion(index: int, size: int) -> list[Run]:
    """What proves that the leaf `index` is in a tree of `size` leaves, from the leaf up."""
    start, end, path = 0, size, list[Run]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Run(middle, end))
            end = middle
        else:
            path.append(Run(start, middle))
            start = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Run]:
    """What proves that a tree of `new` leaves only added to one of `old`: 0 < old <= new."""
    start, end, path = 0, new, list[Run]()
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(Run(middle, end))
            end = middle
        else:
            path.append(Run(start, middle))
            start = middle
    if start:
        path.append(Run(start, end))
    return path[::-1]


def included(entry: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether `proof` leads from the hash of a leaf to the root of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, entry
    for one in proof:
        if not last:
            return False
        if place & 1 or place == last:
            found = node_hash(one, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    return not last and found == expected


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the new tree only added to the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not proof and old_root == (EMPTY if not old else new_root)
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for one in path[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            before, after = node_hash(one, before), node_hash(one, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, one)
        place, last = place >> 1, last >> 1
    return not last and before == old_root and after == new_root


def halved(hashes: Iterable[bytes]) -> list[bytes]:
    """The level above, of an even number of hashes."""
    pairs = iter(hashes)
    return [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]


def _split(size: int) -> int:
    """The largest power of two below `size`, of 2 and more."""
    return 1 << ((size - 1).bit_length() - 1)
