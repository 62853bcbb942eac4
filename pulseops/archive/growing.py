"""The root of a tree as it grows, leaf by leaf, in the memory of its edge. Pure."""

from pulseops.audit.merkle import EMPTY, Run
from pulseops.audit.tiles import WIDTH, Place, grown, hashed, of_edge


class Growing:
    """Leaves are hashes of events, in order. `size` is how many there are."""

    def __init__(self) -> None:
        self._settled = 0
        self._edge = dict[Place, bytes]()
        self._leaves = list[bytes]()

    @property
    def size(self) -> int:
        return self._settled + len(self._leaves)

    def add(self, leaf: bytes) -> None:
        self._leaves.append(leaf)
        if len(self._leaves) == WIDTH:
            self._settle()

    def root(self) -> bytes:
        self._settle()
        return hashed([Run(0, self._settled)], self._edge)[0] if self._settled else EMPTY

    def _settle(self) -> None:
        self._edge |= grown(self._settled, self._edge, self._leaves)
        self._settled += len(self._leaves)
        self._leaves.clear()
        self._edge = {path.place: self._edge[path.place] for path in of_edge(self._settled)}
