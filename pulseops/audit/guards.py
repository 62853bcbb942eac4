"""Whether what guards history in the database is what this version put there.

Whoever owns the tables may take the guards away. What they change then is found by the tree; that they did is
found here, as long as they have not put everything back.
"""

import re
from collections.abc import Iterator, Sequence

import asyncpg
from msgspec import Struct

from pulseops.db.objects import OBJECTS, PACKAGE

_FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION (\w+\.\w+)\((.*?)\nAS \$\$(.*?)\$\$;", re.DOTALL)
_SETTING = re.compile(r"\bSET (\w+) = '?([^\n']+?)'?(?= SET |\n|$)")

# All of the log's schema, and elsewhere what runs with the rights of the tables' owner.
_WRITTEN = """
SELECT n.nspname || '.' || p.proname AS name, p.prosrc AS body, p.prosecdef AS definer, l.lanname AS language,
  coalesce(p.proconfig, '{}') AS settings, p.proowner = 'pulseops_owner'::regrole AS owned
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname = 'eventstore' OR (p.prosecdef AND p.proowner = 'pulseops_owner'::regrole)
ORDER BY 1
"""
# As eventstore/sql/event_is_immutable.sql puts them there. pg_trigger.tgtype: row 1, before 2, delete 8,
# update 16, truncate 32.
_OPEN = """
SELECT t.relid::regclass::text FROM pg_partition_tree(to_regclass('eventstore.event')) AS t
JOIN pg_class AS c ON c.oid = t.relid
WHERE NOT c.relhastriggers OR 2 > (
  SELECT count(*) FROM pg_trigger AS g
  WHERE g.tgrelid = t.relid AND g.tgenabled = 'A' AND g.tgqual IS NULL AND g.tgattr = ''
    AND g.tgfoid = to_regproc('eventstore.refuse_change_v1')
    AND (g.tgname, g.tgtype) IN (('refuse_change', 27), ('refuse_truncate', 34))
)
ORDER BY 1
"""
# What history stands in, and what it is proved by: the former is written by functions alone.
_STRANGE = """
WITH held AS (
  SELECT c.oid, c.relkind, c.relowner, c.relrowsecurity, c.relacl, n.nspname <> 'audit' AS history,
    n.nspname || '.' || c.relname AS name,
    c.oid IN (SELECT t.relid FROM pg_partition_tree(to_regclass('eventstore.event')) AS t) AS of_events
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.oid IN (SELECT t.relid FROM pg_partition_tree(to_regclass('eventstore.event')) AS t)
    OR (n.nspname = 'eventstore' AND c.relname IN ('event', 'log', 'stream', 'command', 'claim'))
    OR (n.nspname = 'audit' AND c.relkind <> 'i')
), rights AS (
  SELECT h.oid, a.grantee, a.privilege_type FROM held AS h, aclexplode(h.relacl) AS a
  UNION
  SELECT h.oid, a.grantee, a.privilege_type
  FROM held AS h JOIN pg_attribute AS t ON t.attrelid = h.oid, aclexplode(t.attacl) AS a
)
SELECT 'somebody''s own ' || g.tgname || ' on ' || h.oid::regclass AS told
FROM held AS h JOIN pg_trigger AS g ON g.tgrelid = h.oid
WHERE NOT g.tgisinternal AND NOT (h.of_events AND g.tgname IN ('refuse_change', 'refuse_truncate'))
UNION ALL
SELECT 'somebody''s own ' || r.rulename || ' on ' || h.oid::regclass
FROM held AS h JOIN pg_rewrite AS r ON r.ev_class = h.oid
UNION ALL
SELECT i.inhrelid::regclass || ' adds rows to ' || h.name
FROM held AS h JOIN pg_inherits AS i ON i.inhparent = h.oid
WHERE NOT h.of_events
UNION ALL
SELECT h.name || ' is no table' FROM held AS h WHERE h.relkind NOT IN ('r', 'p')
UNION ALL
SELECT h.name || ' is somebody else''s' FROM held AS h WHERE h.relowner <> 'pulseops_owner'::regrole
UNION ALL
SELECT h.name || ' hides rows from some' FROM held AS h
WHERE h.relrowsecurity OR EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = h.oid)
UNION ALL
SELECT h.name || ' may be written by ' ||
  CASE WHEN r.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(r.grantee) END
FROM held AS h JOIN rights AS r ON r.oid = h.oid AND r.privilege_type NOT IN ('SELECT', 'MAINTAIN')
WHERE r.grantee <> 'pulseops_owner'::regrole AND (h.history OR r.grantee <> 'pulseops_app'::regrole)
GROUP BY 1
UNION ALL
SELECT h.name || ' may hold two events in one place' FROM held AS h
WHERE h.of_events AND h.relkind = 'r' AND 2 > (
    SELECT count(DISTINCT k.columns) FROM pg_index AS i, LATERAL (
      SELECT string_agg(a.attname, ' ' ORDER BY a.attname) AS columns FROM pg_attribute AS a
      WHERE a.attrelid = h.oid AND a.attnum = ANY (i.indkey)
    ) AS k
    WHERE i.indrelid = h.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND k.columns IN ('log_id position', 'log_id stream_id version')
  )
UNION ALL
SELECT a.rolname || ' has the rights of ' || o.rolname FROM pg_roles AS a, pg_roles AS o
WHERE a.rolname IN ('pulseops_app', 'pulseops_analyst') AND a.oid <> o.oid
  AND (o.rolname = 'pulseops_owner' OR o.rolsuper) AND pg_has_role(a.oid, o.oid, 'MEMBER') AND NOT a.rolsuper
UNION ALL
SELECT a.rolname || ' is a superuser' FROM pg_roles AS a
WHERE a.rolname IN ('pulseops_app', 'pulseops_analyst', 'pulseops_owner') AND a.rolsuper
ORDER BY 1
"""


class _Function(Struct, frozen=True):
    """What it does, and with whose rights and which settings: with others a body does something else."""

    body: str
    definer: bool
    language: str
    settings: Sequence[str]


async def weakened(connection: asyncpg.Connection) -> list[str]:
    """What is not as this version made it, in a database of its own schema."""
    ours = dict(_ours())
    expected, found = {name for name in ours if name.startswith("eventstore.")}, list[str]()
    seen = set[str]()
    for row in await connection.fetch(_WRITTEN):
        name, settings = row["name"], sorted(row["settings"])
        there = _Function(row["body"], row["definer"], row["language"], settings)
        if name not in ours or name in seen:
            found.append(f"somebody's own function {name}")
        elif there != ours[name] or not row["owned"]:
            found.append(f"{name} is another function")
        seen.add(name)
    found += [f"{name} is another function: it is gone" for name in sorted(expected - seen)]
    found += [f"{row[0]} may be changed: its triggers are off" for row in await connection.fetch(_OPEN)]
    found += [row["told"] for row in await connection.fetch(_STRANGE)]
    return found


def _ours() -> Iterator[tuple[str, _Function]]:
    for name in OBJECTS:
        for function, head, body in _FUNCTION.findall((PACKAGE / name).read_text(encoding="utf-8")):
            [language] = re.findall(r"\bLANGUAGE (\w+)", head)
            settings = sorted("=".join(one) for one in _SETTING.findall(head))
            yield function, _Function(body, "SECURITY DEFINER" in head, language, settings)
