"""What proves of one stream that nothing was left out of it, read where the register is kept."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from pulseops.audit.completeness import Completeness, Listed, Sealed, hold
from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import inclusion
from pulseops.audit.notary import hashes
from pulseops.audit.proof import NotProved
from pulseops.audit.proving import TreeDamaged
from pulseops.audit.register import NotARegister, Register, divided, stream_of, up_to
from pulseops.audit.registered import newest_register, tiles_of
from pulseops.audit.sealing import STRANGE, CannotSeal
from pulseops.audit.tiles import WIDTH, hashed, needed
from pulseops.eventstore.codec import COLUMNS
from pulseops.eventstore.history import newest
from pulseops.kernel.errors import NotFound

NO_REGISTER = (
    "There is no register of this log yet. A worker with PULSEOPS_AUDIT_KEY makes one once an hour, and "
    "`pulseops audit register` at once."
)
_SOME = 64
"""Events whose proofs are read at once: each may need tiles of its own."""
_PAGE = """
SELECT p.index, p.entries FROM audit.register_page AS p
WHERE p.log_id = $1 AND p.first <= $2 ORDER BY p.first DESC LIMIT 1
"""
_AT = "SELECT p.entries FROM audit.register_page AS p WHERE p.log_id = $1 AND p.index = $2"
# The stream's positions leave only its partitions to look into.
_STREAM = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND position <= $3 AND position BETWEEN
  (SELECT s.first_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2) AND
  (SELECT s.last_position FROM eventstore.stream s WHERE s.log_id = $1 AND s.stream_id = $2)
ORDER BY version
"""  # noqa: S608 -- a constant of ours


async def prove_completeness(connection: asyncpg.Connection, log_id: int, stream: UUID) -> Completeness:
    """As of the newest register. Raises NotFound where there is none, and TreeDamaged."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if (note := await newest_register(connection, log_id)) is None:
            raise NotFound(NO_REGISTER)
        try:
            # Who signed it is for its readers to say.
            register = Register.parsed(note.rpartition("\n\n")[0] + "\n")
            found = await _around(connection, log_id, stream, register.entries)
            proof = Completeness(
                stream=stream,
                as_of=register.log.size,
                since=await newest(connection, log_id) - register.log.size,
                register=note,
                listed=tuple([await _listed(connection, log_id, register, *one) for one in found]),
                events=tuple(await _events(connection, log_id, stream, register.log.size)),
            )
            hold(proof, register)
        except (NotARegister, NotProved, CannotSeal) as error:
            raise TreeDamaged(log_id, str(error)) from error
    return proof


async def _around(
    connection: asyncpg.Connection, log_id: int, stream: UUID, entries: int
) -> Sequence[tuple[int, bytes]]:
    """Its entry, by its place; else those beside it."""
    row = await connection.fetchrow(_PAGE, log_id, stream)
    if row is None:
        return [one for one in [await _entry(connection, log_id, 0)] if one is not None]
    page = divided(row["entries"])
    at = max(up_to(page, stream.bytes) - 1, 0)
    before = (row["index"] * WIDTH + at, page[at])
    if stream_of(page[at]) == stream.bytes or before[0] == entries - 1:
        return [before]
    after = await _entry(connection, log_id, before[0] + 1)
    return [before] if after is None else [before, after]


async def _entry(connection: asyncpg.Connection, log_id: int, index: int) -> tuple[int, bytes] | None:
    page = await connection.fetchval(_AT, log_id, index // WIDTH)
    entries = [] if page is None else divided(page)
    return (index, entries[index % WIDTH]) if index % WIDTH < len(entries) else None


async def _listed(
    connection: asyncpg.Connection, log_id: int, register: Register, index: int, entry: bytes
) -> Listed:
    runs = inclusion(index, register.entries)
    tiles = await tiles_of(connection, log_id, needed(runs))
    try:
        return Listed(entry=entry, index=index, hashes=tuple(hashed(runs, tiles)))
    except KeyError as error:
        raise CannotSeal("The register has lost a page or a tile.") from error


async def _events(connection: asyncpg.Connection, log_id: int, stream: UUID, size: int) -> list[Sealed]:
    try:
        rows = await connection.fetch(_STREAM, log_id, stream, size)
        entries = [sealed(row) for row in rows]
    except STRANGE as error:
        raise CannotSeal("One of its events is none that can have been sealed.") from error
    found = list[Sealed]()
    for at in range(0, len(rows), _SOME):
        some = rows[at : at + _SOME]
        paths = [inclusion(row["position"] - 1, size) for row in some]
        known = iter(await hashes(connection, log_id, [run for path in paths for run in path]))
        for row, entry, path in zip(some, entries[at : at + _SOME], paths, strict=True):
            along = tuple(next(known) for _ in path)
            found.append(Sealed(position=row["position"], entry=entry, hashes=along))
    return found
