"""History as a file of CloudEvents, one a line, by position: at the speed of COPY, in little memory.

What was interrupted goes on from its last whole line, once that has turned out to be what the log says.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pulseops.eventstore.cloudevents import AS_IT_IS, LINES
from pulseops.eventstore.history import newest
from pulseops.eventstore.part import NotItsPart, Part, part_of
from pulseops.eventstore.when import last_before

_WINDOW = 50_000  # positions a COPY: each is a statement, with a statement's time
_COUNTED = 1_000_000  # positions that are counted at once

_COUNT = """
SELECT count(*) FROM eventstore.event AS e
WHERE e.log_id = $1 AND e.position > $2 AND e.position <= $3
  AND ($4::text[] IS NULL OR e.type = ANY ($4)) AND ($5::uuid[] IS NULL OR e.stream_id = ANY ($5))
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """The events of a log after a position, up to another (None: the newest), of some types (none: all).

    `streams`: only of these. `since`, `until`: only what was recorded from then on, and before then.
    """

    log_id: int = 1
    after: int = 0
    up_to: int | None = None
    types: tuple[str, ...] = ()
    streams: tuple[UUID, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def asked(self) -> bytes:
        """What an export must have been begun with to be gone on with. How far it goes may be another thing.

        The log is not in it, whose number is in each line.
        """
        types, streams = sorted(set(self.types)), sorted(set(self.streams))
        asked = {
            "after": self.after,
            "since": self.since,
            "until": self.until,
            "types": types,
            "streams": streams,
        }
        return msgspec.json.encode(asked) + b"\n"

    def between(self, after: int, up_to: int) -> tuple[object, ...]:
        """What `LINES` is asked with, for a stretch of it."""
        return self.log_id, after, up_to, self.types or None, self.streams or None


async def positions(connection: asyncpg.Connection, wanted: Wanted, head: int) -> Wanted:
    """The same by positions alone, none beyond `head`."""
    after, up_to = wanted.after, head if wanted.up_to is None else min(head, wanted.up_to)
    if wanted.since is not None:
        after = max(after, await last_before(connection, wanted.log_id, wanted.since, head))
    if wanted.until is not None:
        up_to = min(up_to, await last_before(connection, wanted.log_id, wanted.until, head))
    return replace(wanted, after=after, up_to=max(after, up_to))


class _Line(Struct):
    position: str


async def _as_it_is(part: Path) -> Path:
    return part


async def export(
    connection: asyncpg.Connection,
    wanted: Wanted,
    file: Path,
    *,
    asked: bytes | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
    whole: Callable[[Path], Awaitable[Path]] = _as_it_is,
) -> int:
    """Write `file`; how many events it has. The connection's time zone must be UTC.

    `asked` is what its part was begun with, where that is not `wanted`.
    `progress` hears the position reached and the last one; `whole` is called with the part when it has all
    lines and not yet its name, and says what shall have that. What was written stays, whatever is raised:
    NotItsPart, FileExistsError when `file` is there already, BlockingIOError when another export writes it,
    what asyncpg and `whole` raise.
    """
    asked = wanted.asked if asked is None else asked
    wanted = await positions(connection, wanted, await newest(connection, wanted.log_id))
    up_to = wanted.up_to or 0
    with part_of(file, asked) as part:
        events, position = await _resumed(connection, wanted, part, up_to)
        progress(position, up_to)

        async def write(piece: bytes) -> None:
            part.write(piece)

        while position < up_to:
            end = min(position + _WINDOW, up_to)
            done: str = await connection.copy_from_query(
                LINES, *wanted.between(position, end), output=write, **AS_IT_IS
            )
            part.settle()
            events, position = events + int(done.removeprefix("COPY ")), end
            progress(position, up_to)
        part.finish(file, await whole(part.path))
    return events


async def _resumed(connection: asyncpg.Connection, wanted: Wanted, part: Part, up_to: int) -> tuple[int, int]:
    """How many events are there already, and up to which position."""
    if part.last is None:
        return 0, wanted.after
    try:
        position = int(msgspec.json.decode(part.last, type=_Line).position)
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotItsPart("Its last line is not one of an export.") from error
    if not wanted.after < position <= up_to or part.last != await _line(connection, wanted, position):
        raise NotItsPart(f"Its last line is not what this export has at position {position}.")
    events = 0
    for after in range(wanted.after, position, _COUNTED):
        end = min(after + _COUNTED, position)
        events += await connection.fetchval(_COUNT, *wanted.between(after, end))
    if events != (lines := part.lines()):
        raise NotItsPart(f"It has {lines} lines, where this export has {events}.")
    return events, position


async def _line(connection: asyncpg.Connection, wanted: Wanted, position: int) -> bytes:
    line = await connection.fetchval(LINES, *wanted.between(position - 1, position))
    return b"" if line is None else line.encode() + b"\n"
