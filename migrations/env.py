"""How revisions are run: in one transaction under a lock, as the owner, followed by every `.sql` object.

Online over asyncpg (`config.attributes["connection"]` may hand a connection in), or offline with `--sql`.
"""

import asyncio
import os
from logging.config import fileConfig
from typing import Any

import asyncpg
from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Text, column, delete, insert, table
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import pulseops.access.tables
import pulseops.audit.tables
import pulseops.catalog.tables
import pulseops.escalation.tables
import pulseops.eventstore.tables
import pulseops.incidents.tables
import pulseops.projections.tables
import pulseops.subscriptions.tables  # noqa: F401  (fills the metadata)
from pulseops.db import objects
from pulseops.db.durability import require_durability
from pulseops.db.metadata import metadata
from pulseops.settings import Settings

_COMPATIBLE = table("compatible", column("revision", Text), schema="eventstore")


def as_stored() -> MetaData:
    """The tables of a new database: one that has generations is a view there, and its first table is _1."""
    stored = MetaData(naming_convention=metadata.naming_convention)
    for named in metadata.tables.values():
        if not named.info.get("generations"):
            named.to_metadata(stored)
            continue
        first = named.to_metadata(stored, name=f"{named.name}_1")
        first.comment = f"Generation 1 of {named.fullname}, which is what to read."
        for index in first.indexes:
            index.name = str(index.name).replace(named.name, first.name, 1)
    return stored


def include_name(name: str | None, kind: str, parents: dict[str, Any]) -> bool:
    """The rooms' schemas; partitions are the log's own business (ensure_partitions_v1).

    `compatible` is the migrations' own, as their version table is: it is there at every revision.
    """
    if kind == "schema":
        return name in {table.schema for table in metadata.tables.values()}
    if kind == "table" and parents["schema_name"] == "eventstore":
        return name != _COMPATIBLE.name and not (name or "").startswith("event_p")
    return True


def configure(**options: Any) -> None:
    context.configure(
        target_metadata=as_stored(),
        version_table_schema="eventstore",
        include_schemas=True,
        include_name=include_name,
        **options,
    )


def destination() -> str | None:
    """The revision aimed at (`head` for the last one, None for base), or "" when nothing is to change."""
    try:
        aim = context.get_revision_argument()
    except KeyError:
        return ""
    revision = aim[0] if isinstance(aim, tuple) and aim else aim
    if not revision:
        return None
    return "head" if revision == context.get_head_revision() else str(revision)


def goes_down(migration: MigrationContext, aim: str | None) -> bool:
    current = migration.get_current_heads()
    if aim is None:
        return bool(current)
    below = {script.revision for script in context.script.iterate_revisions(current, "base")} - set(current)
    return aim in below


def note_compatible(migration: MigrationContext, aim: str) -> None:
    """Whose code may run on the schema that was reached: from the `oldest_code` of its revision on."""
    reached = aim if migration.as_sql else str(migration.get_current_revision())
    script = context.script.get_revision(reached)
    oldest = getattr(script.module, "oldest_code", script.revision)
    runs = context.script.iterate_revisions(script.revision, oldest, inclusive=True)
    migration.impl.execute(delete(_COMPATIBLE))
    for one in runs:
        migration.impl.execute(insert(_COMPATIBLE).values(revision=one.revision))


def run() -> None:
    migration = context.get_context()
    aim = destination()
    with context.begin_transaction():
        if aim != "":
            objects.apply(migration, objects.BEFORE)
        if goes_down(migration, aim):
            objects.apply(migration, objects.BEFORE_DOWNGRADE)
        context.run_migrations()
        if aim == "head":
            objects.apply(migration, objects.OBJECTS)
        if aim is None:
            objects.apply(migration, objects.AFTER_BASE)
        elif aim != "":
            note_compatible(migration, aim)


def run_online(connection: Connection) -> None:
    configure(connection=connection)
    run()


async def connect_and_run(url: str, *, allow_unsafe: bool) -> None:
    if destination() != "":
        probe = await asyncpg.connect(url)
        await require_durability(probe, allow_unsafe=allow_unsafe)
        await probe.close()
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(run_online)
    await engine.dispose()


if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    configure(url="postgresql+asyncpg://", literal_binds=True)
    run()
elif (given := context.config.attributes.get("connection")) is not None:
    run_online(given)
elif url := (settings := Settings.from_environment(os.environ)).migrates_at:
    asyncio.run(connect_and_run(url, allow_unsafe=settings.allow_unsafe_durability))
else:
    raise SystemExit("Set PULSEOPS_DATABASE_URL to the database to migrate, or print the SQL with --sql.")
