"""Lists as of a moment over HTTP: the same on every page, as of the position that the answer names."""

import asyncio
from typing import Any

from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api


async def reported(api: Api, title: str, **body: Any) -> dict[str, Any]:
    made = await api.post("/incident", json={"title": title, **body})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def resolved(api: Api, incident: dict[str, Any]) -> int:
    answer = await api.post(f"/incident/{incident['id']}/resolve", json={})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["position"])


async def test_a_list_is_told_as_it_was_at_a_position_and_at_a_time_on_all_its_pages(
    database: Database, api: Api
) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        made = [await reported(api, f"Incident {number}") for number in range(3)]
        then = made[-1]["position"]
        told = (await api.get(f"/incident/{made[-1]['id']}")).json()
        await asyncio.gather(*(resolved(api, one) for one in made))
        await reported(api, "A later one")
        assert (await api.get("/incidents", params={"status": "open", "asOf": "@0"})).json()["items"] == []

        for at in (f"@{then}", told["updatedAt"]):
            wanted: dict[str, Any] = {"status": "open", "asOf": at, "limit": 2}
            first = await api.get("/incidents", params=wanted)
            assert first.status_code == 200, first.text
            assert first.headers["x-pulseops-position"] == str(then)
            ids = [one["id"] for one in first.json()["items"]]
            assert first.json()["items"][0] == {
                name: value for name, value in told.items() if name not in {"timeline", "livesOn"}
            }
            cursor = first.json()["nextCursor"]
            await reported(api, "And one more meanwhile")
            second = await api.get("/incidents", params=wanted | {"cursor": cursor})
            assert second.headers["x-pulseops-position"] == str(then)
            ids += [one["id"] for one in second.json()["items"]]
            assert ids == [one["id"] for one in reversed(made)]
            assert second.json()["nextCursor"] is None
            other = await api.get("/incidents", params={"asOf": "@1", "limit": 2, "cursor": cursor})
            assert (other.status_code, other.json()["errors"][0]["parameter"]) == (422, "cursor")

        to_come: dict[str, Any] = {"asOf": "2999-01-01T00:00:00Z", "limit": 1}
        first = await api.get("/incidents", params=to_come)
        newest = await reported(api, "After the first page")
        assert int(first.headers["x-pulseops-position"]) < newest["position"]
        second = await api.get("/incidents", params=to_come | {"cursor": first.json()["nextCursor"]})
        assert second.headers["x-pulseops-position"] == first.headers["x-pulseops-position"]
        tag = {"if-none-match": first.headers["etag"]}
        assert (await api.get("/incidents", params={"asOf": f"@{then}"}, headers=tag)).status_code == 200


async def test_of_one_incident_a_position_is_a_moment_too(api: Api) -> None:
    made = await reported(api, "Disk full")
    path, at = f"/incident/{made['id']}", made["position"]
    await resolved(api, made)
    assert (await api.get(path, params={"asOf": f"@{at}"})).json()["status"] == "open"
    assert (await api.get(path, params={"asOf": f"@{at + 1}"})).json()["status"] == "resolved"
    for beyond in ("@0", f"@{at + 2}", "@9223372036854775807"):
        assert (await api.get(path, params={"asOf": beyond})).status_code == 404, beyond


async def test_what_is_no_moment_of_a_list_is_refused(api: Api) -> None:
    wrong = ("3", "@", "@-1", "@01", "@1.5", "@9223372036854775808", "now", "", "0001-01-01T00:00:00+14:00")
    for at in wrong:
        answer = await api.get("/incidents", params={"asOf": at})
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "asOf"), answer.text


async def test_a_position_that_is_not_there_yet_and_a_sort_that_cannot_be_are_refused(api: Api) -> None:
    answer = await api.get("/incidents", params={"asOf": "@1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    answer = await api.get("/incidents", params={"asOf": "@0", "sort": "-updated"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "sort")


async def test_a_key_that_is_limited_to_teams_sees_what_is_theirs_now_as_it_was(
    database: Database, api: Api
) -> None:
    key = await a_key(api.app.state.pool, "limited", role="auditor", teams=("database",))
    mine = {"authorization": f"Bearer {key}"}
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        moved = await reported(api, "Phishing mail reached the board")
        then = moved["position"]
        given = await api.post(f"/incident/{moved['id']}/assign", json={"team": "database"})
        await api.get("/incidents", params={"min_position": given.json()["position"]})
        found = (await api.get("/incidents", params={"asOf": f"@{then}"}, headers=mine)).json()["items"]
        assert [(one["id"], one["assignedTeam"]) for one in found] == [(moved["id"], moved["assignedTeam"])]


async def test_two_moments_of_an_incident_tell_what_changed_who_did_it_and_why(api: Api) -> None:
    made = await reported(api, "Disk full", priority="low")
    path = f"/incident/{made['id']}"
    changed = await api.post(f"{path}/priority", json={"priority": "critical", "note": "It is the primary"})
    assert changed.status_code == 200, changed.text
    for since in (made["version"], f"@{made['position']}", made["updatedAt"]):
        told = (await api.get(f"{path}/diff", params={"from": since})).json()
        assert told["from"]["version"] == made["version"]
        assert told["to"]["version"] == made["version"] + 1
        assert told["changes"] == [{"field": "priority", "before": "low", "after": "critical"}]
        (event,) = told["items"]
        assert (event["event"], event["actor"], event["why"]) == (
            "PRIORITY_CHANGED",
            "key:admin",
            ["“It is the primary”"],
        )
    born = (
        await api.get(f"/incidents/{made['id']}/diff", params={"from": "@0", "to": made["version"]})
    ).json()
    assert born["from"] == {"version": 0, "position": 0, "recordedAt": None}
    assert {"field": "title", "before": None, "after": "Disk full"} in born["changes"]
    assert not any(one["field"] == "cause" for one in born["changes"])
    first = (await api.get(f"{path}/diff", params={"from": "@0", "limit": 2})).json()
    rest = (await api.get(f"{path}/diff", params={"from": "@0", "cursor": first["nextCursor"]})).json()
    assert [one["version"] for one in (*first["items"], *rest["items"])] == [1, 2, 3, 4]
    assert rest["changes"] == first["changes"]


async def test_that_nobody_is_affected_is_told_of_what_was_not_there_before(api: Api) -> None:
    made = await reported(api, "Disk full")
    path = f"/incident/{made['id']}"
    assert (await api.post(f"{path}/impact", json={"customers": 0})).is_success
    changes = (await api.get(f"{path}/diff", params={"from": "@0"})).json()["changes"]
    assert {"field": "customersAffected", "before": None, "after": 0} in changes


async def test_moments_that_cannot_be_held_against_each_other_are_refused(api: Api) -> None:
    made = await reported(api, "Disk full")
    refused: tuple[tuple[dict[str, str], int, str | None], ...] = (
        ({}, 422, "from"),
        ({"from": "3", "to": "2"}, 422, "to"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 422, "to"),
        ({"from": "@3", "to": "@0"}, 422, "to"),
        ({"from": "yesterday"}, 422, "from"),
        ({"from": "1", "to": "soon"}, 422, "to"),
        ({"from": "9"}, 404, None),
        ({"from": "1", "to": "@99"}, 404, None),
    )
    for wanted, status, wrong in refused:
        answer = await api.get(f"/incident/{made['id']}/diff", params=wanted)
        assert answer.status_code == status, answer.text
        assert wrong is None or answer.json()["errors"][0]["parameter"] == wrong


async def test_what_changed_between_two_moments_is_told_of_all_incidents_and_of_ones_own(
    database: Database, api: Api
) -> None:
    key = await a_key(api.app.state.pool, "limited", role="viewer", teams=("database",))
    mine = {"authorization": f"Bearer {key}"}
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        old = await reported(api, "Postgres replication lag on db-1")
        since = f"@{old['position']}"
        until = await resolved(api, old)
        new = await reported(api, "Phishing mail reached the board")
        told = await api.get("/incidents/diff", params={"from": since})
        assert told.status_code == 200, told.text
        found = told.json()
        assert (found["from"]["position"], found["to"]["position"]) == (old["position"], new["position"])
        assert told.headers["x-pulseops-position"] == str(new["position"])
        assert found["counts"]["incidents"] == 2
        assert (found["counts"]["events"]["CREATED"], found["counts"]["events"]["RESOLVED"]) == (1, 1)
        ended, created = found["items"]
        assert (ended["id"], ended["created"], ended["ended"]) == (old["id"], False, True)
        assert {"field": "status", "before": "open", "after": "resolved"} in ended["changes"]
        assert (created["id"], created["created"], created["ended"]) == (new["id"], True, False)
        own = (await api.get("/incidents/diff", params={"from": since}, headers=mine)).json()
        assert ([one["id"] for one in own["items"]], own["counts"]["incidents"]) == ([old["id"]], 1)

        page = {"from": since, "limit": "1"}
        first = (await api.get("/incidents/diff", params=page)).json()
        await reported(api, "Meanwhile")
        page["cursor"] = first["nextCursor"]
        second = (await api.get("/incidents/diff", params=page)).json()
        assert second["to"] == first["to"]
        assert [one["id"] for one in (*first["items"], *second["items"])] == [old["id"], new["id"]]
        assert (second["nextCursor"], second["counts"]) == (None, None)
        stolen = await api.get("/incidents/diff", params={"from": "@0", "cursor": page["cursor"]})
        assert stolen.status_code == 422
        nothing = (await api.get("/incidents/diff", params={"from": f"@{until}", "to": f"@{until}"})).json()
        assert (nothing["items"], nothing["nextCursor"]) == ([], None)
