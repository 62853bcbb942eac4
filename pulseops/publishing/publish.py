"""Publishing the tree of a log: what was signed, as long as it only adds to what was published before.

Tiles first, the checkpoint last: whoever reads a checkpoint finds its tiles. The one that it replaces is kept
beside it, and so is each register. So all that was ever published stays, and what was published once is what
the next is held to.
"""

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.merkle import HASH, Run
from pulseops.audit.notary import amiss, newest_note
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.register import NotARegister, Register, speakers
from pulseops.audit.registered import newest_register
from pulseops.audit.sealing import CannotSeal, kept_leaves, tiles_at, whole
from pulseops.audit.shelf import Shelf, Unreachable, Visit, earlier, newest, of_tile, register
from pulseops.audit.tiles import WIDTH, Path, grown, hashed, of_edge

_PAGE = 64 * WIDTH
"""Events whose tiles are read and published at once."""
_TRIES = 5


class NotAsPublished(CannotSeal):
    """What is signed does not add to what was published: nothing more of this log is published."""

    code = "not-as-published"


class Published(Struct, frozen=True, kw_only=True):
    """How many events of a log are published, and how many were `before`."""

    log: str
    size: int
    before: int


class _Listed(Struct, frozen=True):
    note: bytes
    register: Register


class _Signed(Struct, frozen=True):
    note: bytes
    checkpoint: Checkpoint


async def published(visit: Visit, log: str, trusted: Sequence[Verifier]) -> Checkpoint | None:
    """The newest checkpoint there. Raises Unreachable, NotAsPublished when none of `trusted` signed it."""
    found = await _there(visit, log, trusted)
    return None if found is None else found.checkpoint


async def publish(
    pool: asyncpg.Pool, shelf: Shelf, trusted: Sequence[Verifier], *, log_id: int, log: str
) -> Published | None:
    """What was signed last; None before anything was. Several may at once: whoever is late looks again.

    Raises Unreachable, NotAsPublished, NotSigned, CannotSeal.
    """
    for _ in range(_TRIES):
        async with shelf.visit() as visit:
            # In this order: what is published was signed before, so the database must know it, and what a
            # register is of was signed before that was.
            before = await _there(visit, log, trusted)
            listed = await _listed(pool, log_id, trusted)
            after = await _signed(pool, log_id, trusted)
            if before is None and after is None:
                return None
            if after is None:
                raise NotAsPublished("Events are published of which the database says that none was signed.")
            if before is not None:
                await _hold(pool, log_id, before.checkpoint, after.checkpoint)
            if listed is not None:
                await _hold(pool, log_id, listed.register.log, after.checkpoint)
            size, come = after.checkpoint.size, 0 if before is None else before.checkpoint.size
            beside = await _beside(visit, log, listed, trusted)
            if before is not None and come == size:
                after = before
                if not beside:
                    return Published(log=log, size=size, before=come)
            elif before is not None:
                beside |= {earlier(log, come): before.note}
            await _add_tiles(pool, visit, log_id, log, at=come, after=after.checkpoint)
            await visit.add(beside)
            if await visit.replace(newest(log), after.note):
                return Published(log=log, size=size, before=come)
    raise Unreachable("Others publish there without a pause.")


async def _hold(pool: asyncpg.Pool, log_id: int, before: Checkpoint, after: Checkpoint) -> None:
    async with pool.acquire() as connection:
        why = await amiss(connection, log_id, before, after)
    if why is not None:
        raise NotAsPublished(f"{NotAsPublished.__doc__} {why}")


async def _there(visit: Visit, log: str, trusted: Sequence[Verifier]) -> _Signed | None:
    [note] = await visit.read([newest(log)])
    if note is None:
        return None
    try:
        return _Signed(note, Checkpoint.parsed(opened(note, speakers(note, trusted))))
    except (NotSigned, NotACheckpoint) as error:
        raise NotAsPublished(f"What is published of {log} is not ours: {error}") from error


async def _listed(pool: asyncpg.Pool, log_id: int, trusted: Sequence[Verifier]) -> _Listed | None:
    async with pool.acquire() as connection:
        note = await newest_register(connection, log_id)
    return None if note is None else _Listed(note.encode(), _register(note.encode(), trusted))


def _register(note: bytes, trusted: Sequence[Verifier]) -> Register:
    """Raises NotAsPublished."""
    try:
        return Register.parsed(opened(note, speakers(note, trusted)))
    except (NotSigned, NotARegister) as error:
        raise NotAsPublished(f"{NotAsPublished.__doc__} A register is not ours: {error}") from error


async def _beside(
    visit: Visit, log: str, listed: _Listed | None, trusted: Sequence[Verifier]
) -> dict[str, bytes]:
    """The register, where it is not there already. Raises NotAsPublished where another is."""
    if listed is None:
        return {}
    path = register(log, listed.register.log.size)
    [there] = await visit.read([path])
    if there is None:
        return {path: listed.note}
    if _register(there, trusted) != listed.register:
        raise NotAsPublished(f"{NotAsPublished.__doc__} Another register of as many events is at {path}.")
    return {}


async def _signed(pool: asyncpg.Pool, log_id: int, trusted: Sequence[Verifier]) -> _Signed | None:
    async with pool.acquire() as connection:
        note = await newest_note(connection, log_id)
    if note is None:
        return None
    return _Signed(note.encode(), Checkpoint.parsed(opened(note.encode(), speakers(note.encode(), trusted))))


async def _add_tiles(
    pool: asyncpg.Pool, visit: Visit, log_id: int, log: str, *, at: int, after: Checkpoint
) -> None:
    """Those that a tree of `at` events lacks, grown out of it and held to the root that was signed."""
    before = of_edge(at)
    async with pool.acquire() as connection:
        kept = whole(before, await tiles_at(connection, log_id, (path.place for path in before)))
    edge = {path.place: kept[path.place][: path.width * HASH] for path in before}
    while at < after.size:
        goal = min(at + _PAGE - at % WIDTH, after.size)
        edge |= grown(at, edge, await _leaves(pool, log_id, at, goal))
        at = goal
        await visit.add(
            {of_tile(log, Path(place)): tile for place, tile in edge.items() if len(tile) == WIDTH * HASH}
        )
        edge = {path.place: edge[path.place] for path in of_edge(at)}
    [root] = hashed([Run(0, at)], edge)
    if root != after.root:
        raise CannotSeal("The tree has a tile that is not the one that was signed.")
    await visit.add({of_tile(log, path): edge[path.place] for path in of_edge(at) if path not in before})


async def _leaves(pool: asyncpg.Pool, log_id: int, after: int, up_to: int) -> list[bytes]:
    # No connection is held while the place is written to, which may be slow.
    async with pool.acquire() as connection:
        return await kept_leaves(connection, log_id, after, up_to)
