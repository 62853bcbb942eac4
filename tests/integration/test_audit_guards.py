"""Who takes away what guards history, and what `pulseops doctor` then calls by its name."""

import asyncpg
import pytest

from pulseops.audit.guards import weakened
from pulseops.db.migrate import migrate
from tests.conftest import Database
from tests.integration.attacking import DEAF, LENIENT, OFF, ROLES, attacked

_TRIGGER = """
CREATE TRIGGER quietly BEFORE INSERT ON {0}
FOR EACH ROW EXECUTE FUNCTION eventstore.refuse_change_v1()
"""
_BACK_DOOR = """
CREATE FUNCTION {0}.helper(p_what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN EXECUTE p_what; END'
"""
# The body that is right stays under the name, for whoever asks for that alone.
_BESIDE = f"""
DO $do$
DECLARE
  v_body text := (SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = to_regproc('eventstore.append_v2'));
BEGIN
  {DEAF};
  EXECUTE format(
    'CREATE FUNCTION eventstore.append_v2(p_log smallint, p_batch json) RETURNS SETOF record '
    'LANGUAGE plpgsql AS %L', v_body);
END
$do$
"""
_VIEW = """
ALTER TABLE eventstore.event RENAME TO real;
CREATE VIEW eventstore.event AS SELECT * FROM eventstore.real WHERE position <> 5;
GRANT SELECT ON eventstore.event TO pulseops_app
"""
_MORE = """
CREATE TABLE public.more (LIKE eventstore.event INCLUDING ALL);
ALTER TABLE eventstore.event ATTACH PARTITION public.more FOR VALUES FROM (1000000000000) TO (1000000000001)
"""
_PART = "eventstore.event_p0000"
_CATALOG = "SET LOCAL allow_system_table_mods = on"

FOUND: dict[str, tuple[str, str]] = {
    "triggers are off": (OFF, f"{_PART} may be changed"),
    "triggers fire for nobody in replica mode": (
        f"ALTER TABLE {_PART} ENABLE TRIGGER refuse_truncate",
        f"{_PART} may be changed",
    ),
    "the guard is another": (LENIENT, "eventstore.refuse_change_v1 is another"),
    "the append is another": (DEAF, "eventstore.append_v2 is another"),
    "the append is another, and the right one stands beside it": (_BESIDE, "eventstore.append_v2"),
    "the append finds other functions first": (
        "ALTER FUNCTION eventstore.append_v2(smallint, jsonb) SET search_path = incidents, pg_catalog",
        "eventstore.append_v2 is another",
    ),
    "the append runs with the rights of who calls it": (
        "ALTER FUNCTION eventstore.append_v2(smallint, jsonb) SECURITY INVOKER",
        "eventstore.append_v2 is another",
    ),
    "the append is gone": (
        "DROP FUNCTION eventstore.append_v2(smallint, jsonb)",
        "eventstore.append_v2 is another",
    ),
    "a back door": (_BACK_DOOR.format("eventstore"), "somebody's own function eventstore.helper"),
    "something changes what is added": (_TRIGGER.format(_PART), f"somebody's own quietly on {_PART}"),
    "something changes where streams stand": (
        _TRIGGER.format("eventstore.stream"),
        "somebody's own quietly on eventstore.stream",
    ),
    "something changes what is sealed": (
        _TRIGGER.format("audit.tile"),
        "somebody's own quietly on audit.tile",
    ),
    "something takes what is added": (
        f"CREATE RULE silently AS ON INSERT TO {_PART} DO INSTEAD NOTHING",
        f"somebody's own silently on {_PART}",
    ),
    "a view stands in place of history": (_VIEW, "eventstore.event is no table"),
    "rows are hidden": (
        "ALTER TABLE eventstore.event ENABLE ROW LEVEL SECURITY",
        "eventstore.event hides rows",
    ),
    "a policy waits to hide rows": (
        f"CREATE POLICY blind ON {_PART} USING (position <> 5)",
        f"{_PART} hides rows",
    ),
    "the application may change history": (
        "GRANT DELETE ON eventstore.event TO pulseops_app",
        "eventstore.event may be written by pulseops_app",
    ),
    "the application may write one column": (
        f"GRANT UPDATE (data) ON {_PART} TO pulseops_app",
        f"{_PART} may be written by pulseops_app",
    ),
    "everybody may set streams back": (
        "GRANT UPDATE ON eventstore.stream TO PUBLIC",
        "eventstore.stream may be written by everybody",
    ),
    "analysts may seal": (
        "GRANT INSERT ON audit.tile TO pulseops_analyst",
        "audit.tile may be written by pulseops_analyst",
    ),
    "a position may be taken twice": (
        "ALTER TABLE eventstore.event DROP CONSTRAINT event_pkey",
        f"{_PART} may hold two events in one place",
    ),
    "a version may be taken twice": (
        f"ALTER TABLE {_PART} DROP CONSTRAINT event_p0000_version_key",
        f"{_PART} may hold two events in one place",
    ),
    "a table of streams beside the one": (
        "CREATE TABLE eventstore.more () INHERITS (eventstore.stream)",
        "eventstore.more adds rows to eventstore.stream",
    ),
    "a part of history is of somebody else": (
        _MORE,
        "more may be changed",
    ),
}
"""What somebody does who owns the tables, and what is told of it."""

OF_A_SUPERUSER: dict[str, tuple[str, str]] = {
    "the application owns the tables": (
        "GRANT pulseops_owner TO pulseops_app",
        "pulseops_app has the rights of pulseops_owner",
    ),
    "the application is a superuser": ("ALTER ROLE pulseops_app SUPERUSER", "pulseops_app is a superuser"),
    "a back door in another room": (
        f"{_BACK_DOOR.format('incidents')}; ALTER FUNCTION incidents.helper(text) OWNER TO pulseops_owner",
        "somebody's own function incidents.helper",
    ),
    "triggers are there and do not fire": (
        f"{_CATALOG}; UPDATE pg_class SET relhastriggers = false WHERE oid = '{_PART}'::regclass",
        f"{_PART} may be changed",
    ),
    "the tree is somebody else's": ("ALTER TABLE audit.tile OWNER TO pulseops_app", "audit.tile is somebody"),
}


@pytest.fixture
async def there(database: Database, admin: asyncpg.Connection) -> asyncpg.Connection:
    await migrate(database.admin_url)  # a copied database has lost what is revoked from PUBLIC
    await admin.execute("GRANT CREATE ON SCHEMA public TO pulseops_owner")
    return admin


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_put_in_place_of_a_guard_is_found_by_the_doctor(
    there: asyncpg.Connection, role: str
) -> None:
    assert await weakened(there) == []
    attacks = FOUND | (OF_A_SUPERUSER if role == "postgres" else {})
    amiss = {}
    for name, (attack, words) in attacks.items():
        async with attacked(there, attack, role=role) as seen:
            found = await weakened(seen)
        if not any(words in one for one in found):
            amiss[name] = found
    assert amiss == {}
    assert await weakened(there) == []
