"""The schema of a database, as text."""

import asyncpg

_SCHEMA = """
WITH room AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'),
relation AS (SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN room r ON r.oid = c.relnamespace)
SELECT concat_ws(' ', 'schema', n.nspname, n.nspacl) FROM pg_namespace n JOIN room USING (oid)
UNION ALL SELECT concat_ws(' ', 'relation', name, relkind, relacl, obj_description(oid)) FROM relation
UNION ALL SELECT concat_ws(' ', 'column', c.name, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
  FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
UNION ALL SELECT concat_ws(' ', 'constraint', c.name, o.conname, pg_get_constraintdef(o.oid))
  FROM relation c JOIN pg_constraint o ON o.conrelid = c.oid
UNION ALL SELECT 'index ' || pg_get_indexdef(oid) FROM relation WHERE relkind = 'i'
UNION ALL SELECT concat_ws(' ', 'trigger', t.tgenabled, pg_get_triggerdef(t.oid))
  FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid
UNION ALL SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid), p.proacl)
  FROM pg_proc p JOIN room r ON r.oid = p.pronamespace WHERE p.prokind <> 'a'
UNION ALL SELECT concat_ws(' ', 'aggregate', a.aggfnoid::regprocedure, a.aggtransfn, a.aggtranstype::regtype,
    a.agginitval, p.proacl)
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN room r ON r.oid = p.pronamespace
UNION ALL SELECT concat_ws(' ', 'default', defaclnamespace::regnamespace, defaclacl) FROM pg_default_acl
ORDER BY 1
"""


async def schema(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(_SCHEMA)]
    finally:
        await connection.close()
