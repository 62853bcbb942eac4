"""Reading incidents over HTTP: as they stand and as they were, in lists and counts, by whom it concerns."""

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api

NASTY = (
    "'; DROP TABLE incidents.incident; --",
    '" OR 1=1',
    "%",
    "\\",
    "${jndi:ldap://x}",
    "\r\nX-Evil: 1",
    "\N{PILE OF POO}",
    "<b>",
)


async def reported(api: Api, **body: Any) -> dict[str, Any]:
    made = await api.post("/incident", json={"title": "Disk full", **body})
    assert made.status_code == 201
    found: dict[str, Any] = made.json()
    return found


async def lived(api: Api) -> tuple[dict[str, Any], list[str]]:
    """An incident with a short life, and when each of its events was recorded."""
    made = await reported(api)
    for what in ("acknowledge", "comment", "resolve"):
        answer = await api.post(
            f"/incident/{made['id']}/{what}", json={"text": "a"} if what == "comment" else {}
        )
        assert answer.status_code == 200, answer.text
    told = (await api.get(f"/incident/{made['id']}")).json()
    return told, [entry["timestamp"] for entry in told["timeline"]]


async def test_an_incident_is_told_as_of_any_of_its_versions_and_times(api: Api) -> None:
    told, times = await lived(api)
    path = f"/incident/{told['id']}"
    assert [entry["event"] for entry in told["timeline"]] == [
        "CREATED",
        "CLASSIFIED",
        "ASSIGNED",
        "ACKNOWLEDGED",
        "COMMENTED",
        "RESOLVED",
    ]
    for version, status in enumerate(
        ["open", "open", "open", "acknowledged", "acknowledged", "resolved"], start=1
    ):
        for at in (version, times[version - 1]):
            then = await api.get(path, params={"asOf": at})
            expected = version if isinstance(at, int) else max(v for v, t in enumerate(times, 1) if t == at)
            assert (then.status_code, then.json()["version"], then.json()["status"]) == (
                200,
                expected,
                status,
            )
            assert then.json()["timeline"] == told["timeline"][:expected]
            assert then.headers["etag"] == f'"{expected}"'
    assert (await api.get(path, params={"asOf": "2999-01-01T00:00:00Z"})).json() == told
    assert (await api.get(f"{path}?asOf=2999-01-01T00:00:00+02:00")).json() == told, (
        "a plus that was not escaped"
    )
    before = await api.get(path, params={"asOf": "2020-01-01T00:00:00Z"})
    beyond = await api.get(path, params={"asOf": 7})
    assert (before.status_code, beyond.status_code) == (404, 404)
    known = {"if-none-match": '"3"'}
    assert (await api.get(path, params={"asOf": 3}, headers=known)).status_code == 304
    assert (await api.get(path, headers=known)).status_code == 200


@pytest.mark.parametrize(
    "at",
    ["0", "-1", "1.5", "", "now", "2026-01-01", "2026-01-01T00:00:00", "9999999999", "1; DROP TABLE x", "٣"],
)
async def test_a_moment_that_is_none_is_refused(api: Api, at: str) -> None:
    made = await reported(api)
    answer = await api.get(f"/incident/{made['id']}", params={"asOf": at})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert answer.json()["errors"][0]["parameter"] == "asOf"


async def test_the_timeline_and_the_events_come_in_pages_that_lead_on(api: Api) -> None:
    told, _ = await lived(api)
    for what in ("timeline", "events"):
        for spelling in ("incident", "incidents"):
            path, items, cursor = f"/{spelling}/{told['id']}/{what}", list[Any](), None
            while True:
                page = await api.get(path, params={"limit": 4} | ({"cursor": cursor} if cursor else {}))
                assert (page.status_code, page.headers["etag"]) == (200, '"6"')
                items += page.json()["items"]
                if (cursor := page.json()["nextCursor"]) is None:
                    break
            assert [item["version"] for item in items] == [1, 2, 3, 4, 5, 6]
            assert (await api.get(path)).json()["items"] == items
            assert [item["id"] for item in items] == [entry["id"] for entry in told["timeline"]]
        path = f"/incident/{told['id']}/{what}"
        assert (await api.get(path, headers={"if-none-match": 'W/"6"'})).status_code == 304
        assert (await api.get(path, params={"min_position": 10**9})).json()["code"] == "behind"
        assert (await api.get(path, params={"min_position": told["position"]})).status_code == 200
        assert (await api.get(path, params={"cursor": "6"})).json() == {"items": [], "nextCursor": None}
        assert (await api.head(path)).status_code == 200
        assert (await api.get(f"/incident/{uuid4()}/{what}")).status_code == 404
        for wrong in (
            {"cursor": "x"},
            {"cursor": "0"},
            {"cursor": "1\n"},
            {"limit": 0},
            {"limit": 1001},
            {"limits": 1},
        ):
            assert (await api.get(path, params=wrong)).status_code == 422, wrong
    (first, *_) = (await api.get(f"/incident/{told['id']}/events")).json()["items"]
    assert (first["type"], first["data"]["title"]) == ("CREATED", "Disk full")


async def test_a_list_and_the_counts_are_known_by_their_tags_until_they_change(
    database: Database, api: Api
) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        made = await reported(api)
        tags = dict[str, str]()
        for path in ("/incidents", "/incidents/facets", "/escalations"):
            first = await api.get(path, params={"min_position": made["position"]})
            tags[path] = first.headers["etag"]
            assert tags[path].startswith('W/"')
            known = {"if-none-match": first.headers["etag"]}
            again = await api.get(path, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert "x-pulseops-position" in again.headers
            head = await api.head(path)
            assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
        newer = await reported(api, title="Another", priority="critical")
        for path in ("/incidents", "/incidents/facets", "/escalations"):
            before = {"if-none-match": tags[path]}
            after = await api.get(path, params={"min_position": newer["position"]}, headers=before)
            assert after.status_code == 200
            assert after.headers["etag"] != tags[path]
        counts = (await api.get("/incidents/facets", params={"priority": "critical"})).json()
        assert counts["total"] == 1
        assert counts["status"] == {"values": [{"value": "open", "count": 1}], "others": 0}
        assert sum(one["count"] for one in counts["priority"]["values"]) == 2


async def test_no_text_of_a_caller_becomes_anything_but_text(database: Database, api: Api) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        for text in NASTY:
            body = {"service": text, "labels": {text: text}, "source": text, "description": text}
            made = await reported(api, title=f"Title {text}", **body)
            for wanted in ({"service": text}, {"source": text}, {"label": f"{text}={text}"}):
                if "=" in text and "label" in wanted:
                    continue  # the name of a label that is asked for ends at the first =
                found = await api.get("/incidents", params={**wanted, "min_position": made["position"]})
                assert [one["id"] for one in found.json()["items"]] == [made["id"]], (text, wanted)
            for name in ("category", "team", "responder", "text"):
                answer = await api.get("/incidents", params={name: text})
                assert answer.status_code == 200, (name, answer.text)
            facets = await api.get("/incidents/facets", params={"text": text, "service": text})
            assert facets.status_code == 200
            for field in ("sort", "status", "priority", "since", "until", "cursor"):
                answer = await api.get("/incidents", params={field: text})
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input"), (field, text)
        everything = (await api.get("/incidents", params={"limit": 200})).json()["items"]
        assert len(everything) == len(NASTY)


@pytest.mark.parametrize("path", ["/incidents", "/incidents/facets"])
@pytest.mark.parametrize(
    ("query", "parameter", "told"),
    [
        ("stauts=open", "stauts", "Did you mean status?"),
        ("status=done", "status", "open, acknowledged, resolved, merged"),
        ("status=open&status=done", "status", "open, acknowledged, resolved, merged"),
        ("team=", "team", "must not be empty"),
        ("team=%00", "team", "U+0000"),
        ("team=" + "a" * 201, "team", "at most 200"),
        ("text=" + "a" * 10_000, "text", "at most 200"),
        ("label=%3Dx", "label", "name=value"),
        ("label=a%3Db&label=a%3Dc", "label", "one value"),
        ("since=0.5", "since", "RFC 3339"),
        ("since=yesterday", "since", "RFC 3339"),
        ("since=2026-01-01T00:00:00", "since", "offset"),
        ("since=0001-01-01T00:00:00%2B10:00", "since", "no such time in"),
        ("until=9999-12-31T23:59:59-10:00", "until", "no such time in"),
        ("text=a&text=b", "text", "more than once"),
        ("&".join(["team=a"] * 21), "team", "20"),
        ("min_position=-1", "min_position", ""),
    ],
)
async def test_what_a_list_is_not_asked_for_is_named(
    api: Api, path: str, query: str, parameter: str, told: str
) -> None:
    answer = await api.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input"), answer.text
    (fault,) = answer.json()["errors"]
    assert fault["parameter"] == parameter
    assert told in fault["detail"]


async def test_values_are_repeated_and_may_have_commas(database: Database, api: Api) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        made = [await reported(api, service=name) for name in ("a,b", "c", "a")]
        params = [("service", "a,b"), ("service", "c"), ("min_position", made[-1]["position"])]
        found = (await api.get("/incidents", params=params)).json()["items"]
        assert [one["service"] for one in found] == ["c", "a,b"]


async def test_as_many_values_as_are_allowed_of_each_filter_are_read(api: Api) -> None:
    names = ("category", "team", "service", "responder", "source", "label")
    query = "&".join(f"{name}={number}" for name in names for number in range(20))
    for path in ("/incidents", "/incidents/facets"):
        assert (await api.get(f"{path}?{query}")).status_code == 200


async def test_a_time_may_be_written_with_a_plus(database: Database, api: Api) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        made = await reported(api)
        at, later = (datetime.now(timezone(timedelta(hours=2))) + timedelta(hours=n) for n in (-1, 1))
        for plus in ("+", "%2B"):
            since, until = (one.isoformat().replace("+", plus) for one in (at, later))
            query = f"since={since}&until={until}&min_position={made['position']}"
            assert len((await api.get(f"/incidents?{query}")).json()["items"]) == 1


async def test_what_is_not_of_the_callers_teams_is_not_there(database: Database, api: Api) -> None:
    token = await a_key(api.app.state.pool, "theirs", role="viewer", teams=("database",))
    key = {"authorization": f"Bearer {token}"}
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        mine = await reported(api, title="Postgres replication lag on db-1")
        theirs = await reported(api, title="Phishing mail reached the board")
        assert mine["assignedTeam"] != theirs["assignedTeam"]
        assert mine["assignedTeam"] == "database"
        least = {"min_position": theirs["position"]}
        found = (await api.get("/incidents", params=least, headers=key)).json()["items"]
        assert [one["id"] for one in found] == [mine["id"]]
        counts = (await api.get("/incidents/facets", params=least, headers=key)).json()
        assert counts["total"] == 1
        assert [one["value"] for one in counts["team"]["values"]] == [mine["assignedTeam"]]
        for one, status in ((mine, 200), (theirs, 404)):
            for more in ("", "/timeline", "/events", "?asOf=1", "?asOf=99", "/events?min_position=1"):
                path = f"/incident/{one['id']}{more}"
                expected = 404 if more == "?asOf=99" else status
                assert (await api.get(path, headers=key)).status_code == expected, path
        assert (await api.get(f"/incidents?team={quote(theirs['assignedTeam'])}", headers=key)).json()[
            "items"
        ] == []
