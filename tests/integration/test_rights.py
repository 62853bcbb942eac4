"""What docs/tables.md says of the roles is what the database lets them do."""

import asyncpg

from docs.generate import granted
from pulseops.db.metadata import metadata

# Of a table as a whole, or of single columns; partitions are reached through their parent. What has
# generations is a view, and its tables are nobody's business but the application's.
_RIGHTS = """
SELECT c.oid::regclass::text AS table, r.rolname AS role, p.right,
  has_table_privilege(r.oid, c.oid, p.right) AS whole,
  ARRAY(
    SELECT a.attname::text FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND p.right NOT IN ('DELETE', 'TRUNCATE') AND has_column_privilege(r.oid, c.oid, a.attnum, p.right)
  ) AS columns
FROM pg_class c, pg_roles r, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p ("right")
WHERE c.relnamespace::regnamespace::text
  = ANY ('{eventstore,incidents,escalation,access,catalog,audit,analytics}')
  AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
  AND c.relname NOT IN ('alembic_version', 'compatible')
  AND r.rolname IN ('pulseops_app', 'pulseops_analyst')
"""


async def test_each_role_may_do_what_the_documents_say_and_nothing_else(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(_RIGHTS)
    held: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        single = {f"{row['right']} ({column})" for column in row["columns"]}
        held.setdefault((row["table"], row["role"]), set()).update({row["right"]} if row["whole"] else single)
    generations = {f"{table.fullname}_1" for table in metadata.tables.values() if table.info}
    views = {table for table, _ in granted() if table.startswith("analytics.")}
    assert {table for table, _ in held} == set(metadata.tables) | generations | views
    for table in generations:
        assert not held.pop((table, "pulseops_analyst"))
        assert held.pop((table, "pulseops_app")) == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert {key: rights for key, rights in held.items() if rights} == {
        key: rights for key, rights in granted().items() if rights
    }
