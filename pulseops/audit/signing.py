"""How far what is recorded is signed and registered, where anything was ever signed: for who watches."""

from collections.abc import Mapping

import asyncpg
from msgspec import Struct

_LATE = 60.0
"""Seconds for which an event may wait to be signed: a worker signs once a second."""

# Ages go by the database's clock, which wrote the times they are counted from. Where one log is signed, all
# are to be.
_SIGNINGS = """
SELECT l.log_id, c.size AS position, c.refused IS NOT NULL AS refused, r.size AS registered,
  coalesce(split_part(c.note, E'\n', 2) <> c.size::text OR c.size > coalesce((
    SELECT e.position FROM eventstore.event AS e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ), 0), false) AS impossible,
  greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM eventstore.event AS e
    WHERE e.log_id = l.log_id AND e.position = coalesce(c.size, l.floor_position) + 1
  )), 0))::float8 AS seconds,
  greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM eventstore.event AS e
    WHERE e.log_id = l.log_id AND e.position = coalesce(r.size, l.floor_position) + 1
  )), 0))::float8 AS unregistered
FROM eventstore.log AS l
LEFT JOIN audit.checkpoint AS c ON c.log_id = l.log_id
LEFT JOIN audit.register AS r ON r.log_id = l.log_id
WHERE EXISTS (SELECT FROM audit.checkpoint)
"""


class Signing(Struct, frozen=True, kw_only=True):
    """A log is signed up to `position`, and `seconds` ago came what is next. `refused`: it will not be.

    `impossible`: so many events were never signed, or are not there any more. Its register is up
    to `registered`; `unregistered` seconds ago came what is next. None where nothing is.
    """

    position: int | None
    seconds: float
    refused: bool
    registered: int | None
    unregistered: float
    impossible: bool = False

    @property
    def amiss(self) -> str | None:
        """What to say of the log's history, where somebody has to look."""
        if self.refused:
            return "is not signed any more: a worker refuses, and its log says why"
        if self.impossible:
            return "has not as many events as are told to be signed: hold it against them with `audit verify`"
        return f"is not signed for {self.seconds:.0f} s" if self.seconds > _LATE else None


async def signings(connection: asyncpg.Connection) -> Mapping[int, Signing]:
    """By the number of the log; none where nothing was ever signed."""
    rows = [dict(row) for row in await connection.fetch(_SIGNINGS)]
    return {row.pop("log_id"): Signing(**row) for row in rows}
