"""Many incidents in one request: each item stands for itself."""

import msgspec

from tests.serving import Api

_LINES = {"content-type": "application/x-ndjson"}


async def _events(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def test_a_bad_item_fails_alone_and_the_order_is_kept(api: Api) -> None:
    items = [
        {"title": "one", "dedupKey": "d"},
        {"title": ""},
        {"title": "three", "dedupKey": "d"},
        "four",
        {"title": "five", "priority": "urgent"},
        {"title": "six\x00"},
        {"title": "seven"},
    ]
    answer = await api.post("/incidents:batch", json=items)
    assert answer.status_code == 200
    body = answer.json()
    assert [item["status"] for item in body["items"]] == [201, 422, 200, 422, 422, 422, 201]
    assert (body["stored"], body["failed"]) == (2, 4)
    one, blank, three, *_, six, seven = body["items"]
    assert one["incident"]["title"] == "one"
    assert blank["problem"]["errors"][0]["pointer"] == "/title"
    assert three["deduplicated"] is True
    assert three["incident"]["id"] == one["incident"]["id"]
    assert six["problem"]["errors"][0]["pointer"] == "/title"
    assert seven["incident"]["assignedTeam"]
    assert await _events(api) == one["incident"]["version"] + seven["incident"]["version"]


async def test_lines_are_items_too_and_a_malformed_one_fails_alone(api: Api) -> None:
    content = b'{"title":"one"}\n\n{"title":\r\n[[[\n{"title":"two"}\xff\n{"title":"three"}'
    answer = await api.post("/incidents:batch", content=content, headers=_LINES)
    assert [item["status"] for item in answer.json()["items"]] == [201, 400, 422, 400, 201]


async def test_a_repeated_batch_stores_nothing_twice(api: Api) -> None:
    key = {"idempotency-key": "k"}
    items = [{"title": str(n)} for n in range(20)]
    first = (await api.post("/incidents:batch", json=items, headers=key)).json()
    before = await _events(api)
    again = (await api.post("/incidents:batch", json=items, headers=key)).json()
    assert (first["stored"], again["stored"]) == (20, 0)
    assert [item["incident"] for item in again["items"]] == [item["incident"] for item in first["items"]]
    assert all(item["replayed"] for item in again["items"])
    items[3]["title"] = "another"
    third = (await api.post("/incidents:batch", json=items, headers=key)).json()
    assert [item["status"] for item in third["items"]] == [201] * 3 + [422] + [201] * 16
    assert third["items"][3]["problem"]["code"] == "idempotency-key-reused"
    assert await _events(api) == before


async def test_a_thousand_fit_and_one_more_does_not(api: Api) -> None:
    items = [{"title": str(n)} for n in range(1_000)]
    answer = await api.post("/incidents:batch", json=items)
    assert answer.json()["stored"] == 1_000
    before = await _events(api)
    assert (await api.post("/incidents:batch", json=[*items, {"title": "x"}])).status_code == 413
    lines = b"\n".join(map(msgspec.json.encode, [*items, {"title": "x"}]))
    assert (await api.post("/incidents:batch", content=lines, headers=_LINES)).status_code == 413
    big = [{"title": "x", "description": "d" * 20_000}] * 53
    assert (await api.post("/incidents:batch", json=big)).status_code == 413
    assert await _events(api) == before


async def test_what_is_no_batch_is_refused_as_a_whole(api: Api) -> None:
    for content, status in ((b"", 400), (b"[", 400), (b"{}", 422), (b"[" * 50_000 + b"]" * 50_000, 400)):
        answer = await api.post(
            "/incidents:batch", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == status, content[:10]
    assert (
        await api.post("/incidents:batch", content=b"[]", headers={"content-type": "text/plain"})
    ).status_code == 415
    assert (await api.post("/incidents:batch", json=[])).json() == {"items": [], "stored": 0, "failed": 0}
