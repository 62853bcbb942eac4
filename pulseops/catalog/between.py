"""What changed in the catalog between two moments."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from pulseops.catalog import service, team
from pulseops.catalog.as_of import CODEC, entry_after
from pulseops.catalog.entry import stream_of
from pulseops.catalog.events import TeamDefined
from pulseops.eventstore.differences import AT_A_TIME, Entries, Facts, Named, entries_between
from pulseops.eventstore.moments import Span

_NAMES = """
SELECT c.kind, c.name FROM (
  SELECT 'service' AS kind, s.name FROM catalog.service AS s WHERE s.log_id = $1
  UNION ALL
  SELECT 'team', t.name FROM catalog.team AS t WHERE t.log_id = $1
) AS c
WHERE (c.kind, c.name COLLATE "C") > ($2, $3)
ORDER BY c.kind, c.name COLLATE "C" LIMIT $4
"""


async def catalog_between(
    connection: asyncpg.Connection,
    span: Span,
    *,
    after: tuple[str, str] = ("", ""),
    of: bytes = b"",
    log_id: int,
) -> Entries:
    """Those after the place `after`, by kind and name; the read models must have come to the later moment."""
    rows = await connection.fetch(_NAMES, log_id, *after, AT_A_TIME + 1)
    named = [
        Named(kind=kind, name=name, stream_id=stream_of(kind, name, log_id=log_id)) for kind, name in rows
    ]
    return await entries_between(connection, CODEC, span, named, _told, of=of, log_id=log_id)


def _told(facts: Facts) -> Mapping[str, Any] | None:
    """What is retired is gone."""
    entry = entry_after(facts)
    if entry is None:
        return None
    shown = team.told(entry) if isinstance(entry.value, TeamDefined) else service.told(entry)
    told: dict[str, Any] = msgspec.to_builtins(shown)
    return told
