"""History held against its tree, and both against checkpoints: event by event, in little memory."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import EMPTY, HASH, Run
from pulseops.audit.sealing import leaves_between, tiles_at
from pulseops.audit.tiles import WIDTH, Place, grown, hashed, of_edge

_PAGE = 16 * WIDTH
"""Events that are read at once."""


class Divergence(Struct, frozen=True, kw_only=True):
    """Where history is not what was sealed or signed: at `position`, or somewhere up to it (a root)."""

    position: int
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"position {self.position}: {self.field} should be {self.expected}, and is {self.found}"


class Walked(Struct, frozen=True, kw_only=True):
    """`events` from the first on are what was sealed and signed; then comes the `divergence`, if any."""

    events: int
    divergence: Divergence | None = None


async def walk(
    connection: asyncpg.Connection,
    log_id: int,
    up_to: int,
    checkpoints: Iterable[Checkpoint] = (),
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Walked:
    """The first `up_to` events, and those that the checkpoints are about. Ends at the first divergence.

    An event is compared with the hash that is kept of it, and the root of all so far with each checkpoint at
    its size. Who can write to the database can make events and tiles agree, but not with a checkpoint that
    somebody kept elsewhere.
    """
    signed: dict[int, set[bytes]] = {}
    for one in checkpoints:
        signed.setdefault(one.size, set()).add(one.root)
    last, at, edge = max([up_to, *signed]), 0, dict[Place, bytes]()
    if (bad := _root(signed, 0, EMPTY)) is not None:
        return Walked(events=0, divergence=bad)
    while at < last:
        goal = min(at + _PAGE - at % WIDTH, last, *(size for size in signed if size > at))
        leaves, bad = await _stretch(connection, log_id, at, goal)
        if bad is not None:
            return Walked(events=bad.position - 1, divergence=bad)
        edge |= grown(at, edge, leaves)
        at = goal
        edge = {path.place: edge[path.place] for path in of_edge(at)}
        [root] = hashed([Run(0, at)], edge)
        if (bad := _root(signed, at, root)) is not None:
            return Walked(events=0, divergence=bad)
        progress(at)
    return Walked(events=at)


async def _stretch(
    connection: asyncpg.Connection, log_id: int, after: int, goal: int
) -> tuple[Sequence[bytes], Divergence | None]:
    """The hashes of the events after `after` up to `goal`, and the first that is missing or not as sealed."""
    leaves = await leaves_between(connection, log_id, after, goal)
    places = [Place(0, index) for index in range(after // WIDTH, -(-goal // WIDTH))]
    tiles = await tiles_at(connection, log_id, places)
    kept = b"".join(tiles.get(place, b"").ljust(WIDTH * HASH, b"\0") for place in places)
    for number, leaf in enumerate(leaves):
        start = (after % WIDTH + number) * HASH
        if (sealed := kept[start : start + HASH]) != leaf:
            position, field = after + number + 1, "hash of the event"
            return leaves, Divergence(position=position, field=field, expected=sealed.hex(), found=leaf.hex())
    position = after + len(leaves) + 1
    if position > goal:
        return leaves, None
    return leaves, Divergence(position=position, field="position", expected=str(position), found="none")


def _root(signed: Mapping[int, set[bytes]], size: int, root: bytes) -> Divergence | None:
    """A root that was signed for so many events, and is not theirs. Two may have been signed for as many."""
    for other in signed.get(size, set()) - {root}:
        expected, found = b64encode(other).decode(), b64encode(root).decode()
        return Divergence(position=size, field="root of all up to here", expected=expected, found=found)
    return None
