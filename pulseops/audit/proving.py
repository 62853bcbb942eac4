"""Proofs from the tree that is kept. None is given that would not hold."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.cloudevent import CloudEvent
from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import Run, consistency, consistent, included, inclusion, leaf_hash
from pulseops.audit.notary import hashes, newest_note
from pulseops.audit.proof import Consistency, Inclusion, Tree
from pulseops.audit.sealing import STRANGE, CannotSeal
from pulseops.eventstore.codec import COLUMNS
from pulseops.eventstore.history import newest
from pulseops.kernel.errors import InvalidInput, NotFound, PulseOpsError

_EVENT = f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = $1 AND position = $2"  # noqa: S608 -- a constant of ours
_OF_STREAM = """
SELECT position FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND version = $3 AND position BETWEEN
  (SELECT s.first_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2) AND
  (SELECT s.last_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2)
"""
# There is no index on it: each would cost every append.
_NAMED = "SELECT position FROM eventstore.event WHERE log_id = $1 AND event_id = $2 LIMIT 1"
_log = structlog.get_logger(__name__)


class NotSignedYet(PulseOpsError):
    """It is recorded, and not signed yet."""

    code = "not-signed-yet"

    def __init__(self, signed: int) -> None:
        far = f"{signed:,} events of this log are signed" if signed else "Nothing of this log is signed"
        super().__init__(f"{type(self).__doc__} {far}. A worker with PULSEOPS_AUDIT_KEY signs.")


class Ahead(PulseOpsError):
    """The log has not come so far."""

    code = "ahead"


class TreeDamaged(PulseOpsError):
    """What is kept is not what was signed: there is no proof to give."""

    code = "tree-damaged"

    def __init__(self, log_id: int, why: str) -> None:
        _log.error("history is not what was signed", log=log_id, reason=why)
        super().__init__(f"{type(self).__doc__} {why}")


class Signed(Struct, frozen=True):
    """The newest checkpoint of a log, and the note that it is in. Who signed it is for its readers to say."""

    checkpoint: Checkpoint
    note: str

    def of(self, size: int) -> str | None:
        """The note, for a tree of its size."""
        return self.note if size == self.checkpoint.size else None


async def newest_signed(connection: asyncpg.Connection, log_id: int) -> Signed | None:
    """Raises TreeDamaged."""
    note = await newest_note(connection, log_id)
    if note is None:
        return None
    text, _, _ = note.rpartition("\n\n")
    try:
        return Signed(Checkpoint.parsed(f"{text}\n"), note)
    except NotACheckpoint as error:
        raise TreeDamaged(log_id, "What is kept as its checkpoint is none.") from error


async def position_of(connection: asyncpg.Connection, log_id: int, stream_id: UUID, version: int) -> int:
    """Raises NotFound."""
    found: int | None = await connection.fetchval(_OF_STREAM, log_id, stream_id, version)
    if found is None:
        raise NotFound(f"There is no event {version} of {stream_id}.")
    return found


async def position_named(connection: asyncpg.Connection, log_id: int, event_id: UUID) -> int:
    """Looks through history. Raises NotFound, and InvalidInput where there is too much of it."""
    try:
        found: int | None = await connection.fetchval(_NAMED, log_id, event_id)
    except (TimeoutError, asyncpg.QueryCanceledError):
        told = "History is too long to be looked through for it: name its position, or incident and version."
        raise InvalidInput(told, pointer="/eventId") from None
    if found is None:
        raise NotFound(f"There is no event {event_id}.")
    return found


async def prove_inclusion(
    connection: asyncpg.Connection, log_id: int, position: int, size: int | None = None
) -> Inclusion:
    """That the event is among the first `size`, else among all that are signed.

    Raises NotFound, NotSignedYet, Ahead, InvalidInput, TreeDamaged.
    """
    signed = await newest_signed(connection, log_id)
    far = signed.checkpoint.size if signed is not None else 0
    if signed is None or position > far:
        if position > (head := await newest(connection, log_id)):
            raise NotFound(f"There is no event at position {position:,}: the newest is at {head:,}.")
        raise NotSignedYet(far)
    size = far if size is None else size
    if size < position:
        raise InvalidInput(f"The event at position {position} is not among so few.", pointer="/size")
    await _require(connection, log_id, signed, size)
    row, entry = await _sealed(connection, log_id, position)
    index = position - 1
    path = inclusion(index, size)
    root, found = await _hashes(connection, log_id, signed.checkpoint, size, path)
    if not included(leaf_hash(entry), index, size, found, root):
        raise TreeDamaged(log_id, f"The event at position {position} is not the one that was sealed.")
    return Inclusion(
        position=position,
        index=index,
        leaf_hash=leaf_hash(entry),
        size=size,
        root=root,
        hashes=tuple(found),
        checkpoint=signed.of(size),
        entry=entry,
        event=CloudEvent.of(row),
    )


async def _sealed(
    connection: asyncpg.Connection, log_id: int, position: int
) -> tuple[Mapping[str, Any], bytes]:
    """The event, and what is sealed of it. Raises TreeDamaged."""
    try:
        row = await connection.fetchrow(_EVENT, log_id, position)
        if row is not None:
            return row, sealed(row)
    except STRANGE as error:
        told = f"The event at position {position} is none that can have been sealed."
        raise TreeDamaged(log_id, told) from error
    raise TreeDamaged(log_id, f"The event at position {position} is gone.")


async def prove_consistency(
    connection: asyncpg.Connection, log_id: int, older: int, newer: int | None = None
) -> Consistency:
    """That the first `newer` events, else all that are signed, begin with the first `older`, from 1 on.

    Raises NotSignedYet, Ahead, InvalidInput, TreeDamaged.
    """
    signed = await newest_signed(connection, log_id)
    newer = newer or (signed.checkpoint.size if signed is not None else older)
    if older > newer:
        raise InvalidInput(f"It is more than the {newer} that it should lead to.", pointer="/from")
    await _require(connection, log_id, signed, newer)
    if signed is None:
        raise NotSignedYet(0)
    path = [Run(0, older), *consistency(older, newer)]
    root, (before, *found) = await _hashes(connection, log_id, signed.checkpoint, newer, path)
    if not consistent(older, before, newer, root, found):
        raise TreeDamaged(log_id, f"Its tiles do not fit together in the first {newer} events.")
    return Consistency(
        older=Tree(size=older, root=before),
        newer=Tree(size=newer, root=root),
        hashes=tuple(found),
        checkpoint=signed.of(newer),
    )


async def _require(connection: asyncpg.Connection, log_id: int, signed: Signed | None, size: int) -> None:
    """That a tree of this size is signed: itself, or as the beginning of a larger one."""
    far = signed.checkpoint.size if signed is not None else 0
    if size > far:
        head = await newest(connection, log_id)
        raise NotSignedYet(far) if size <= head else Ahead(f"{Ahead.__doc__} It has {head:,} events.")


async def _hashes(
    connection: asyncpg.Connection, log_id: int, signed: Checkpoint, size: int, path: Sequence[Run]
) -> tuple[bytes, list[bytes]]:
    """The root of the tree of `size` and the hashes of `path`, if it is the beginning of what was signed."""
    onwards = consistency(size, signed.size)
    try:
        root, *found = await hashes(connection, log_id, [Run(0, size), *path, *onwards])
    except CannotSeal as error:
        raise TreeDamaged(log_id, "The tree has lost a tile.") from error
    if not consistent(size, root, signed.size, signed.root, found[len(path) :]):
        raise TreeDamaged(log_id, f"Its tiles are not those of the {signed.size} events that were signed.")
    return root, found[: len(path)]
