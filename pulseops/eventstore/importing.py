"""Takes the export of a whole log into an empty one, as whoever owns the tables: nobody else may.

All of it is one transaction under the log's append lock: killed at any moment nothing of it is there, and
nobody appends meanwhile. What an append keeps beside events is made of the events (`settle_import_v1`). Other
logs are worked on as ever; only that no log can be made meanwhile, where the import makes one.
"""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
from msgspec import Struct

from pulseops.eventstore.arriving import LONGEST, Arriving, NotAnExport
from pulseops.eventstore.codec import COLUMNS
from pulseops.kernel.errors import PulseOpsError

_COLUMNS = COLUMNS.split(", ")
_CHUNK = 20_000
"""Events of a COPY: what PostgreSQL refuses of it is told by its line."""
_TAIL = 1 << 16
_LEAST = 100  # bytes of a line, at the very least
_COLUMNAR = b"PAR1"
_POSITION = re.compile(rb'"position": ?"([0-9]{1,18})"')
_LINE = re.compile(r"COPY \w+, line (\d+)")

_PREPARE = "SELECT eventstore.ensure_partitions_v2(0, ($1::bigint >> 24) + 2)"
_SETTINGS = """
SELECT set_config('role', 'pulseops_owner', true), set_config('statement_timeout', '0', true),
  set_config('idle_in_transaction_session_timeout', '0', true),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)
"""
_NAMED = "SELECT l.log_id FROM eventstore.log AS l WHERE l.name = $1"
_NUMBERED = "SELECT l.name FROM eventstore.log AS l WHERE l.log_id = $1"
_MAKE = "INSERT INTO eventstore.log (log_id, name, created_at) VALUES ($1, $2, $3)"
# The lock of every append. What follows it sees what was appended before.
_LOCK = "SELECT l.floor_position FROM eventstore.log AS l WHERE l.log_id = $1 FOR UPDATE"
_USED = """
SELECT EXISTS (SELECT FROM eventstore.event AS e WHERE e.log_id = $1)
  OR EXISTS (SELECT FROM eventstore.command AS c WHERE c.log_id = $1)
"""
_SETTLE = "SELECT eventstore.settle_import_v1($1)"
# A worker that leads one of them notices, by the epoch, that it does so no more.
_BEHIND = """
WITH led AS (
  UPDATE eventstore.subscription AS s
  SET position = $3, epoch = s.epoch + 1, owner = NULL, lease_until = NULL, updated_at = clock_timestamp()
  WHERE s.log_id = $1 AND s.name = ANY ($2) RETURNING s.name
)
INSERT INTO eventstore.subscription (log_id, name, position, updated_at)
SELECT $1, n.name, $3, clock_timestamp() FROM unnest($2::text[]) AS n (name)
WHERE n.name NOT IN (SELECT l.name FROM led AS l)
"""

Names = Callable[[asyncpg.Connection, int], Awaitable[None]]
"""Has the streams of a log take the names that they hold (see `kernel.decider.Claims`), by their facts."""


class CannotImport(PulseOpsError):
    """The export cannot be taken into this log."""

    code = "cannot-import"


class Into(Struct, frozen=True, kw_only=True):
    """The log by its name. One that there is not is made at `now`, under the number that it had."""

    log: str
    now: datetime


async def take_in(
    connection: asyncpg.Connection,
    file: Path,
    into: Into,
    *,
    knows: Callable[[str, int], bool],
    names: Names,
    passing: Sequence[str] = (),
    hear: Callable[[bytes, Mapping[str, Any]], None] = lambda *_: None,
    agree: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """How many events it has. The connection's login is a superuser, or a member of pulseops_owner.

    The subscriptions `passing` begin behind what comes in: they make nothing of it.
    `hear` is told each line with the row that it is. `agree` may refuse all of it by raising, when all is
    there and nothing is committed. `progress` hears how many events came in, of how many.
    Raises NotAnExport, CannotImport, OSError, and what `agree` and asyncpg raise; nothing is changed then,
    but for empty partitions.
    """
    with file.open("rb") as source:
        last = _last_position(source)
        log_id = Arriving(knows).row(source.readline(LONGEST + 1))["log_id"]
        source.seek(0)
        async with connection.transaction():
            await connection.execute(_SETTINGS)
            await connection.execute(_PREPARE, last)
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(_SETTINGS)
            await _open(connection, into, log_id)
            lines = _Lines(source, Arriving(knows), hear)
            while lines.next:
                await _copy(connection, lines)
                progress(lines.count, max(last, lines.count))
            await _settle(connection, log_id, names)
            await connection.execute(_BEHIND, log_id, [*passing], lines.count)
            agree()
    return lines.count


class _Lines:
    """What is left of the file, as rows, some at a time. `next` is the line that comes, empty at the end."""

    def __init__(
        self, source: BinaryIO, arriving: Arriving, hear: Callable[[bytes, Mapping[str, Any]], None]
    ) -> None:
        self._source, self._arriving, self._hear = source, arriving, hear
        self.next = source.readline(LONGEST + 1)

    @property
    def count(self) -> int:
        return self._arriving.count

    async def some(self) -> AsyncIterator[list[Any]]:
        for _ in range(_CHUNK):
            if not self.next:
                return
            row = self._arriving.row(self.next)
            self._hear(self.next, row)
            yield [row[name] for name in _COLUMNS]
            self.next = self._source.readline(LONGEST + 1)


def _last_position(source: BinaryIO) -> int:
    """By the last line, so that there is a partition for each event. Raises NotAnExport."""
    size = source.seek(0, os.SEEK_END)
    if size == 0:
        raise NotAnExport("The file is empty.")
    source.seek(0)
    if source.read(len(_COLUMNAR)) == _COLUMNAR:
        raise NotAnExport("The file is an export in columns: an import takes one of lines.")
    reach = _TAIL
    while True:
        source.seek(max(0, size - reach))
        tail = source.read(reach)
        start = tail.rfind(b"\n", 0, -1) + 1
        if start or reach >= size or reach > LONGEST:
            break
        reach *= 4
    source.seek(0)
    found = _POSITION.search(tail, start)
    last = int(found[1]) if found else 0
    if not 0 < last * _LEAST <= size:
        raise NotAnExport("Its last line is no event of the export of a whole log, or is cut off.")
    return last


async def _open(connection: asyncpg.Connection, into: Into, number: int) -> None:
    """The log, empty and ours until the end of the transaction. Raises CannotImport."""
    log_id = await connection.fetchval(_NAMED, into.log)
    if log_id is None:
        if (other := await connection.fetchval(_NUMBERED, number)) is not None:
            raise CannotImport(
                f"The export is of log {number}, which here is {other}: teams and services are known by the "
                f"number of their log. Take it into {other}, if that is empty, or into another database."
            )
        await connection.execute(_MAKE, number, into.log, into.now)
        log_id = number
    if log_id != number:
        raise CannotImport(
            f"The export is of log {number}, and {into.log} is log {log_id}: teams and services are known by "
            "the number of their log. Name a log that there is not, and it is made under that number."
        )
    floor = await connection.fetchval(_LOCK, log_id)
    if floor or await connection.fetchval(_USED, log_id):
        raise CannotImport(
            f"{into.log} has a history already. History is not replaced: take the export into a log that has "
            "none, before the first key to it is made."
        )


async def _copy(connection: asyncpg.Connection, lines: _Lines) -> None:
    """Raises NotAnExport where PostgreSQL cannot hold a line."""
    before = lines.count
    try:
        await connection.copy_records_to_table(
            "event", schema_name="eventstore", columns=_COLUMNS, records=lines.some()
        )
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        found = _LINE.search(getattr(error, "context", None) or "")
        where = f"Line {before + int(found[1])}" if found else f"A line after {before}"
        raise NotAnExport(f"{where} cannot be in a log: {error.args[0]}.") from error


async def _settle(connection: asyncpg.Connection, log_id: int, names: Names) -> None:
    """Raises NotAnExport where the events do not fit together."""
    try:
        await connection.execute(_SETTLE, log_id)
        await names(connection, log_id)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise NotAnExport(f"The events do not fit together: {error.args[0]}.") from error
