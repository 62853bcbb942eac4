"""Lives folded into rows of the schema replay, in the order in which they began, and what these hash to.

The digest of a read model is the SHA-256 over its rows, each as RFC 8785 JSON of all its columns but the
number of the log, and a line feed. They come by the position of the first event of their stream, and those of
one stream by version. Instants are RFC 3339 in UTC, with six digits of a second where it is not a whole one.
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Raw

from pulseops.archive.described import limits, table_of
from pulseops.audit.leaf import canonical
from pulseops.eventstore.codec import COLUMNS, Codec
from pulseops.kernel.errors import PulseOpsError
from pulseops.projections.refolding import Life, Refold, Row

_MANY = 10_000
"""Rows that are written at once."""
_AHEAD = 2_000
"""Events that are read at once."""

_WINDOW = """
SELECT count(*) AS events, count(*) FILTER (WHERE e.type = ANY ($4)) AS wanted,
  array_agg(e.stream_id ORDER BY e.position) FILTER (WHERE e.version = 1 AND e.type = ANY ($4)) AS born
FROM eventstore.event AS e WHERE e.log_id = $1 AND e.position > $2 AND e.position <= $3
"""
# Each stream by its whole key but for the last column, or the planner may prefer the positions.
_LIVES = f"""
SELECT {COLUMNS} FROM unnest($2::uuid[]) WITH ORDINALITY AS born (id, nth)
CROSS JOIN LATERAL (
  SELECT e.* FROM eventstore.event AS e
  WHERE e.log_id = $1 AND e.stream_id = born.id AND e.version BETWEEN 1 AND 2147483647
    AND e.position > $3 AND e.position <= $4
  OFFSET 0
) AS life
ORDER BY nth, version
"""  # noqa: S608 -- a constant of ours


class HistoryHasGaps(PulseOpsError):
    """History lacks events."""

    code = "history-has-gaps"


class Retelling:
    """What was told so far. `untold` are streams that cannot be folded, and why."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        refolds: Sequence[Refold],
        codec: Codec,
        *,
        log_id: int,
        up_to: int,
    ) -> None:
        self._connection, self._codec, self.log_id, self.up_to = connection, codec, log_id, up_to
        self._models = [_Model(one, log_id) for one in refolds]
        self._kinds = list({fact.type for one in refolds for fact in one.facts})
        self._wanted = self._told = 0
        self.untold: dict[UUID, str] = {}

    @property
    def stray(self) -> int:
        """Events that no stream told which began as it should."""
        return self._wanted - self._told

    async def tell(self, after: int, to: int) -> None:
        """The lives that began after `after` up to `to`, whole. Raises HistoryHasGaps."""
        events, wanted, born = await self._connection.fetchrow(_WINDOW, self.log_id, after, to, self._kinds)
        if events != to - after:
            raise HistoryHasGaps(
                f"History has {events} events after position {after} up to {to}, where it had {to - after}. "
                "`pulseops audit verify` names the first that is missing."
            )
        self._wanted += wanted
        async with self._connection.transaction():
            async for life in self._lives(born or [], after):
                self._tell_one(life)
                for model in self._models:
                    if len(model.waiting) > _MANY:
                        await model.write(self._connection)
            for model in self._models:
                await model.write(self._connection)

    async def _lives(self, born: Sequence[UUID], after: int) -> AsyncIterator[list[asyncpg.Record]]:
        rows = list[asyncpg.Record]()
        async for row in self._connection.cursor(
            _LIVES, self.log_id, born, after, self.up_to, prefetch=_AHEAD
        ):
            if rows and rows[0]["stream_id"] != row["stream_id"]:
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    def _tell_one(self, rows: Sequence[asyncpg.Record]) -> None:
        self._told += sum(row["type"] in self._kinds for row in rows)
        kind = rows[0]["type"]
        try:
            life = self._life(rows)
            told = [(model, model.rows_of(life)) for model in self._models if kind in model.kinds]
        except Exception as error:  # noqa: BLE001 -- told with the result; deciders never wrote such a stream
            first, last = rows[0]["position"], rows[-1]["position"]
            self.untold[rows[0]["stream_id"]] = f"at positions {first} to {last}: {str(error) or repr(error)}"
            return
        for model, made in told:
            model.add(made)

    def _life(self, rows: Sequence[asyncpg.Record]) -> Life:
        for version, row in enumerate(rows, start=1):
            if row["version"] != version:
                raise HistoryHasGaps(f"Its version {version} is missing.")
        return Life([self._codec.decode(row) for row in rows], [row["data"] for row in rows])

    def ended(self) -> list[tuple[int, str]]:
        """Of each read model how many rows there are, and their digest."""
        return [(model.rows, f"sha256:{model.hash.hexdigest()}") for model in self._models]


class _Model:
    def __init__(self, refold: Refold, log_id: int) -> None:
        self.refold, self.table, self._log_id = refold, table_of(refold), log_id
        self.kinds = {fact.type for fact in refold.facts}
        self.hash, self.rows = sha256(), 0
        self.waiting = list[list[Any]]()
        self._columns = [column.name for column in self.table.columns if column.name != "log_id"]
        self._limits = limits(self.table)

    def rows_of(self, life: Life) -> Sequence[Row]:
        """Raises ValueError where a column cannot hold what is told, and what the fold raises."""
        rows = list(self.refold.rows(life))
        for name, most in self._limits.items():
            if any(not -most <= (row[name] or 0) < most for row in rows):
                raise ValueError(f"{name} is more than a column holds")
        return rows

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.hash.update(canonical(msgspec.json.encode(row).decode()) + b"\n")
            self.rows += 1
            self.waiting.append([self._log_id, *(_stored(row[name]) for name in self._columns)])

    async def write(self, connection: asyncpg.Connection) -> None:
        if self.waiting:
            await connection.copy_records_to_table(
                self.table.name,
                schema_name="replay",
                columns=["log_id", *self._columns],
                records=self.waiting,
            )
            self.waiting.clear()


def _stored(value: Any) -> Any:
    return bytes(value).decode() if isinstance(value, Raw) else value
