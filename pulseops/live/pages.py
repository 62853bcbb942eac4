"""A stretch of the log, read once and made into text for whoever wants what of it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.eventstore.codec import COLUMNS
from pulseops.incidents.entries import of_incident, of_row
from pulseops.live import frames
from pulseops.live.wanted import NOWHERE, Place, Wanted

MOST, BYTES = 250, 128 * 1024
"""Events of one page, and bytes of what they say together, unless one event alone says more.

Each of a thousand listeners may hold a page of its own, however long the events are.
"""
_PIECE = 32 * 1024
"""Bytes of a piece, unless one event alone is longer."""

_READ = f"""
SELECT {COLUMNS} FROM eventstore.event WHERE log_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""  # noqa: S608 -- a constant of ours
# Each stream by its own key, and its positions leave only its partitions to look into (as in reading.py).
_TEAMS = """
SELECT asked.stream_id, a.version, a.command_id, a.team FROM unnest($2::uuid[]) AS asked(stream_id)
CROSS JOIN LATERAL (
  SELECT s.first_position, s.last_position FROM eventstore.stream s
  WHERE s.log_id = $1 AND s.stream_id = asked.stream_id OFFSET 0
) AS stands
CROSS JOIN LATERAL (
  SELECT e.version, e.command_id, e.data ->> 'team' AS team FROM eventstore.event e
  WHERE e.log_id = $1 AND e.stream_id = asked.stream_id
    AND e.position BETWEEN stands.first_position AND stands.last_position AND e.type = 'ASSIGNED' OFFSET 0
) AS a
ORDER BY a.version
"""


class Piece(Struct, frozen=True):
    """Some events as text, in order: how many, and the position of the last."""

    position: int
    events: int
    text: bytes


class Page:
    """`events` in order, those of incidents only; `position` is up to where it leaves nothing out."""

    def __init__(self, position: int, rows: Iterable[Any], *, full: bool) -> None:
        self.position, self.full = position, full
        self.events = [row for row in rows if of_incident(row["type"])]
        self.teams: dict[UUID, list[tuple[int, UUID, str]]] | None = None
        """The assignments of its incidents, in order, when they were asked for."""
        self._texts: dict[int, bytes] = {}

    def pieces(self, wanted: Wanted, after: int = 0) -> list[Piece]:
        """What `wanted` shows of it, beyond the position `after`."""
        found: list[Piece] = []
        texts: list[bytes] = []
        position = size = 0
        for row in self.events:
            if row["position"] <= after or not wanted.shows(row["type"], row["stream_id"], self._place(row)):
                continue
            text = self._text(row)
            if texts and size + len(text) > _PIECE:
                found.append(Piece(position, len(texts), b"".join(texts)))
                texts, size = [], 0
            texts.append(text)
            position, size = row["position"], size + len(text)
        if texts:
            found.append(Piece(position, len(texts), b"".join(texts)))
        return found

    def _text(self, row: Any) -> bytes:
        text = self._texts.get(row["position"])
        if text is None:
            text = self._texts[row["position"]] = frames.event(of_row(row))
        return text

    def _place(self, row: Any) -> Place:
        assigned = None if self.teams is None else self.teams.get(row["stream_id"])
        if not assigned:
            return NOWHERE
        # What one command did was stored at once: a report and its assignment belong together.
        version, command = row["version"], row["command_id"]
        then = [team for when, by, team in assigned if when <= version or by == command]
        return Place(then[-1] if then else None, assigned[-1][2])


def _fitting(rows: Sequence[Any]) -> Sequence[Any]:
    """As many as a page has room for, and one in any case."""
    room = BYTES
    for index, row in enumerate(rows):
        room -= len(row["data"].encode())
        if room < 0:
            return rows[: max(1, index)]
    return rows


class Log:
    """One log, read in pages. `readings` counts them."""

    def __init__(self, pool: asyncpg.Pool, log_id: int) -> None:
        self._pool, self._log_id = pool, log_id
        self._most = MOST
        self.readings = 0

    async def after(self, position: int, *, by_team: bool) -> Page:
        """The page that follows `position`; with whose its incidents are when that is wanted."""
        self.readings += 1
        most = self._most
        rows: Sequence[Any] = await self._pool.fetch(_READ, self._log_id, position, most)
        found = _fitting(rows)
        cut = len(found) < len(rows)
        # Where events are long, hardly any are read in vain the next time.
        self._most = len(found) if cut else min(2 * most, MOST)
        page = Page(found[-1]["position"] if found else position, found, full=cut or len(rows) == most)
        if by_team:
            await self.find_teams(page)
        return page

    async def find_teams(self, page: Page) -> None:
        """As things stand now, which is after the page was read."""
        teams: dict[UUID, list[tuple[int, UUID, str]]] = {row["stream_id"]: [] for row in page.events}
        if teams:
            for row in await self._pool.fetch(_TEAMS, self._log_id, [*teams]):
                teams[row["stream_id"]].append((row["version"], row["command_id"], row["team"]))
        page.teams = teams
