"""What a caller may rely on: versions, repeated requests, dedup keys."""

import asyncio
from uuid import UUID

from tests.conftest import Database
from tests.serving import Api, serving


async def _events(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def _reported(api: Api, title: str = "a") -> dict[str, str]:
    answer = await api.post("/incident", json={"title": title})
    assert answer.status_code == 201
    made: dict[str, str] = answer.json()
    return made


async def test_a_reported_incident_is_classified_and_assigned_at_once(api: Api) -> None:
    made = (await api.post("/incident", json={"title": "Database down", "priority": "critical"})).json()
    assert made["priority"] == "critical"
    assert made["category"]
    assert made["assignedTeam"]
    shown = (await api.get(f"/incident/{made['id']}")).json()
    assert [step["event"] for step in shown["timeline"]] == ["CREATED", "CLASSIFIED", "ASSIGNED"]
    assert [step["actor"] for step in shown["timeline"][1:]] == ["system:classification", "system:assignment"]


async def test_acknowledge_and_resolve_move_the_incident_and_name_the_actor(api: Api) -> None:
    made = await _reported(api)
    path = f"/incident/{made['id']}"
    seen = await api.post(f"{path}/acknowledge", json={"note": "on it"})
    assert (seen.status_code, seen.json()["status"]) == (200, "acknowledged")
    assert seen.json()["acknowledgedBy"] == "key:admin"
    over = await api.post(f"{path}/resolve", json={"note": "done"})
    assert (over.status_code, over.json()["status"]) == (200, "resolved")
    assert over.headers["etag"] == f'"{over.json()["version"]}"'
    timeline = (await api.get(path)).json()["timeline"]
    assert [step["event"] for step in timeline[-2:]] == ["ACKNOWLEDGED", "RESOLVED"]
    assert timeline[-1]["details"] == {"note": "done"}


async def test_what_already_is_needs_no_new_event(api: Api) -> None:
    path = f"/incident/{(await _reported(api))['id']}"
    for step in ("acknowledge", "resolve"):
        first = await api.post(f"{path}/{step}")
        before = await _events(api)
        again = await api.post(f"{path}/{step}")
        assert again.status_code == 200
        assert again.json() == first.json()
        assert await _events(api) == before


async def test_a_resolved_incident_cannot_be_acknowledged(api: Api) -> None:
    path = f"/incident/{(await _reported(api))['id']}"
    await api.post(f"{path}/resolve")
    answer = await api.post(f"{path}/acknowledge")
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid-transition")


async def test_a_stale_version_is_refused_and_a_current_one_is_not(api: Api) -> None:
    made = await api.post("/incident", json={"title": "a"})
    path = f"/incident/{made.json()['id']}"
    before = await _events(api)
    for stale in ('"1"', '"0"', '"999999"', '"abc"', f"W/{made.headers['etag']}", '"99999999999999999999"'):
        answer = await api.post(f"{path}/acknowledge", headers={"if-match": stale})
        assert (answer.status_code, answer.json()["code"]) == (412, "version-conflict"), stale
        assert "-1" not in answer.json()["detail"]
    assert await _events(api) == before
    assert (
        await api.post(f"{path}/acknowledge", headers={"if-match": made.headers["etag"]})
    ).status_code == 200
    assert (await api.post(f"{path}/resolve", headers={"if-match": "*"})).status_code == 200


async def test_a_slash_too_many_at_the_end_changes_nothing(api: Api) -> None:
    """Webhooks are set up by hand, and many end so."""
    assert (await api.post("/incident/", json={"title": "a"})).status_code == 201
    assert (await api.post("/incidents:batch/", json=[{"title": "a"}])).json()["stored"] == 1


async def test_who_has_the_current_version_is_not_told_it_again(api: Api) -> None:
    made = await api.post("/incident", json={"title": "a"})
    path, tag = f"/incident/{made.json()['id']}", made.headers["etag"]
    for known in (tag, f'"0", W/{tag}', "*"):
        answer = await api.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == tag
    await api.post(f"{path}/acknowledge")
    assert (await api.get(path, headers={"if-none-match": tag})).status_code == 200


async def test_the_same_key_and_body_get_the_first_answer_again(api: Api) -> None:
    key = {"idempotency-key": "k-1"}
    first = await api.post("/incident", json={"title": "a", "labels": {"x": "1", "y": "2"}}, headers=key)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    await api.post(f"{first.headers['location']}/resolve")
    before = await _events(api)
    again = await api.post("/incidents", json={"labels": {"y": "2", "x": "1"}, "title": "a"}, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("location", "etag", "x-pulseops-position"):
        assert again.headers[name] == first.headers[name]
    assert await _events(api) == before


async def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    key = {"idempotency-key": "k-1"}
    first, other = await _reported(api), await _reported(api)
    await api.post("/incident", json={"title": "a"}, headers=key)
    answer = await api.post("/incident", json={"title": "b"}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    # A key is of one kind of request, and of one incident.
    assert (await api.post(f"/incident/{first['id']}/resolve", headers=key)).status_code == 200
    answer = await api.post(f"/incident/{other['id']}/resolve", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_repeated_answer_is_replayed_although_its_version_is_stale_by_now(api: Api) -> None:
    made = await api.post("/incident", json={"title": "a"})
    path = f"/incident/{made.json()['id']}"
    headers = {"idempotency-key": "k-1", "if-match": made.headers["etag"]}
    first = await api.post(f"{path}/acknowledge", headers=headers)
    await api.post(f"{path}/resolve")
    again = await api.post(f"{path}/acknowledge", headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"


async def test_fifty_at_once_under_one_key_are_one_incident(api: Api) -> None:
    key = {"idempotency-key": "k-1"}
    answers = await asyncio.gather(
        *(api.post("/incident", json={"title": "a"}, headers=key) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await _events(api) == answers[0].json()["version"]


async def test_a_dedup_key_joins_the_open_incident_and_no_other(api: Api) -> None:
    first = await api.post("/incident", json={"title": "a", "dedupKey": "d"})
    again = await api.post("/incident", json={"title": "b", "dedupKey": "d"})
    assert again.status_code == 200
    assert again.json() == {**first.json(), "deduplicated": True}
    assert again.headers["location"] == first.headers["location"]
    await api.post(f"{first.headers['location']}/acknowledge")
    assert (await api.post("/incident", json={"title": "c", "dedupKey": "d"})).status_code == 200
    await api.post(f"{first.headers['location']}/resolve")
    later = await api.post("/incident", json={"title": "d", "dedupKey": "d"})
    assert later.status_code == 201
    assert later.json()["id"] != first.json()["id"]


async def test_a_dedup_key_given_back_at_the_last_moment_is_free(api: Api) -> None:
    first = await api.post("/incident", json={"title": "a", "dedupKey": "d"})
    incidents = api.app.state.logs(1)
    history = incidents.history

    class Meanwhile:
        """Between the refusal and the look at who holds the name, the holder is resolved."""

        async def stream(self, stream_id: UUID, **options: int | None) -> object:
            incidents.history = history
            await api.post(f"{first.headers['location']}/resolve")
            return await history.stream(stream_id, **options)

    incidents.history = Meanwhile()
    again = await api.post("/incident", json={"title": "b", "dedupKey": "d"})
    assert (again.status_code, again.json()["title"]) == (201, "b")


async def test_many_at_once_under_one_dedup_key_are_one_incident(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.post("/incident", json={"title": str(n), "dedupKey": "d"}) for n in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 29 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_report_with_both_keys_is_replayed_not_joined(api: Api) -> None:
    key = {"idempotency-key": "k-1"}
    first = await api.post("/incident", json={"title": "a", "dedupKey": "d"}, headers=key)
    again = await api.post("/incident", json={"title": "a", "dedupKey": "d"}, headers=key)
    assert (again.status_code, again.content) == (201, first.content)


async def test_every_event_of_a_request_carries_its_correlation_id(api: Api) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"
    for headers, expected in (
        ({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, str(UUID(trace))),
        ({"x-request-id": given}, given),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01", "x-request-id": given}, given),
    ):
        answer = await api.post("/incident", json={"title": "a"}, headers=headers)
        found = await api.app.state.pool.fetch(
            "SELECT DISTINCT meta ->> 'correlationId' AS id FROM eventstore.event WHERE stream_id = $1",
            UUID(answer.json()["id"]),
        )
        assert [row["id"] for row in found] == [expected]
    answer = await api.post("/incident", json={"title": "a"}, headers={"x-request-id": "deploy-7"})
    assert answer.headers["x-request-id"] == "deploy-7"
    answer = await api.post("/incident", json={"title": "a"}, headers={"x-request-id": "a b"})
    assert UUID(answer.headers["x-request-id"])


async def test_what_was_acknowledged_is_there_after_a_restart(database: Database) -> None:
    async with serving(database.app_url) as api:
        made, token = await _reported(api), api.token
    async with serving(database.app_url) as api:
        assert api.token == ""
        shown = await api.get(f"/incident/{made['id']}", headers={"authorization": f"Bearer {token}"})
        assert shown.json()["title"] == "a"
