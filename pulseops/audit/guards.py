"""Whether what guards history in the database is what this version put there.

Whoever owns the tables may take the guards away. What they change then is found by the tree; that they did is
found here, as long as they have not put everything back.
"""

import re
from collections.abc import Iterator, Mapping

import asyncpg

from pulseops.db.objects import OBJECTS, PACKAGE

_FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION eventstore\.(\w+)\(.*?\nAS \$\$(.*?)\$\$;", re.DOTALL)
_WRITTEN = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace"
# As eventstore/sql/event_is_immutable.sql puts them there. pg_trigger.tgtype: row 1, before 2, delete 8,
# update 16, truncate 32.
_OPEN = """
SELECT t.relid::regclass::text FROM pg_partition_tree('eventstore.event') AS t
WHERE 2 > (
  SELECT count(*) FROM pg_trigger AS g
  WHERE g.tgrelid = t.relid AND g.tgenabled = 'A' AND g.tgqual IS NULL AND g.tgattr = ''
    AND g.tgfoid = 'eventstore.refuse_change_v1()'::regprocedure
    AND (g.tgname, g.tgtype) IN (('refuse_change', 27), ('refuse_truncate', 34))
)
ORDER BY 1
"""
_FOREIGN = """
SELECT g.tgname || ' on ' || t.relid::regclass AS name FROM pg_partition_tree('eventstore.event') AS t
JOIN pg_trigger AS g ON g.tgrelid = t.relid
WHERE NOT g.tgisinternal AND g.tgname NOT IN ('refuse_change', 'refuse_truncate')
UNION ALL
SELECT r.rulename || ' on ' || t.relid::regclass FROM pg_partition_tree('eventstore.event') AS t
JOIN pg_rewrite AS r ON r.ev_class = t.relid
ORDER BY 1
"""


async def weakened(connection: asyncpg.Connection) -> list[str]:
    """What is not as this version made it, in a database of its own schema."""
    there = {row["proname"]: row["prosrc"] for row in await connection.fetch(_WRITTEN)}
    found = [f"eventstore.{name} is another function" for name in _others(there)]
    found += [f"{row[0]} may be changed: its triggers are off" for row in await connection.fetch(_OPEN)]
    found += [f"somebody's own {row[0]}" for row in await connection.fetch(_FOREIGN)]
    return found


def _others(there: Mapping[str, str]) -> Iterator[str]:
    for name in OBJECTS:
        if name.startswith("eventstore/sql/"):
            for function, body in _FUNCTION.findall((PACKAGE / name).read_text(encoding="utf-8")):
                if there.get(function) != body:
                    yield function
