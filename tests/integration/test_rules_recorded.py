"""Rules in history: recorded once by however many begin, and told as of any moment."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from pulseops.access.permissions import Role
from pulseops.app import server
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from pulseops.rulebook.loader import Rulebook, load_rulebook
from pulseops.rulebook.recording import Recorder
from pulseops.settings import Settings
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api, serving

OWN = """\
# Who answers at Acme.
assignment:
  version: acme-{version}
  teams:
    - name: ops
      description: {description}
  routes: []
  otherwise: ops
escalation:
  version: acme-{version}
  policies:
    - name: all
      steps:
        - after: {after}
          to: "{{team}} on call"
"""


@pytest.fixture
def own(tmp_path: Path) -> Any:
    def written(version: int, *, description: str = "Everybody", after: str = "15m") -> Rulebook:
        path = tmp_path / f"rules-{version}.yaml"
        path.write_text(OWN.format(version=version, description=description, after=after))
        return load_rulebook(path)

    return written


async def recorded(pool: asyncpg.Pool, log_id: int = 1) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await pool.fetch(
        "SELECT position, data, meta FROM eventstore.event WHERE log_id = $1 AND type = 'RULES.APPLIED' "
        "ORDER BY position",
        log_id,
    )
    return rows


async def test_of_many_processes_that_begin_together_one_records_the_rules_once(
    pool: asyncpg.Pool, own: Any
) -> None:
    rules = own(1)
    await asyncio.gather(*(Recorder(pool, rules, "worker").record() for _ in range(12)))
    assert len(await recorded(pool)) == 1
    assert await Recorder(pool, rules, "api").record() == [], "the newest are these already"


async def test_rules_that_come_back_are_recorded_again_and_the_old_process_keeps_quiet(
    pool: asyncpg.Pool, own: Any
) -> None:
    first, second = Recorder(pool, own(1), "api"), Recorder(pool, own(2), "api")
    assert (await first.record(), await second.record()) == ([1], [1])
    assert await first.record() == [], "a process records once: two of them would take turns for ever"
    assert await Recorder(pool, own(1), "api").record() == [1]
    shas = [row["data"] for row in await recorded(pool)]
    assert len(shas) == 3
    assert (shas[0], shas[1]) == (shas[2], shas[1])


async def test_a_log_that_is_made_later_gets_the_rules_too(pool: asyncpg.Pool, own: Any) -> None:
    recorder = Recorder(pool, own(1), "worker")
    await recorder.record()
    log_id = await create_log(pool, "second", now=utc_now())
    assert await recorder.record() == [log_id]


async def test_a_database_that_is_away_or_not_migrated_is_asked_again_and_stops_nothing(
    pool: asyncpg.Pool, admin: asyncpg.Connection, own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulseops.rulebook.recording._AGAIN", 0.01)
    await admin.execute("ALTER FUNCTION eventstore.append_v2(smallint, jsonb) RENAME TO append_away")
    with capture_logs() as lines:
        watching = asyncio.create_task(Recorder(pool, own(1), "worker").watch())
        while not lines:  # noqa: ASYNC110 - it has nothing to wait on
            await asyncio.sleep(0.01)
        await admin.execute("ALTER FUNCTION eventstore.append_away(smallint, jsonb) RENAME TO append_v2")
        async with asyncio.timeout(5):
            while not await recorded(pool):  # noqa: ASYNC110 - nor has this
                await asyncio.sleep(0.01)
        watching.cancel()
    assert [one["event"] for one in lines] == ["the rules are not recorded yet", "rules recorded"]


async def test_rules_are_told_as_of_any_moment_and_held_against_each_other(
    pool: asyncpg.Pool, api: Api, own: Any
) -> None:
    assert (await api.get("/rules")).status_code == 404
    for version, more in ((1, {}), (2, {"after": "5m"})):
        await Recorder(pool, own(version, **more), "api").record()
        await api.post("/incident", json={"title": f"Under rules {version}"})
    first, second = await recorded(pool)

    now = await api.get("/rules")
    assert now.status_code == 200
    told = now.json()
    assert told["versions"]["assignment"].startswith("acme-2~")
    assert told["escalation"]["policies"][0]["steps"] == [{"after": "5m", "to": "{team} on call"}]
    assert told["assignment"]["teams"] == [{"name": "ops", "description": "Everybody"}]
    assert told["classification"]["categories"], "what the operator leaves out is there as well"
    assert told["text"] == OWN.format(version=2, description="Everybody", after="5m")
    assert (await api.get("/rules", headers={"if-none-match": now.headers["etag"]})).status_code == 304

    then = (await api.get("/rules", params={"asOf": f"@{second['position'] - 1}"})).json()
    assert then["position"] == first["position"]
    assert then["versions"]["escalation"].startswith("acme-1~")
    assert (await api.get("/rules", params={"asOf": "@0"})).status_code == 404

    wanted = {"from": f"@{second['position'] - 1}"}
    diff = (await api.get("/rules/diff", params=wanted)).json()
    assert diff["from"]["position"] == second["position"] - 1
    assert (diff["before"]["position"], diff["after"]["position"]) == (first["position"], second["position"])
    assert diff["applied"] == [diff["after"]]
    assert [line.partition("~")[0] for line in diff["diff"].splitlines() if line[0] in "+-"] == [
        f"--- rules@{first['position']}",
        f"+++ rules@{second['position']}",
        "-  version: acme-1",
        "+  version: acme-2",
        "-  version: acme-1",
        "+  version: acme-2",
        "-    - after: 15m",
        "+    - after: 5m",
    ]
    since_the_beginning = (await api.get("/rules/diff", params={"from": "@0"})).json()
    assert since_the_beginning["before"] is None
    same = (await api.get("/rules/diff", params={"from": f"@{second['position']}"})).json()
    assert (same["diff"], same["applied"]) == ("", [])
    backwards = await api.get("/rules/diff", params={"from": "@3", "to": "@1"})
    assert (backwards.status_code, backwards.json()["errors"][0]["parameter"]) == (422, "to")
    assert (await api.get("/rules/diff")).status_code == 422


async def test_which_rules_decided_is_found_by_what_the_decision_cites(
    database: Database, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Of two processes side by side whose files call themselves the same, and differ."""
    files = [tmp_path / "one.yaml", tmp_path / "other.yaml"]
    for path, after in zip(files, ("15m", "5m"), strict=True):
        own = OWN.format(version=1, description=f"After {after}", after=after)
        path.write_text(f"{own}classification:\n  version: acme-1\n  threshold: 0.4\n")
    async with (
        serving(database.app_url, rules=files[0]) as one,
        serving(database.app_url, rules=files[1], token=one.token) as other,
    ):
        for api in (one, other):
            await Recorder(pool, api.app.state.rulebook, "api").record()
        cited, found = list[str](), dict[str, Any]()
        for api, path in ((one, files[0]), (other, files[1]), (one, files[0])):
            made = (await api.post("/incident", json={"title": "Disk full"})).json()
            events = (await api.get(f"/incident/{made['id']}/events")).json()["items"]
            cited.append(events[2]["data"]["decision"]["rulesVersion"])
            found = (await api.get("/rules", params={"version": cited[-1]})).json()
            assert (found["versions"]["assignment"], found["text"]) == (cited[-1], path.read_text())
        assert cited[0] == cited[2] != cited[1]
        # Whoever types a + into a query string has written a blank.
        written = found["versions"]["classification"]
        assert "+default-1~" in written
        assert (await one.get(f"/rules?version={written}")).status_code == 200
        first, second = await recorded(pool)
        before = {"version": cited[1], "asOf": f"@{second['position'] - 1}"}
        assert (await one.get("/rules", params=before)).status_code == 404
        now = (await one.get("/rules")).json()
        assert (now["position"], first["position"]) == (second["position"], found["position"])
        missing = await one.get("/rules", params={"version": "acme-1~00000000"})
        assert (missing.status_code, "acme-1~00000000" in missing.json()["detail"]) == (404, True)


async def test_rules_are_for_those_who_may_read_them(pool: asyncpg.Pool, api: Api, own: Any) -> None:
    await Recorder(pool, own(1), "api").record()
    roles: tuple[tuple[Role, int], ...] = (
        ("auditor", 200),
        ("manager", 200),
        ("viewer", 403),
        ("responder", 403),
    )
    second = await create_log(pool, "second", now=utc_now())
    other = {"authorization": f"Bearer {await a_key(pool, 'other', log_id=second)}"}
    tokens = {role: await a_key(pool, role, role=role) for role, _ in roles}
    for role, status in roles:
        answer = await api.get("/rules", headers={"authorization": f"Bearer {tokens[role]}"})
        assert answer.status_code == status, role
    assert (await api.get("/rules", headers=other)).status_code == 404, "each log has its own"


async def test_a_server_records_its_rules_once_it_serves(database: Database, pool: asyncpg.Pool) -> None:
    serving = server(Settings(database_url=database.app_url, port=0), records=True)
    task = asyncio.create_task(serving.serve())
    async with asyncio.timeout(10):
        while not await recorded(pool):  # noqa: ASYNC110 - it has nothing to wait on
            await asyncio.sleep(0.01)
    serving.should_exit = True
    await task
    (one,) = await recorded(pool)
    assert '"system:api"' in one["meta"]
