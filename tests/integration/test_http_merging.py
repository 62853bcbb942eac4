"""The same fault twice: where a merged incident lives on, what becomes of its key, and who may undo it."""

import asyncio
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from pulseops.http.exchange import Req
from pulseops.incidents import routes
from pulseops.incidents.changing import seen
from pulseops.incidents.incident import Incident
from tests.integration.followed import Followed
from tests.keys import a_key
from tests.serving import Api


async def _reported(api: Api, **fields: Any) -> str:
    answer = await api.post("/incident", json={"title": "Disk full on db-1"} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _asked(api: Api, incident: str, kind: str, **body: Any) -> dict[str, Any]:
    answer = await api.post(f"/incident/{incident}/{kind}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _chain(api: Api, *keys: str | None) -> list[str]:
    """Each merged into the next."""
    made = [await _reported(api, **({} if key is None else {"dedupKey": key})) for key in keys]
    for one, other in pairwise(made):
        await _asked(api, one, "merge", into=other)
    return made


async def _joins(api: Api, key: str) -> httpx.Response:
    return await api.post("/incident", json={"title": "again", "dedupKey": key})


async def _for(api: Api, name: str, *teams: str) -> dict[str, str]:
    token = await a_key(api.app.state.pool, name, role="responder", teams=teams)
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    return {"authorization": f"Bearer {token}"}


async def test_a_merged_incident_tells_where_it_lives_on_and_how_that_stands(api: Api) -> None:
    one, middle, last = await _chain(api, None, None, None)
    seen = await api.get(f"/incident/{one}")
    assert (seen.json()["mergedInto"], seen.json()["livesOn"]) == (middle, {"id": last, "status": "open"})
    assert (await api.get(f"/incident/{last}")).json()["livesOn"] is None
    assert (await api.get(f"/incident/{one}?asOf=1")).json()["livesOn"] is None
    await _asked(api, last, "resolve")
    # Nothing happened to the incident itself, and still there is something new to tell.
    again = await api.get(f"/incident/{one}", headers={"if-none-match": seen.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (200, seen.headers["etag"])
    assert (again.json()["status"], again.json()["livesOn"]["status"]) == ("merged", "resolved")
    await _asked(api, middle, "split")
    assert (await api.get(f"/incident/{one}")).json()["livesOn"] == {"id": middle, "status": "open"}
    await _asked(api, one, "split")
    assert (await api.get(f"/incident/{one}")).json()["livesOn"] is None


async def test_where_it_lived_on_is_told_as_of_then_to_who_now_sees_it(api: Api) -> None:
    one, last = await _chain(api, None, None)
    merged = (await api.get(f"/incident/{one}")).json()
    await _asked(api, last, "resolve")
    await _asked(api, last, "reopen")
    await _asked(api, one, "split")
    mine = await _for(api, "mine", merged["assignedTeam"])
    steps = (await api.get(f"/incident/{last}")).json()["timeline"]
    (ended,) = [step for step in steps if step["event"] == "RESOLVED"]
    for at in (merged["version"], f"@{merged['position']}", merged["updatedAt"]):
        told = (await api.get(f"/incident/{one}", params={"asOf": at}, headers=mine)).json()
        assert told["livesOn"] == {"id": last, "status": "open"}, at
    then = {"asOf": ended["timestamp"]}
    assert (await api.get(f"/incident/{one}", params=then)).json()["livesOn"]["status"] == "resolved"
    assert (await api.get(f"/incident/{one}")).json()["livesOn"] is None
    await _asked(api, last, "assign", team="network")
    told = (await api.get(f"/incident/{one}", params=then, headers=mine)).json()
    assert (told["mergedInto"], told["livesOn"]) == (last, None)


async def test_how_another_teams_incident_stands_is_not_told(api: Api) -> None:
    one, other = await _chain(api, None, None)
    mine = await _for(api, "mine", str((await api.get(f"/incident/{one}")).json()["assignedTeam"]))
    assert (await api.get(f"/incident/{one}", headers=mine)).json()["livesOn"]["id"] == other
    await _asked(api, other, "assign", team="network")
    told = (await api.get(f"/incident/{one}", headers=mine)).json()
    assert (told["mergedInto"], told["livesOn"]) == (other, None)


async def test_who_sees_an_incident_may_split_it_from_one_that_it_does_not_see(api: Api) -> None:
    one, other = await _chain(api, None, None)
    mine = await _for(api, "mine", str((await api.get(f"/incident/{one}")).json()["assignedTeam"]))
    await _asked(api, other, "assign", team="network")
    assert (await api.get(f"/incident/{other}", headers=mine)).status_code == 404
    split = await api.post(f"/incident/{one}/split", headers=mine)
    assert (split.status_code, split.json().get("status")) == (200, "open"), split.text
    assert (await api.get(f"/incident/{other}")).json()["merged"] == []
    # But nothing of theirs is merged into it, nor split from it.
    for kind, body in (("merge", {"into": other}), ("link", {"incident": other})):
        assert (await api.post(f"/incident/{one}/{kind}", json=body, headers=mine)).status_code == 422
    assert (await api.post(f"/incident/{other}/split", headers=mine)).status_code == 404


async def test_a_report_goes_to_where_a_merged_incident_lives_on_while_that_is_not_over(api: Api) -> None:
    _, middle, last = await _chain(api, "first", "second", None)
    await _asked(api, last, "resolve")
    anew = await _joins(api, "second")
    assert anew.status_code == 201
    over = (await api.get(f"/incident/{middle}")).json()
    assert (over["status"], over["resolution"]) == ("resolved", "duplicate")
    await _asked(api, last, "reopen")
    joined = await _joins(api, "first")
    assert (joined.status_code, joined.json()["id"]) == (200, last)


async def test_what_is_over_as_a_duplicate_says_since_when(api: Api) -> None:
    one, other = await _chain(api, "k", None)
    ended = (await _asked(api, other, "resolve"))["resolvedAt"]
    assert (await _joins(api, "k")).status_code == 201
    *_, merged, resolved = (await api.get(f"/incident/{one}")).json()["timeline"]
    assert (merged["event"], resolved["event"], resolved["actor"]) == ("MERGED", "RESOLVED", "system:merging")
    assert resolved["occurredAt"] == ended


async def test_what_is_merged_is_not_open_nor_does_anybody_hear_of_it(api: Api, pool: asyncpg.Pool) -> None:
    followed = Followed(api, pool)
    one, other = (await followed.report("critical"))["id"], (await followed.report("critical"))["id"]
    await followed.follow()
    assert len((await api.get("/escalations")).json()["items"]) == 2
    await _asked(api, one, "merge", into=other)

    async def told() -> tuple[list[str], list[str], list[str], dict[str, int]]:
        await followed.follow()
        living, merged = [
            [item["id"] for item in (await api.get(f"/incidents?status={status}")).json()["items"]]
            for status in ("open", "merged")
        ]
        due = [item["incidentId"] for item in (await api.get("/escalations")).json()["items"]]
        counts = (await api.get("/incidents/facets")).json()["status"]["values"]
        return living, merged, due, {count["value"]: count["count"] for count in counts}

    assert await told() == ([other], [one], [other], {"open": 1, "merged": 1})
    for kind, body in (("priority", {"priority": "high"}), ("comment", {"text": "Still so."})):
        await _asked(api, one, kind, **body)
    assert await told() == ([other], [one], [other], {"open": 1, "merged": 1})
    await _asked(api, other, "resolve")
    assert await told() == ([], [one], [], {"resolved": 1, "merged": 1})
    assert (await api.get(f"/incident/{one}/plan")).json()["planned"] == []
    await _asked(api, one, "split")
    assert await told() == ([one], [], [one], {"resolved": 1, "open": 1})


@pytest.mark.parametrize("at_once", [("merge", "resolve"), ("split", "resolve"), ("split", "merge")])
async def test_whatever_comes_at_once_both_sides_tell_the_same(api: Api, at_once: tuple[str, str]) -> None:
    one, other, third = [await _reported(api) for _ in range(3)]
    if "split" in at_once:
        await _asked(api, one, "merge", into=other)
    bodies = {"merge": {"into": third if "split" in at_once else other}}
    about = {"merge": other if "split" in at_once else one, "split": one, "resolve": other}
    answers = await asyncio.gather(
        *(api.post(f"/incident/{about[kind]}/{kind}", json=bodies.get(kind, {})) for kind in at_once)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    made = {key: (await api.get(f"/incident/{key}")).json() for key in (one, other, third)}
    for key, incident in made.items():
        assert incident["merged"] == [name for name, its in made.items() if its["mergedInto"] == key]


async def test_a_split_lets_go_of_it_whatever_it_was_merged_into_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, before, after = [await _reported(api) for _ in range(3)]
    await _asked(api, one, "merge", into=before)
    come = [("split", {}), ("merge", {"into": after})]

    async def slowly(request: Req, incident: UUID) -> Incident:
        found = await seen(request, incident)
        others = come[:]
        come.clear()
        for kind, body in others:
            await _asked(api, one, kind, **body)
        return found

    monkeypatch.setattr(routes, "seen", slowly)
    key = {"idempotency-key": "once"}
    done, again = [await api.post(f"/incident/{one}/split", headers=key) for _ in range(2)]
    assert (done.status_code, done.json()["status"], done.json()["mergedInto"]) == (200, "open", None)
    assert (again.json(), again.headers["idempotency-replayed"]) == (done.json(), "true")
    for other in (before, after):
        assert (await api.get(f"/incident/{other}")).json()["merged"] == []
    # Repeated once more, though it was merged again since.
    await _asked(api, one, "merge", into=before)
    assert (await api.post(f"/incident/{one}/split", headers=key)).json() == done.json()
    assert (await api.get(f"/incident/{before}")).json()["merged"] == [one]
