"""Incidents over HTTP, on the real database."""

from uuid import uuid4

from tests.serving import Api

FULL = {
    "title": "Checkout answers 503",
    "description": "Half of the payments fail.",
    "source": "monitoring",
    "service": "checkout",
    "environment": "production",
    "labels": {"region": "eu-west-1"},
    "priority": "critical",
    "occurredAt": "2026-01-02T03:04:05Z",
    "dedupKey": "checkout-5xx",
}


async def test_a_reported_incident_is_answered_as_it_now_stands(api: Api) -> None:
    answer = await api.post("/incident", json=FULL)
    assert answer.status_code == 201
    made = answer.json()
    assert {name: made[name] for name in FULL} == FULL
    assert made["status"] == "open"
    assert answer.headers["location"] == f"/incidents/{made['id']}"
    assert answer.headers["etag"] == f'"{made["version"]}"'
    assert answer.headers["x-pulseops-position"] == str(made["position"])
    shown = await api.get(answer.headers["location"])
    assert shown.status_code == 200
    story = shown.json()
    timeline = story.pop("timeline")
    assert story == made | {"livesOn": None}
    assert timeline[0]["event"] == "CREATED"
    assert timeline[0]["actor"] == "key:admin"
    assert [step["version"] for step in timeline] == list(range(1, made["version"] + 1))


async def test_both_spellings_are_one_route(api: Api) -> None:
    made = (await api.post("/incidents", json={"title": "a"})).json()
    one = await api.get(f"/incident/{made['id']}")
    assert one.json() == (await api.get(f"/incidents/{made['id']}")).json()


async def test_an_unknown_incident_is_a_404(api: Api) -> None:
    for path in (f"/incident/{uuid4()}", "/incident/not-a-uuid", f"/incidents/{uuid4()}/resolve"):
        answer = await (api.post(path) if path.endswith("resolve") else api.get(path))
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not-found"
