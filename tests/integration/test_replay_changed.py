"""Whatever somebody with all rights does to a row: a replay names it, the column, and what it should be."""

import asyncpg

from pulseops.archive.replaying import replay
from pulseops.wiring import CODEC, REFOLDS
from tests.conftest import Database
from tests.integration.importing import lived, worked_off
from tests.serving import Api

TABLES = (
    "incidents.incident_1",
    "incidents.timeline_1",
    "incidents.response_1",
    "incidents.stint_1",
    "catalog.team_1",
    "catalog.service_1",
)
LIVED = "kind = 'live' AND incident_id = '{over}'"
RESOLVED = "event = 'RESOLVED' AND details ->> 'cause' = 'a fuse'"
AS_ANOTHER = """
INSERT INTO incidents.incident_1 SELECT (jsonb_populate_record(i, jsonb_build_object(
  'id', '00000000-0000-0000-0000-000000000001', 'created_position', 1, 'position', {at}
))).* FROM incidents.incident_1 AS i WHERE title = 'It is held'
"""
LYING_VIEW = """
CREATE OR REPLACE VIEW catalog.service AS SELECT log_id, name, id, {team} AS team, display_name, description,
  tier, repository, runbooks, dashboards, links, labels, environments, updated_at, updated_by, retired_at,
  version, position
FROM catalog.service_1
"""

CHANGES = (
    (
        "UPDATE incidents.incident_1 SET status = 'resolved' WHERE title = 'It is held'",
        "incident: id {held}: status should be open, and is resolved",
    ),
    (
        """UPDATE incidents.incident_1 SET labels = '{"a": "b"}' WHERE title = 'It is over'""",
        'incident: id {over}: labels should be {{}}, and is {{"a":"b"}}',
    ),
    (
        "UPDATE incidents.incident_1 SET customers_affected = 0 WHERE title = 'It is over'",
        "incident: id {over}: customers_affected should be null, and is 0",
    ),
    # As if it had gone on since.
    (
        """UPDATE incidents.incident_1 SET resolved_by = 'key:nobody', position = position + 1000, version = 9
        WHERE title = 'It is over'""",
        "incident: id {over}: resolved_by should be key:admin, and is key:nobody",
    ),
    (
        "DELETE FROM incidents.incident_1 WHERE title = 'It is held'",
        "incident: id {held}: the row should be there, and is none",
    ),
    (
        AS_ANOTHER.format(at=9),
        "incident: id 00000000-0000-0000-0000-000000000001: the row should be none, and is there",
    ),
    # As if it had begun since.
    (
        AS_ANOTHER.format(at=999),
        "incident: id 00000000-0000-0000-0000-000000000001: the row should be none, and is there",
    ),
    (
        f"UPDATE incidents.timeline_1 SET actor = 'key:nobody' WHERE {RESOLVED}",
        "timeline: incident_id {over}, version 4: actor should be key:admin, and is key:nobody",
    ),
    (
        f"""UPDATE incidents.timeline_1 SET details = details || '{{"cause": "a mouse"}}' WHERE {RESOLVED}""",
        'timeline: incident_id {over}, version 4: details should be {{"cause":"a fuse"',
    ),
    (
        f"DELETE FROM incidents.timeline_1 WHERE {RESOLVED}",
        "timeline: incident_id {over}, version 4: the row should be there, and is none",
    ),
    (
        "UPDATE incidents.response_1 SET answered_at = '2026-01-01Z' WHERE incident_id = '{over}'",
        "response: incident_id {over}: answered_at should be 2",
    ),
    (
        "UPDATE incidents.response_1 SET escalations = 7 WHERE incident_id = '{over}'",
        "response: incident_id {over}: escalations should be 0, and is 7",
    ),
    (
        f"DELETE FROM incidents.stint_1 WHERE {LIVED}",
        "stint: incident_id {over}, version 1: the row should be there, and is none",
    ),
    (
        f"UPDATE incidents.stint_1 SET ended_by = 'key:nobody' WHERE {LIVED}",
        "stint: incident_id {over}, version 1: ended_by should be key:admin, and is key:nobody",
    ),
    # As if it had not ended, and as if it had.
    (
        f"UPDATE incidents.stint_1 SET (until_at, ended, ended_by) = (NULL, NULL, NULL) WHERE {LIVED}",
        "stint: incident_id {over}, version 1: until_at should be 2",
    ),
    (
        """UPDATE incidents.stint_1 SET (until_at, ended) = (from_at, 'RESOLVED')
        WHERE incident_id = '{held}' AND kind = 'live'""",
        "stint: incident_id {held}, version 1: until_at should be null, and is 2",
    ),
    (
        "UPDATE catalog.team_1 SET display_name = 'Others'",
        "team: name payments: display_name should be Payments, and is Others",
    ),
    (
        "UPDATE catalog.service_1 SET team = 'others'",
        "service: name checkout: team should be payments, and is others",
    ),
    (LYING_VIEW.format(team="'mine'"), "service: name checkout: team should be payments, and is mine"),
)


async def test_nobody_finds_other_words_that_pass_for_those_that_history_has(
    api: Api, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    """PostgreSQL's hashes are for tables of hashes: whoever wants two that are the same, makes them."""
    said, made_up = "Leaked huzwkWxhpuq mvrrA", "Is safevzykye-cv GqBI ck"
    same = "SELECT hashtextextended($1::text, 0) = hashtextextended($2::text, 0)"
    assert await admin.fetchval(same, said, made_up)
    await api.post("/incident", json={"title": said})
    await worked_off(database.app_url)
    assert (await replay(pool, REFOLDS, CODEC)).same
    await admin.execute("UPDATE incidents.incident_1 SET title = $1", made_up)
    [found] = [one for one in (await replay(pool, REFOLDS, CODEC)).models if one.differing]
    assert str(found.first).endswith(f"title should be {said}, and is {made_up}")


async def test_a_row_that_was_changed_by_hand_is_named_with_its_column(
    api: Api, pool: asyncpg.Pool, admin: asyncpg.Connection, database: Database
) -> None:
    made = await lived(api)
    await worked_off(database.app_url)
    for table in TABLES:
        await admin.execute(f"CREATE TABLE public.{table.partition('.')[2]} AS TABLE {table}")
    for change, told in CHANGES:
        await admin.execute(change.replace("{held}", str(made["held"])).replace("{over}", str(made["over"])))
        found = await replay(pool, REFOLDS, CODEC)
        differing = [one for one in found.models if one.differing]
        assert [one.differing for one in differing] == [1], change
        assert f"{differing[0].name}: {differing[0].first}".startswith(told.format(**made)), change
        assert not found.same
        for table in TABLES:
            await admin.execute(f"TRUNCATE {table}")
            await admin.execute(f"INSERT INTO {table} TABLE public.{table.partition('.')[2]}")
        await admin.execute(LYING_VIEW.format(team="team"))
    assert (await replay(pool, REFOLDS, CODEC)).same
