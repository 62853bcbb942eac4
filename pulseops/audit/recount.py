"""A register held against history: every stream counted anew, in little memory."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from uuid import UUID

import asyncpg

from pulseops.audit.merkle import HASH, leaf_hash
from pulseops.audit.register import Entry, Register, stream_of, version_of
from pulseops.audit.registered import Came, came, kept_pages, tiles_of
from pulseops.audit.tiles import Growing, Path, Place
from pulseops.audit.walk import Divergence, differing


async def recount(
    connection: asyncpg.Connection,
    log_id: int,
    register: Register,
    *,
    kept: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Divergence | None:
    """The first stream that is not as the register has it; `kept`: as its pages have it, which are kept.

    In a transaction. It believes the tree's hashes of events, which `walk` holds against history. `progress`
    hears how many streams were counted. Raises CannotSeal.
    """
    tree, above = Growing(), dict[Place, bytes]()
    pages = kept_pages(connection, log_id) if kept else None
    async for some in came(connection, log_id, 0, register.log.size):
        bad = _counted(some)
        if bad is None and pages is not None:
            bad = _compared(some, await anext(pages, []), register.log.size)
        if bad is not None:
            return bad
        changed = tree.add([leaf_hash(one.entry) for one in some])
        above |= {place: hashes for place, hashes in changed.items() if place.level}
        progress(tree.size)
    if pages is not None:
        more: Sequence[bytes] = await anext(pages, [])
        if more:
            return _entry(register.log.size, more[0], None)
        if (bad := await _above(connection, log_id, above, register.log.size)) is not None:
            return bad
    return _root(tree, register)


def _counted(some: Sequence[Came]) -> Divergence | None:
    for one in some:
        if one.events != version_of(one.entry):
            stream = UUID(bytes=stream_of(one.entry))
            return Divergence(
                position=one.position,
                field=f"version of {stream}",
                expected=str(one.events),
                found=str(version_of(one.entry)),
            )
    return None


def _compared(some: Sequence[Came], entries: Sequence[bytes], size: int) -> Divergence | None:
    for one, entry in zip_longest(some, entries):
        if one is None:
            return _entry(size, entry, None)
        if entry is None or stream_of(one.entry) < stream_of(entry):
            return _entry(one.position, None, one.entry)
        if stream_of(entry) < stream_of(one.entry):
            return _entry(size, entry, None)
        if entry != one.entry:
            return _entry(one.position, entry, one.entry)
    return None


def _entry(position: int, kept: bytes | None, counted: bytes | None) -> Divergence:
    """Of a stream, one of which there is at least."""
    stream = UUID(bytes=stream_of(kept or counted or b""))
    return Divergence(
        position=position,
        field=f"entry of {stream} in the register",
        expected=_told(counted),
        found=_told(kept),
    )


def _told(entry: bytes | None) -> str:
    if entry is None:
        return "none"
    one = Entry.parsed(entry)
    return f"version {one.version} {one.leaf.hex()}"


async def _above(
    connection: asyncpg.Connection, log_id: int, tiles: Mapping[Place, bytes], size: int
) -> Divergence | None:
    kept = await tiles_of(connection, log_id, tiles)
    for place, hashes in sorted(tiles.items()):
        held = kept.get(place, b"")
        if (number := differing(hashes, held)) is not None:
            part = slice(number * HASH, (number + 1) * HASH)
            return Divergence(
                position=size,
                field="hash of the register's page or tile below",
                expected=hashes[part].hex(),
                found=held[part].hex() or "none",
                tile=str(Path(place)),
            )
    return None


def _root(tree: Growing, register: Register) -> Divergence | None:
    if (tree.size, tree.root) == (register.entries, register.root):
        return None
    return Divergence(
        position=register.log.size,
        field="register of all up to here",
        expected=f"{register.entries} streams {b64encode(register.root).decode()}",
        found=f"{tree.size} streams {b64encode(tree.root).decode()}",
    )
