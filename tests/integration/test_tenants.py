"""Two tenants, one installation: nothing of one shows to the other, and neither waits for the other."""

import asyncio

import asyncpg
import pytest

from tests.conftest import Database
from tests.integration.led import follow
from tests.integration.tenants import Tenant, held, tenant
from tests.serving import Api

_PUBLIC = {"/health/live", "/health/ready", "/metrics", "/openapi.json"}
_CANARY = "canary-4b1d"

# Everything that a log has, table by table: all that a request of another tenant must leave as it was.
_TABLES = """
SELECT c.oid::regclass::text AS name FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'log_id'
WHERE c.relnamespace::regnamespace::text
  = ANY ('{eventstore,incidents,escalation,access,catalog,audit,analytics}')
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


@pytest.fixture
async def two(api: Api) -> tuple[Tenant, Tenant]:
    """The first has been there for long and has a history; the second is new."""
    first = Tenant(api, api.token, 1)
    made = [await first.report(f"{_CANARY} {n}", dedupKey=f"{_CANARY}-{n}") for n in range(3)]
    await first.post(f"/incident/{made[-1]['id']}/acknowledge", json={"note": _CANARY})
    await follow(api.app.state.pool, 1)
    return first, await tenant(api, "second")


async def everything(admin: asyncpg.Connection, log_id: int) -> dict[str, list[str]]:
    """Every row of the log, in text."""
    found = {}
    for row in await admin.fetch(_TABLES):
        statement = f"SELECT t::text AS row FROM {row['name']} t WHERE t.log_id = $1 ORDER BY 1"
        found[row["name"]] = [one["row"] for one in await admin.fetch(statement, log_id)]
    return found


async def test_no_route_shows_or_changes_what_belongs_to_another_tenant(
    two: tuple[Tenant, Tenant], admin: asyncpg.Connection
) -> None:
    first, second = two
    theirs = (await first.get("/incidents")).json()["items"][0]
    # Of its own it has what it takes for a request to go through.
    await second.report("ours")
    await follow(second.api.app.state.pool, second.log_id)
    before = await everything(admin, 1)
    assert {"eventstore.event", "eventstore.subscription", "incidents.incident_1"} <= {
        name for name, rows in before.items() if rows
    }
    bodies = {
        "merge": {"into": theirs["id"]},
        "park": {"streamId": theirs["id"]},
        "retry": {"streamId": theirs["id"]},
        "reset": {"position": 0, "confirm": True},
    }
    described = (await second.get("/openapi.json")).json()["paths"]
    for path, operations in described.items():
        # A stream has no end to wait for: its own tests hold it to its log.
        if path in {*_PUBLIC, "/stream"}:
            continue
        url = path.replace("{incident_id}", theirs["id"]).replace("{name}", "deadline")
        for method in operations:
            for headers in ({}, {"if-match": f'"{theirs["version"]}"'}, {"idempotency-key": "k"}):
                asked = operations[method].get("requestBody", {}).get("content", {})
                example = asked.get("application/json", {}).get("example", {})
                given = {"json": bodies.get(path.rpartition("/")[2], example)} if asked else {}
                # What holds two moments against each other has to be told one.
                given |= {"params": {"from": "@0"}} if path.endswith("/diff") else {}
                answer = await second.ask(method.upper(), url, headers=headers, **given)
                assert _CANARY not in answer.text, (method, path)
                assert theirs["id"] not in answer.text.replace(url, ""), (method, path)
                if "incident_id" in path:
                    assert answer.status_code == 404, (method, path)
    assert await everything(admin, 1) == before


async def test_every_list_is_the_callers_own_and_so_is_every_cursor(two: tuple[Tenant, Tenant]) -> None:
    first, second = two
    ours = [await second.report("ours") for _ in range(2)]
    await follow(second.api.app.state.pool, second.log_id)
    for path, key in (("/incidents", "id"), ("/escalations", "incidentId")):
        listed = (await second.get(path)).json()["items"]
        assert {one[key] for one in listed} == {one["id"] for one in ours}, path
        cursor = (await first.get(path, params={"limit": 1})).json()["nextCursor"]
        assert cursor is not None
        assert (await first.get(path, params={"cursor": cursor})).status_code == 200
        refused = await second.get(path, params={"cursor": cursor})
        assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "cursor"), path


async def test_the_same_names_mean_something_else_in_each_log(two: tuple[Tenant, Tenant]) -> None:
    first, second = two
    body = {"title": "ours", "dedupKey": f"{_CANARY}-0"}
    assert (await first.post("/incident", json=body)).json()["deduplicated"]
    made = await second.post("/incident", json=body, headers={"idempotency-key": "k"})
    assert made.status_code == 201
    assert made.headers["x-pulseops-position"] == "3", "each log counts from 1"
    again = await second.post("/incident", json=body, headers={"idempotency-key": "k"})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    other = await first.post("/incident", json={"title": "b"}, headers={"idempotency-key": "k"})
    assert (other.status_code, "idempotency-replayed" in other.headers) == (201, False)


async def test_a_position_is_waited_for_in_the_callers_own_log(two: tuple[Tenant, Tenant]) -> None:
    first, second = two
    for path in ("/incidents", "/escalations"):
        assert (await first.get(path, params={"min_position": 5})).status_code == 200
        assert (await second.get(path, params={"min_position": 5})).json()["code"] == "behind"


async def test_many_at_once_in_three_logs_leave_each_with_its_own_and_no_gaps(
    api: Api, pool: asyncpg.Pool
) -> None:
    tenants = [Tenant(api, api.token, 1), await tenant(api, "second"), await tenant(api, "third")]

    async def act(who: Tenant, number: int) -> str:
        made = await who.report(f"of {who.log_id}", dedupKey=f"key {number}")
        for others in tenants:
            expected = 200 if others is who else 404
            assert (await others.get(f"/incident/{made['id']}")).status_code == expected
        answered = await who.post(f"/incident/{made['id']}/resolve")
        assert answered.json()["resolvedBy"] == ("key:admin" if who.log_id == 1 else "key:client")
        return str(made["id"])

    async with asyncio.TaskGroup() as group:
        acts = [(who, group.create_task(act(who, number))) for number in range(40) for who in tenants]
    for who in tenants:
        rows = await pool.fetch(
            "SELECT position, stream_id, data FROM eventstore.event WHERE log_id = $1 ORDER BY position",
            who.log_id,
        )
        assert [row["position"] for row in rows] == list(range(1, 40 * 4 + 1))
        assert {str(row["stream_id"]) for row in rows} == {
            act.result() for other, act in acts if other is who
        }
        assert {f"of {n}" for n in (1, 2, 3) if f'"of {n}"' in str(rows)} == {f"of {who.log_id}"}


async def test_while_one_log_is_held_the_other_is_written_to(
    two: tuple[Tenant, Tenant], database: Database
) -> None:
    first, second = two
    async with held(database.admin_url, first.log_id):
        waits = asyncio.create_task(first.post("/incident", json={"title": "a"}))
        answers = await asyncio.gather(*(second.post("/incident", json={"title": "b"}) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert not waits.done()
    assert (await waits).status_code == 201


async def test_a_key_to_a_log_is_revoked_like_any_other(two: tuple[Tenant, Tenant]) -> None:
    _, second = two
    pool = second.api.app.state.pool
    await pool.execute("UPDATE access.api_key SET revoked_at = clock_timestamp() WHERE log_id = 2")
    await asyncio.sleep(1)  # the promise itself
    assert (await second.get("/incidents")).status_code == 401


async def test_an_id_leads_to_one_key_and_so_to_one_log(pool: asyncpg.Pool) -> None:
    insert = (
        "INSERT INTO access.api_key (log_id, key_id, name, role, secret_sha256, created_at) "
        "VALUES ($1, 'same', $2, 'admin', '', clock_timestamp())"
    )
    await pool.execute(insert, 1, "a")
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute(insert, 2, "b")


async def test_a_log_is_made_but_never_renamed_or_removed_by_the_application(
    pool: asyncpg.Pool,
) -> None:
    assert await pool.fetchval("SELECT eventstore.create_log_v1('second', clock_timestamp())") == 2
    for attack in (
        "UPDATE eventstore.log SET name = 'other'",
        "DELETE FROM eventstore.log",
        "TRUNCATE eventstore.log",
        "INSERT INTO eventstore.log (log_id, name, created_at) VALUES (9, 'nine', clock_timestamp())",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(attack)
    for name in ("", "Second", "-x", "a b", "a" * 64, 'a"b'):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute("SELECT eventstore.create_log_v1($1, clock_timestamp())", name)
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute("SELECT eventstore.create_log_v1('second', clock_timestamp())")


async def test_logs_made_at_once_have_numbers_that_follow_each_other(pool: asyncpg.Pool) -> None:
    made = await asyncio.gather(
        *(
            pool.fetchval("SELECT eventstore.create_log_v1($1, clock_timestamp())", f"log-{n}")
            for n in range(20)
        )
    )
    assert sorted(made) == list(range(2, 22))


async def test_health_and_measurements_tell_which_log_is_behind(two: tuple[Tenant, Tenant]) -> None:
    first, second = two
    pool = first.api.app.state.pool
    await second.report("late")
    await follow(pool, second.log_id)
    await pool.execute(
        "UPDATE escalation.deadline SET due_at = clock_timestamp() - interval '90 s' WHERE log_id = 2"
    )
    await pool.execute(
        "UPDATE eventstore.subscription SET attempts = 1 WHERE log_id = 2 AND name = 'timeline'"
    )
    found = (await first.api.get("/health/ready")).json()
    assert [one["name"] for one in found["logs"]] == ["default", "second"]
    assert found["logs"][0]["overdueSeconds"] == 0
    assert 90 <= found["logs"][1]["overdueSeconds"] < 120
    assert found["status"] == "degraded"
    told = " / ".join(found["reasons"])
    assert "timeline of log second fails" in told
    assert "escalations of log second are 9" in told
    assert "default" not in told
    scraped = (await first.api.get("/metrics")).text
    assert 'pulseops_log_position{log="second"} 3.0' in scraped
    assert 'pulseops_overdue_seconds{log="default"} 0.0' in scraped
    assert 'pulseops_overdue_seconds{log="second"} 9' in scraped
