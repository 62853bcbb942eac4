"""The whole life of an incident over HTTP: what is asked, what follows, and what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pulseops.incidents.asking import ALONE, LINK, MERGE, SPLIT
from pulseops.kernel.ids import new_id
from tests.serving import Api

LATER = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
LIFE: tuple[tuple[str, dict[str, Any], str, dict[str, Any]], ...] = (
    ("acknowledge", {"note": "on it"}, "ACKNOWLEDGED", {"status": "acknowledged"}),
    ("unacknowledge", {}, "UNACKNOWLEDGED", {"status": "open", "acknowledgedBy": None}),
    ("snooze", {"until": LATER}, "SNOOZED", {"status": "open"}),
    ("unsnooze", {}, "UNSNOOZED", {"snoozedUntil": None}),
    ("assign", {"team": "network", "responder": "ada"}, "ASSIGNED", {"responder": "ada"}),
    ("priority", {"priority": "critical"}, "PRIORITY_CHANGED", {"priority": "critical"}),
    ("category", {"category": "network"}, "CATEGORY_CHANGED", {"category": "network"}),
    ("edit", {"title": "b", "labels": {"x": "1", "y": None}}, "EDITED", {"title": "b", "labels": {"x": "1"}}),
    ("link", {"url": "https://example.com/1"}, "LINKED", {}),
    ("impact", {"services": ["shop"], "customers": 7}, "IMPACT_DECLARED", {"customersAffected": 7}),
    ("resolve", {"resolution": "fixed", "cause": "a deploy"}, "RESOLVED", {"resolution": "fixed"}),
    ("reopen", {}, "REOPENED", {"status": "open", "resolution": None, "resolvedAt": None}),
)
_BEFORE = {"unacknowledge": "acknowledge", "unsnooze": "snooze", "reopen": "resolve", "split": "merge"}
"""What makes the command one that changes something."""


async def _reported(api: Api, **fields: Any) -> str:
    answer = await api.post("/incident", json={"title": "a", "labels": {"y": "2"}} | fields)
    assert answer.status_code == 201
    return f"/incident/{answer.json()['id']}"


async def _events(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


def _problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json().get("current")


async def test_each_step_is_one_event_and_its_repetition_none(api: Api) -> None:
    path = await _reported(api)
    for kind, body, event, after in LIFE:
        done = await api.post(f"{path}/{kind}", json=body)
        assert done.status_code == 200, (kind, done.text)
        assert done.json().items() >= after.items(), kind
        stored = await _events(api)
        again = await api.post(f"{path}/{kind}", json=body)
        assert (again.status_code, await _events(api)) == (200, stored), kind
        timeline = (await api.get(path)).json()["timeline"]
        assert timeline[-1]["event"] == event
        assert timeline[-1]["text"].endswith(".")


async def test_a_comment_is_said_as_often_as_it_is_sent(api: Api) -> None:
    path = await _reported(api)
    for _ in range(2):
        assert (await api.post(f"{path}/comment", json={"text": "Look at db-1"})).status_code == 200
    timeline = (await api.get(path)).json()["timeline"]
    assert [step["why"] for step in timeline[-2:]] == [["“Look at db-1”"]] * 2


@pytest.mark.parametrize("kind", ["acknowledge", "unacknowledge", "snooze", "unsnooze", "assign", "merge"])
async def test_what_is_over_is_left_alone_until_it_is_reopened(api: Api, kind: str) -> None:
    path, other = await _reported(api), await _reported(api)
    await api.post(f"{path}/resolve")
    bodies = {"snooze": {"until": LATER}, "assign": {"team": "network"}, "merge": {"into": other[-36:]}}
    answer = await api.post(f"{path}/{kind}", json=bodies.get(kind, {}))
    assert _problem(answer) == (409, "invalid-transition", "resolved")


async def test_a_merged_incident_lives_on_in_the_other_until_it_is_split(api: Api) -> None:
    one, other = await _reported(api, dedupKey="k"), await _reported(api)
    merged = (await api.post(f"{one}/merge", json={"into": other[-36:], "note": "same"})).json()
    assert (merged["status"], merged["mergedInto"]) == ("merged", other[-36:])
    assert (await api.get(other)).json()["merged"] == [one[-36:]]
    stored = await _events(api)
    assert (await api.post(f"{one}/merge", json={"into": other[-36:], "note": "same"})).status_code == 200
    assert await _events(api) == stored
    for kind in ("acknowledge", "resolve", "reopen"):
        assert _problem(await api.post(f"{one}/{kind}")) == (409, "invalid-transition", "merged")
    joined = await api.post("/incident", json={"title": "again", "dedupKey": "k"})
    assert (joined.status_code, joined.json()["id"]) == (200, other[-36:])
    alone = (await api.post(f"{one}/split")).json()
    assert (alone["status"], alone["mergedInto"]) == ("open", None)
    assert (await api.get(other)).json()["merged"] == []


async def test_the_key_of_a_merged_incident_is_free_when_the_other_is_over(api: Api) -> None:
    one, other = await _reported(api, dedupKey="k"), await _reported(api)
    await api.post(f"{one}/merge", json={"into": other[-36:]})
    await api.post(f"{other}/resolve")
    new = await api.post("/incident", json={"title": "again", "dedupKey": "k"})
    assert (new.status_code, new.json()["id"] in {one[-36:], other[-36:]}) == (201, False)
    assert (await api.get(one)).json()["status"] == "resolved"
    refused = await api.post(f"{one}/split")
    assert _problem(refused)[:2] == (409, "invalid-transition")
    assert new.json()["id"] in refused.json()["detail"]


async def test_two_that_are_merged_into_each_other_at_once_become_one(api: Api) -> None:
    one, other = await _reported(api), await _reported(api)
    answers = await asyncio.gather(
        api.post(f"{one}/merge", json={"into": other[-36:]}),
        api.post(f"{other}/merge", json={"into": one[-36:]}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    states = {(await api.get(path)).json()["status"] for path in (one, other)}
    assert states == {"merged", "open"}


async def test_a_link_to_an_incident_is_seen_from_both(api: Api) -> None:
    one, other = await _reported(api), await _reported(api)
    body = {"incident": other[-36:], "relation": "causes"}
    assert (await api.post(f"{one}/link", json=body)).status_code == 200
    (link,) = (await api.get(other)).json()["links"]
    assert link == {"incident": one[-36:], "relation": "caused_by"}


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("snooze", {"until": "2020-01-01T00:00:00Z"}, "/until"),
        ("snooze", {"until": "2999-01-01T00:00:00Z"}, "/until"),
        ("snooze", {"until": "2026-11-24T10:00:00"}, "/until"),
        ("assign", {}, "/team"),
        ("assign", {"team": "netwrok"}, "/team"),
        ("category", {"category": "databse"}, "/category"),
        ("priority", {"priority": "urgent"}, "/priority"),
        ("comment", {"text": " "}, "/text"),
        ("link", {}, "/incident"),
        ("link", {"url": "javascript:alert(1)"}, "/url"),
        ("link", {"url": "https://ada:secret@example.com/"}, "/url"),
        ("link", {"url": "https://example.com/\n"}, "/url"),
        ("link", {"incident": str(new_id())}, "/incident"),
        ("merge", {"into": str(new_id())}, "/into"),
        ("impact", {"customers": -1}, "/customers"),
        ("edit", {"title": ""}, "/title"),
        ("resolve", {"resolution": "magic"}, "/resolution"),
        ("reopen", {"decision": {}}, "/decision"),
    ],
)
async def test_a_body_that_cannot_be_is_refused_where_it_is_wrong(
    api: Api, kind: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await api.post(f"{await _reported(api)}/{kind}", json=body)
    assert _problem(answer)[:2] == (422, "invalid-input")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_merging_or_linking_an_incident_with_itself_is_refused(api: Api) -> None:
    path = await _reported(api)
    for kind, field in (("merge", "into"), ("link", "incident")):
        answer = await api.post(f"{path}/{kind}", json={field: path[-36:]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}")


async def test_every_command_under_a_key_is_answered_the_second_time_as_the_first(api: Api) -> None:
    other = await _reported(api)
    bodies: dict[str, dict[str, Any]] = {kind: body for kind, body, _, _ in LIFE}
    bodies |= {"comment": {"text": "x"}, "merge": {"into": other[-36:]}, "split": {}}
    for asked in (*ALONE, LINK, MERGE, SPLIT):
        path, named = await _reported(api), {"idempotency-key": f"once-{asked.kind}"}
        first = await api.post(f"{path}/{asked.kind}", json=bodies[asked.kind], headers=named)
        await api.post(f"{path}/comment", json={"text": "meanwhile"})
        again = await api.post(f"{path}/{asked.kind}", json=bodies[asked.kind], headers=named)
        assert (again.status_code, again.json()) == (200, first.json()), asked.kind
        assert again.headers["idempotency-replayed"] == "true"
        reused = await api.post(
            f"{path}/{asked.kind}", json=bodies[asked.kind] | {"note": "other"}, headers=named
        )
        if asked.kind != "comment":
            assert reused.json()["code"] == "idempotency-key-reused", asked.kind


async def test_many_at_once_under_one_key_have_one_effect_and_equal_answers(api: Api) -> None:
    for asked in (*ALONE, LINK, MERGE, SPLIT):
        path, other = await _reported(api), await _reported(api)
        bodies: dict[str, dict[str, Any]] = {kind: body for kind, body, _, _ in LIFE}
        bodies |= {"comment": {"text": "x"}, "merge": {"into": other[-36:]}, "split": {}}
        if (before := _BEFORE.get(asked.kind)) is not None:
            await api.post(f"{path}/{before}", json=bodies[before])
        stored, named = await _events(api), {"idempotency-key": f"once-{asked.kind}"}
        answers = await asyncio.gather(
            *(api.post(f"{path}/{asked.kind}", json=bodies[asked.kind], headers=named) for _ in range(8))
        )
        assert [answer.text for answer in answers if answer.status_code != 200] == []
        assert len({answer.content for answer in answers}) == 1, asked.kind
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1, asked.kind
        assert await _events(api) - stored == (2 if asked.kind in {"merge", "split"} else 1), asked.kind


async def test_of_conflicting_commands_at_once_one_wins_and_history_is_one_line(api: Api) -> None:
    answer = await api.post("/incident", json={"title": "a"})
    path, tag = f"/incident/{answer.json()['id']}", answer.headers["etag"]
    answers = await asyncio.gather(
        *(
            api.post(f"{path}/{kind}", json=body, headers={"if-match": tag})
            for kind, body, *_ in LIFE
            if kind in {"acknowledge", "snooze", "priority", "edit", "resolve"}
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    versions = [step["version"] for step in (await api.get(path)).json()["timeline"]]
    assert versions == [1, 2, 3, 4]


async def test_of_many_who_ask_at_once_nobody_is_pushed_aside(api: Api) -> None:
    path, other = await _reported(api, dedupKey="k"), await _reported(api)
    asked: list[tuple[str, dict[str, Any]]] = [(f"{path}/comment", {"text": str(n)}) for n in range(30)]
    asked += [(f"{path}/acknowledge", {}), (f"{other}/merge", {"into": path[-36:]})]
    asked += [("/incident", {"title": str(n), "dedupKey": "k"}) for n in range(10)]
    answers = await asyncio.gather(
        *(
            api.post(where, json=body, headers={"idempotency-key": str(n)})
            for n, (where, body) in enumerate(asked)
        )
    )
    assert [answer.json()["detail"] for answer in answers if answer.status_code != 200] == []
    shown = (await api.get(path)).json()
    assert (shown["status"], shown["merged"]) == ("acknowledged", [other[-36:]])
    assert [step["version"] for step in shown["timeline"]] == list(range(1, 36))


async def test_a_report_under_a_key_is_heard_however_busy_its_incident_is(api: Api) -> None:
    path, done = await _reported(api, dedupKey="k"), asyncio.Event()

    async def talk() -> None:
        while not done.is_set():
            await api.post(f"{path}/comment", json={"text": "and another thing"})

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(talk())
        answers = [
            await api.post(
                "/incident", json={"title": "a", "dedupKey": "k"}, headers={"idempotency-key": str(n)}
            )
            for n in range(30)
        ]
        done.set()
    assert [answer.json()["detail"] for answer in answers if answer.status_code != 200] == []
