"""All downloads of history of this process: who may begin one, how it goes, and when it ends.

Between two pages a download holds nothing but its place: neither a connection, nor what its reader has not
yet taken. What ends before its time is cut off, so that nobody takes it for whole.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
from msgspec import Struct

from pulseops.db.outages import OUTAGES
from pulseops.eventstore.cloudevents import LINES, position_of
from pulseops.eventstore.export import Wanted
from pulseops.http.lasting import Gone, Line
from pulseops.kernel.errors import Overloaded
from pulseops.subscriptions.turns import Turns

MOST, MOST_EACH = 32, 8
"""Downloads of one process, and of one caller there."""
_AT_A_TIME = 2
"""Readings for all of them."""
_EVENTS, _BYTES = 500, 1 << 20
"""What is read at once, unless one event alone is longer."""
_FURTHEST = 50_000
"""Positions that are looked through at once."""
_PIECE = 1 << 16
"""Bytes that are sent at once."""
_PATIENCE = 20.0
"""Seconds that a reader may take nothing in."""
_TURN = 10.0
"""Seconds that a download waits for its turn to read."""
_LEAVE = 1.0
"""Seconds that a reader has for what it is just being sent when the server stops."""
_LOOKED_AT = 1.0
"""Seconds between looks whether each still may read."""
_READ = f"""
SELECT p.line, p.found FROM (
  SELECT l.line, count(*) OVER () AS found,
    sum(octet_length(l.line)) OVER (ROWS UNBOUNDED PRECEDING) - octet_length(l.line) AS before
  FROM ({LINES} LIMIT $6) AS l(line)
) AS p WHERE p.before < $7
"""  # noqa: S608 -- constants of ours
_TROUBLES: tuple[type[Exception], ...] = (*OUTAGES, OSError, asyncpg.PostgresError, Overloaded)


class Download(Struct, eq=False):
    """One under way. `wanted` has both its positions; `limit` is how many events it may have.

    `allowed` says whether its `caller` still may read.
    """

    wanted: Wanted
    limit: int | None
    caller: str
    allowed: Callable[[], Awaitable[bool]]
    line: Line | None = None


class Downloads:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self._turns = pool, Turns(_AT_A_TIME, patience=_TURN)
        self._running = dict[Download, None]()
        self._stopping = False

    def begin(self, download: Download) -> Callable[[Line], Awaitable[None]]:
        """A place, to be given back by `finish`, and who speaks. Raises Overloaded."""
        callers = Counter(one.caller for one in self._running)
        if self._stopping or len(self._running) >= MOST:
            raise Overloaded("As many downloads are under way here as there is room for.")
        if callers[download.caller] >= MOST_EACH:
            raise Overloaded(f"You have {MOST_EACH} downloads under way here: end one first.")
        self._running[download] = None
        return partial(self._speak, download)

    def finish(self, download: Download) -> None:
        """Free its place. May come twice."""
        self._running.pop(download, None)

    def stop(self) -> None:
        """End every download, and begin no more."""
        self._stopping = True
        for one in self._running:
            if one.line is not None:
                one.line.hurry(_LEAVE)

    async def _speak(self, download: Download, line: Line) -> None:
        download.line = line
        loop = asyncio.get_running_loop()
        at, up_to, looked = download.wanted.after, download.wanted.up_to or 0, loop.time()
        left = sys.maxsize if download.limit is None else download.limit
        while at < up_to and left:
            try:
                if loop.time() >= looked + _LOOKED_AT:
                    looked = loop.time()
                    if not await download.allowed():
                        await line.cut()
                        raise Gone
                async with self._turns.of(download.caller):
                    lines, at = await _page(self._pool, download.wanted, at, min(left, _EVENTS))
            except _TROUBLES as error:
                await line.cut()
                raise Gone from error
            left -= len(lines)
            await self._send(line, lines)

    async def _send(self, line: Line, lines: list[bytes]) -> None:
        """Raises Gone where it is to stop."""
        held, size = list[bytes](), 0
        for number, one in enumerate(lines, 1):
            held.append(one)
            size += len(one)
            if size < _PIECE and number < len(lines):
                continue
            await line.say(b"".join(held), within=_LEAVE if self._stopping else _PATIENCE)
            held, size = [], 0
            if self._stopping:
                await line.cut()
                raise Gone


async def _page(pool: asyncpg.Pool, wanted: Wanted, after: int, most: int) -> tuple[list[bytes], int]:
    """Some lines that follow a position, `most` at most, and up to where there are no others."""
    end = min(after + _FURTHEST, wanted.up_to or 0)
    rows = await pool.fetch(_READ, *wanted.between(after, end), most, _BYTES)
    lines = [row["line"].encode() + b"\n" for row in rows]
    if rows and (len(rows) < rows[0]["found"] or len(rows) == most):
        return lines, position_of(lines[-1])
    return lines, end
