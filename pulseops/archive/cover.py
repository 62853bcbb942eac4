"""A tree in few pieces: the leaves that somebody has, and what stands for all the others. Pure."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from pulseops.audit.merkle import Run, subtrees
from pulseops.audit.tiles import WIDTH, Place, needed


class Piece(Struct, frozen=True):
    """Leaves in one tile that somebody has (`own`), or that one hash stands for."""

    run: Run
    own: bool

    @property
    def places(self) -> set[Place]:
        """The tiles that it is in."""
        return {Place(0, self.run.start // WIDTH)} if self.own else needed([self.run])


def cover(owned: Iterable[Run], size: int) -> Iterator[Piece]:
    """All of a tree of `size` leaves, from the left; `owned` in order, none beyond it."""
    at = 0
    for run in owned:
        yield from _others(Run(at, run.start))
        for start in range(run.start - run.start % WIDTH, run.end, WIDTH):
            yield Piece(Run(max(start, run.start), min(start + WIDTH, run.end)), own=True)
        at = run.end
    yield from _others(Run(at, size))


def _others(run: Run) -> Iterator[Piece]:
    for one in subtrees(run):
        yield Piece(Run(one.index << one.level, (one.index + 1) << one.level), own=False)
