"""What docs/scaling.md relies on: a log can be taken out of the database along its number alone."""

from pathlib import Path

import asyncpg

from tests.integration.appending import append, request

# Unique keys that do not begin with log_id hold over all logs. Each stands in the document with its reason.
_OVER_ALL_LOGS = {
    ("eventstore.log", "name"): "it is the list of logs",
    ("access.api_key", "key_id"): "a caller shows a key and no log: the key leads to it",
    ("eventstore.generation", "name"): "a generation of a read model holds all logs",
    ("eventstore.generation", "name, generation"): "a generation of a read model holds all logs",
    ("eventstore.worker", "worker_id"): "a worker leads every log",
    ("eventstore.alembic_version", "version_num"): "the schema is that of the database",
    ("eventstore.compatible", "revision"): "the schema is that of the database",
}
_KEYS = """
SELECT i.indrelid::regclass::text AS table, array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indisunique
  AND c.relnamespace::regnamespace::text = ANY ('{eventstore,incidents,escalation,access,catalog,audit}')
GROUP BY i.indexrelid, i.indrelid
"""
_FOREIGN = "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
_LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_every_unique_key_begins_with_the_log_or_says_why_not(admin: asyncpg.Connection) -> None:
    keys = [(row["table"], row["columns"]) for row in await admin.fetch(_KEYS)]
    assert len(keys) > 10
    others = {(table, ", ".join(columns)) for table, columns in keys if columns[0] != "log_id"}
    assert others == set(_OVER_ALL_LOGS)


async def test_nothing_refers_from_one_log_to_another(admin: asyncpg.Connection) -> None:
    assert await admin.fetchval(_FOREIGN) == 0


async def test_an_append_takes_no_lock_that_all_logs_share(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    async with app.transaction():
        await append(app, request())
        assert await admin.fetchval(_LOCKS) == 0


def test_the_document_names_each_key_that_holds_over_all_logs() -> None:
    told = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    assert [table for table, _ in _OVER_ALL_LOGS if f"`{table}`" not in told] == []
