"""Generations of read models: same shape, one of them read, and no way to read or drop the wrong one."""

import asyncpg
import pytest

from pulseops.db.metadata import metadata
from pulseops.eventstore.directory import create_log
from pulseops.incidents import board, timeline
from pulseops.incidents.board import BOARD
from pulseops.incidents.listing import list_incidents
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.clock import utc_now
from pulseops.projections.generations import NoSuchGeneration, ReadModel, drop_generation, generations
from pulseops.subscriptions.slices import Slice
from tests.conftest import Database
from tests.histories import report
from tests.integration.rebuilding import MODELS, lead, rebuilt, rows

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, col_description(a.attrelid, a.attnum) AS told
FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 ORDER BY a.attnum
"""
_SHAPE = """
SELECT concat_ws(' ', a.attname, a.attnotnull, a.attstorage, col_description(a.attrelid, a.attnum))
FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0
UNION ALL SELECT replace(pg_get_indexdef(i.indexrelid), $2, '')
  FROM pg_index i WHERE i.indrelid = $1::regclass
UNION ALL SELECT replace(concat_ws(' ', o.conname, pg_get_constraintdef(o.oid)), $2, '')
  FROM pg_constraint o WHERE o.conrelid = $1::regclass
UNION ALL SELECT concat_ws(' ', c.reloptions, c.relacl, c.relowner::regrole)
  FROM pg_class c WHERE c.oid = $1::regclass
ORDER BY 1
"""


async def shape(connection: asyncpg.Connection, table: str) -> list[str]:
    """Columns, keys, indexes, rights and options, without the table's name."""
    return [row[0] for row in await connection.fetch(_SHAPE, f"incidents.{table}", table)]


@pytest.mark.parametrize("name", ["incident", "timeline", "response", "stint"])
async def test_the_view_has_the_columns_that_the_code_knows_and_says_what_they_are(
    admin: asyncpg.Connection, name: str
) -> None:
    known = [(column.name, column.comment) for column in metadata.tables[f"incidents.{name}"].columns]
    for relation in (f"incidents.{name}", f"incidents.{name}_1"):
        found = await admin.fetch(_COLUMNS, relation)
        assert [(row["attname"], row["told"]) for row in found] == known


@pytest.mark.parametrize("model", [board.MODEL, timeline.MODEL], ids=lambda model: model.name)
async def test_a_new_generation_has_the_shape_rights_and_comments_of_the_old(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection, model: ReadModel
) -> None:
    await report(app, 3)
    view = "SELECT obj_description(c.oid, 'pg_class'), c.relacl FROM pg_class c WHERE c.oid = $1::regclass"
    before = await admin.fetchrow(view, f"incidents.{model.name}")
    await rebuilt(database.app_url, model)
    assert await shape(admin, f"{model.name}_2") == await shape(admin, f"{model.name}_1")
    assert await admin.fetchrow(view, f"incidents.{model.name}") == before


async def test_analysts_read_no_generation_themselves(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 3)
    await rebuilt(database.app_url, MODELS[0])
    await admin.execute("SET ROLE pulseops_analyst")
    for number in (1, 2):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.fetch(f"SELECT FROM incidents.incident_{number}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute("SELECT eventstore.switch_generation_v1('incident', 1::smallint)")


async def test_what_is_live_is_not_dropped_and_what_was_is(
    database: Database, app: asyncpg.Connection
) -> None:
    await report(app, 3)
    await rebuilt(database.app_url, MODELS[0])
    for number in (2, 3):
        with pytest.raises(NoSuchGeneration):
            await drop_generation(app, "incident", number)
    await drop_generation(app, "incident", 1)
    assert [(one.generation, one.state, one.events) for one in await generations(app, "incident")] == [
        (2, "live", 3)
    ]
    assert (await rebuilt(database.app_url, MODELS[0])).generation == 3


async def test_the_application_can_switch_to_nothing_that_is_not_ready(app: asyncpg.Connection) -> None:
    number = await app.fetchval("SELECT eventstore.begin_generation_v1('incident')")
    assert await app.fetchval("SELECT eventstore.begin_generation_v1('incident')") == number == 2
    for statement in (
        "SELECT eventstore.switch_generation_v1('incident', 2::smallint)",
        "SELECT eventstore.switch_generation_v1('incident', 1::smallint)",
        "SELECT eventstore.index_generation_v1('incident', 1::smallint)",
    ):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await app.execute(statement)
    with pytest.raises(asyncpg.NoDataFoundError):
        await app.fetchval("SELECT eventstore.begin_generation_v1('incident; DROP TABLE x')")


async def test_processes_of_the_release_before_write_through_the_views_whatever_is_live(
    database: Database, app: asyncpg.Connection
) -> None:
    half, head = await report(app, 4), await report(app, 4)
    for name in ("incident", "timeline"):
        old = f"SELECT incidents.project_{name}_v1(1::smallint, $1, $2)"
        for after, up_to in ((0, half), (0, half)):
            await app.execute(old, after, up_to)
        assert len(await rows(app, f"{name}_1")) == half
    await app.execute(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
        "SELECT 1, name, $1, clock_timestamp() FROM unnest('{incident,timeline}'::text[]) name",
        half,
    )
    for model in (board.MODEL, timeline.MODEL):
        # It comes to the head itself, and brings the live one there.
        assert (await rebuilt(database.app_url, model)).compared == head
        old = f"SELECT incidents.project_{model.name}_v1(1::smallint, $1, $2)"
        later = await report(app, 2)
        await app.execute(old, head, later)
        assert len(await rows(app, f"{model.name}_1")) == head
        new = Slice(log_id=1, after=0, up_to=later, generation=1)
        await model.projector.project(app, new)
        assert await rows(app, model.name) == await rows(app, f"{model.name}_1")
        head = later


async def test_a_subscription_that_begins_writes_the_generation_that_is_live(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 1)
    await rebuilt(database.app_url, MODELS[0])
    assert await create_log(app, "second", now=utc_now()) == 2
    begun = await app.fetchval(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at, generation) "
        "VALUES (2, 'incident', 0, clock_timestamp(), 1), (2, 'deadline', 0, clock_timestamp(), 1) "
        "RETURNING generation"
    )
    assert begun == 2
    found = await app.fetch("SELECT name, generation FROM eventstore.subscription WHERE log_id = 2")
    assert {row["name"]: row["generation"] for row in found} == {"incident": 2, "deadline": 1}


async def test_a_subscription_that_begins_while_a_switch_is_under_way_waits_for_it(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """Held by the switch, the live row is given up to the one that is live afterwards."""
    await app.execute("SELECT eventstore.begin_generation_v1('incident')")
    await app.execute("SELECT eventstore.index_generation_v1('incident', 2::smallint)")
    switch = admin.transaction()
    await switch.start()
    await admin.execute("SELECT eventstore.switch_generation_v1('incident', 2::smallint)")
    await app.execute("SET lock_timeout = '50ms'")
    begin = (
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
        "VALUES (1, 'incident', 0, clock_timestamp()) RETURNING generation"
    )
    with pytest.raises(asyncpg.LockNotAvailableError):
        await app.fetchval(begin)
    await switch.commit()
    assert await app.fetchval(begin) == 2


async def test_pages_are_read_along_the_same_indexes_through_the_view(
    database: Database, app: asyncpg.Connection, pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    head = await report(app, 300)
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=head))
    await TIMELINE.project(app, Slice(log_id=1, after=0, up_to=head))
    await lead(app)
    await rebuilt(database.app_url, MODELS[0])
    for number in (1, 2):
        await admin.execute(f"ANALYZE incidents.incident_{number}")
    page = (
        "EXPLAIN (COSTS off) SELECT * FROM incidents.incident WHERE log_id = 1 AND created_position < 100 "
        "{} ORDER BY created_position DESC LIMIT 10"
    )
    for condition, index in (
        ("", "log_id_created_position_idx"),
        ("AND status NOT IN ('resolved', 'merged')", "unresolved_idx"),
    ):
        plan = [row[0] for row in await admin.fetch(page.format(condition))]
        assert any(f"Index Scan Backward using incident_2_{index}" in line for line in plan), plan
        assert not any("Sort" in line for line in plan)
    assert len((await list_incidents(pool, log_id=1, limit=50)).items) == 50
