"""What every route refuses, whatever it is for: bodies, depths, lists and queries beyond all bounds."""

import json
from http import HTTPStatus
from typing import Any

from tests.integration.asked import routes
from tests.serving import Api

_JSON = {"content-type": "application/json"}
_BODIES = {
    "10 MB": (b'{"x":"' + b"a" * 10_000_000 + b'"}', {413}),
    "10,000 deep": (b"[" * 10_000 + b"]" * 10_000, {400, 413, 422}),
    "10,000 deep in a field": (b'{"labels":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, {400, 413, 422}),
    "100,000 labels": (json.dumps({"labels": {str(n): "" for n in range(100_000)}}).encode(), {413, 422}),
    "100,000 items": (json.dumps({"items": [{}] * 100_000}).encode(), {413, 422}),
    "a string of 200,000": (json.dumps({"note": "a" * 200_000, "title": "a" * 200_000}).encode(), {413, 422}),
    "half of one": (b'{"title":"a', {400, 422}),
}
_QUERY = "&".join(f"{n:x}=" for n in range(10_000))


async def _stored(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def test_no_route_takes_a_body_beyond_all_bounds(api: Api) -> None:
    amiss, seen = list[Any](), 0
    for route in routes(api):
        method, path = route.method, route.at()
        if route.spec.body is None:
            continue
        seen += 1
        for name, (body, expected) in _BODIES.items():
            answer = await api.request(method, path, content=body, headers=_JSON)
            if answer.status_code not in expected or "code" not in answer.json():
                amiss.append((method, path, name, answer.status_code))
    assert not amiss
    assert seen > 10
    assert await _stored(api) == 0


async def test_a_body_that_nobody_asked_for_does_no_harm(api: Api) -> None:
    for route in routes(api):
        if route.spec.body is None and not route.path.startswith("/stream"):
            for body, _ in _BODIES.values():
                answer = await api.request(route.method, route.at(), content=body, headers=_JSON)
                assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (route.method, route.path)
    assert await _stored(api) == 0


async def test_no_route_stumbles_over_ten_thousand_parameters(api: Api) -> None:
    amiss = list[Any]()
    for route in routes(api):
        path = route.at()
        if route.method == "GET" and route.spec.query is not None:
            answer = await api.get(f"{path}?{_QUERY}")
            if answer.status_code not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
                amiss.append((path, answer.status_code))
    assert not amiss


async def test_a_time_that_is_none_in_utc_is_refused_by_name(api: Api) -> None:
    lists = ("/incidents", "/incidents/facets")
    asked = [("/audit", "since"), *((path, parameter) for path in lists for parameter in ("since", "until"))]
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"):
        for path, parameter in asked:
            answer = await api.get(path, params={parameter: time})
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (path, parameter, time)
            assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]
        wanted = {"name": "ci", "role": "viewer", "expiresAt": time}
        answer = await api.post("/keys", json=wanted)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, time
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/expiresAt"]
    assert await _stored(api) == 0
