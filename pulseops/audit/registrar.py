"""The registrar: makes the register of what is signed of a log, of the register before and what came since.

Events of before are not read again, so they may be in an archive. Of those since, the last of each stream is
held against what was signed: whoever has the database for a while has no false register signed. It takes
little memory, however many streams there are.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import structlog

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.leaf import place
from pulseops.audit.merkle import EMPTY, leaf_hash
from pulseops.audit.notary import Keys, amiss, newest_note
from pulseops.audit.note import NotSigned, opened, signed
from pulseops.audit.register import Entry, Register, stream_of, up_to, version_of
from pulseops.audit.registered import Came, came, events_at, kept_pages, make_turn, newest_register, take_turn
from pulseops.audit.sealing import CannotSeal, kept_leaves, tiles_at, whole
from pulseops.audit.tiles import WIDTH, Growing, of_edge
from pulseops.kernel.errors import PulseOpsError

_APART = timedelta(hours=1)
"""Between two registers of a log that nobody asked for."""
_PAGE = 64 * WIDTH
"""Events whose hashes are read at once."""
_EVENTS = 128
"""Events that are read at once."""
_DOUBT = 3 * _APART
"""After which one is made, whatever the table, which others may write, tells of the last one."""
_LOOK = 10.0
"""Seconds between looks at which logs are due."""

# Of a log that has doubled, as it does at first, the last one says too little. One that is of the future was
# signed before the clock was set back.
_DUE = """
SELECT l.log_id, l.name, c.size > coalesce(r.size, 0) AND (c.size > 2 * r.size
  OR (r.made_at BETWEEN clock_timestamp() - $1::interval AND clock_timestamp()) IS NOT TRUE) AS due
FROM eventstore.log AS l
JOIN audit.checkpoint AS c ON c.log_id = l.log_id
LEFT JOIN audit.register AS r ON r.log_id = l.log_id
"""
_KEEP = """
INSERT INTO audit.register AS r (log_id, size, entries, note, made_at)
VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (log_id) DO UPDATE
SET size = excluded.size, entries = excluded.entries, note = excluded.note, made_at = excluded.made_at
"""
_KEEP_PAGES = """
INSERT INTO audit.register_page AS p (log_id, index, first, entries)
SELECT $1, a.index, a.first, a.entries
FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS b(index, id, entries),
  LATERAL (SELECT b.index, encode(b.id, 'hex')::uuid AS first, b.entries) AS a
ON CONFLICT (log_id, index) DO UPDATE SET first = excluded.first, entries = excluded.entries
WHERE p.entries <> excluded.entries
"""
_KEEP_TILES = """
INSERT INTO audit.register_tile AS t (log_id, level, index, hashes)
SELECT $1, a.level, a.index, a.hashes
FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS a(level, index, hashes)
ON CONFLICT (log_id, level, index) DO UPDATE SET hashes = excluded.hashes
WHERE t.hashes <> excluded.hashes
"""
_FORGET = (
    "DELETE FROM audit.register_page WHERE log_id = $1",
    "DELETE FROM audit.register_tile WHERE log_id = $1",
)
_log = structlog.get_logger(__name__)


class CannotRegister(PulseOpsError):
    """This register cannot be made."""

    code = "cannot-register"

    def __init__(self, why: str) -> None:
        super().__init__(f"{type(self).__doc__} {why}")


class Registrar:
    """Makes the registers of all logs, an hour after the last ones, or when a log has doubled since.

    Several may: one makes, others pass.
    """

    def __init__(self, pool: asyncpg.Pool, keys: Keys) -> None:
        self._pool, self._keys = pool, keys
        self._failing, self._tried = dict[int, str](), dict[int, float]()
        self._newest = dict[int, Checkpoint]()

    async def watch(self) -> None:
        """For ever, whatever fails."""
        while True:
            try:
                await self.make()
            except Exception as error:  # noqa: BLE001 -- logged; the next look tries again
                _log.warning("no log was looked at for its register", error=repr(error)[:200])
            await asyncio.sleep(_LOOK)

    async def make(self) -> list[Register]:
        """Those that are due. Of one that cannot be made the log says so, once."""
        made = list[Register]()
        for due in await self._pool.fetch(_DUE, _APART):
            now = time.monotonic()
            if not due["due"] and now - self._tried.setdefault(due["log_id"], now) < _DOUBT.total_seconds():
                continue
            self._tried[due["log_id"]] = now
            try:
                async with self._pool.acquire() as connection:
                    one = await make(connection, due["log_id"], due["name"], self._keys)
            except asyncpg.SerializationError:  # somebody else has made it, in between
                continue
            # What is away for all fails for the next one too.
            except (CannotRegister, CannotSeal, NotSigned, asyncpg.PostgresError, TimeoutError) as error:
                why = str(error) or repr(error)
                if self._failing.get(due["log_id"]) != why:
                    _log.error("there is no new register", log=due["name"], error=why[:300])
                self._failing[due["log_id"]] = why
            else:
                self._failing.pop(due["log_id"], None)
                if one is not None and self._newest.get(due["log_id"]) != one.log:
                    self._newest[due["log_id"]] = one.log
                    made.append(one)
                    _log.info("register made", log=due["name"], size=one.log.size, streams=one.entries)
        return made


async def make(
    connection: asyncpg.Connection, log_id: int, name: str, keys: Keys, *, anew: bool = False
) -> Register | None:
    """A register of the newest checkpoint, unless there is one; None while somebody else makes it.

    `anew`: from the first event on, whatever is kept. Raises CannotRegister, CannotSeal, and NotSigned where
    what is kept is not signed by us.
    """
    await make_turn(connection, log_id)
    # Of one moment: whoever changes something only while it is read is not believed.
    async with connection.transaction(isolation="repeatable_read"):
        if not await take_turn(connection, log_id):
            return None
        if (note := await newest_note(connection, log_id)) is None:
            raise CannotRegister("Nothing of this log has been signed yet.")
        log = Checkpoint.parsed(opened(note.encode(), keys.verifiers))
        before = None if anew else await _before(connection, log_id, keys)
        if before is None:
            for forget in _FORGET:
                await connection.execute(forget, log_id)
            nothing = Checkpoint(origin=keys.origin(name), size=0, root=EMPTY)
            before = Register(log=nothing, entries=0, root=EMPTY)
        elif before.log == log:
            return before
        if (why := await amiss(connection, log_id, before.log, log)) is not None:
            raise CannotRegister(f"The log is not what it was at the register before. {why}")
        await _hold(connection, log_id, before.log, log)
        made = await _made(connection, log_id, before, log)
        told = signed(str(made), [keys.signer])
        await connection.execute(_KEEP, log_id, log.size, made.entries, told)
    return made


async def _before(connection: asyncpg.Connection, log_id: int, keys: Keys) -> Register | None:
    note = await newest_register(connection, log_id)
    return None if note is None else Register.parsed(opened(note.encode(), keys.verifiers))


async def _hold(connection: asyncpg.Connection, log_id: int, before: Checkpoint, log: Checkpoint) -> None:
    """That the hashes of all events since are those that were signed. Raises CannotSeal, CannotRegister."""
    edge = of_edge(before.size)
    tree = Growing(before.size, whole(edge, await tiles_at(connection, log_id, (one.place for one in edge))))
    while tree.size < log.size:
        goal = min(tree.size + _PAGE - tree.size % _PAGE, log.size)
        tree.add(await kept_leaves(connection, log_id, tree.size, goal))
    if tree.root != log.root:
        raise CannotRegister("The hashes of its events are not those that were signed.")


async def _held(connection: asyncpg.Connection, log_id: int, some: Sequence[Came]) -> None:
    """That the last events are what was sealed, each of its stream and version. Raises CannotRegister.

    As many versions are counted as there are events. So if no stream is too long, none is too short.
    """
    for at in range(0, len(some), _EVENTS):
        part = some[at : at + _EVENTS]
        events = await events_at(connection, log_id, [one.position for one in part])
        for one in part:
            told, event = Entry.parsed(one.entry), events.get(one.position, b"")
            if leaf_hash(event) != told.leaf or place(event) != (one.position, told.stream, told.version):
                raise CannotRegister(f"At position {one.position} there is not what was sealed there.")


async def _made(connection: asyncpg.Connection, log_id: int, before: Register, log: Checkpoint) -> Register:
    old, tree, counted = Growing(), Growing(), 0

    async def known() -> AsyncIterator[Sequence[bytes]]:
        async for entries in kept_pages(connection, log_id):
            old.add([leaf_hash(one) for one in entries])
            yield entries

    async def new() -> AsyncIterator[Sequence[Came]]:
        nonlocal counted
        async for some in came(connection, log_id, before.log.size, log.size):
            counted += sum(one.events for one in some)
            await _held(connection, log_id, some)
            yield some

    waiting = list[bytes]()
    async for entries in _merged(known(), new()):
        waiting += entries
        whole = len(waiting) - len(waiting) % WIDTH
        await _write(connection, log_id, tree, waiting[:whole])
        del waiting[:whole]
    await _write(connection, log_id, tree, waiting)
    if (old.size, old.root) != (before.entries, before.root):
        raise CannotRegister("Its pages are not what was signed before: `pulseops audit verify` names where.")
    if counted != log.size - before.log.size:
        raise CannotRegister(f"Between {before.log.size} and {log.size} there is not one event a position.")
    return Register(log=log, entries=tree.size, root=tree.root)


async def _merged(
    known: AsyncIterator[Sequence[bytes]], new: AsyncIterator[Sequence[Came]]
) -> AsyncIterator[Sequence[bytes]]:
    """Both, by stream; of a stream that is in both, the new entry. Raises CannotRegister."""
    left, right = list[bytes](), list[Came]()
    while True:
        left = left or list(await anext(known, []))
        right = right or list(await anext(new, []))
        if not left and not right:
            return
        # Up to here there is nothing more to come of either.
        last = min(map(stream_of, (*left[-1:], *(one.entry for one in right[-1:]))))
        at, to = up_to(left, last), up_to([one.entry for one in right], last)
        yield _combined(left[:at], right[:to])
        left, right = left[at:], right[to:]


def _combined(known: Sequence[bytes], new: Sequence[Came]) -> Sequence[bytes]:
    if not new:
        return known
    entries = {stream_of(one): one for one in known}
    for one in new:
        stream = stream_of(one.entry)
        before = version_of(entries[stream]) if stream in entries else 0
        if version_of(one.entry) != before + one.events:
            raise CannotRegister(f"The versions of {stream.hex()} are not one after the other.")
        entries[stream] = one.entry
    return sorted(entries.values())


async def _write(
    connection: asyncpg.Connection, log_id: int, tree: Growing, entries: Sequence[bytes]
) -> None:
    """What differs from what is there."""
    if not entries:
        return
    start = tree.size // WIDTH
    pages = [b"".join(entries[at : at + WIDTH]) for at in range(0, len(entries), WIDTH)]
    indices = range(start, start + len(pages))
    await connection.execute(_KEEP_PAGES, log_id, indices, [stream_of(one) for one in pages], pages)
    above = {at: text for at, text in tree.add([leaf_hash(one) for one in entries]).items() if at.level}
    levels, places = [at.level for at in above], [at.index for at in above]
    await connection.execute(_KEEP_TILES, log_id, levels, places, [*above.values()])
