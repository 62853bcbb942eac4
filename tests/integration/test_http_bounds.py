"""What every route refuses, whatever it is for: bodies, depths, lists and queries beyond all bounds."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from litestar.routes import HTTPRoute

from pulseops.http.spec import Spec
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


def _routes(api: Api) -> Iterator[tuple[str, str, Spec]]:
    for route in api.app.routes:
        if isinstance(route, HTTPRoute):
            path = route.path_format.replace("{incident_id}", "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f")
            for name in route.path_parameters:
                path = path.replace(f"{{{name}}}", "a")
            for handler in route.route_handlers:
                if isinstance(spec := handler.opt.get("spec"), Spec):
                    yield from ((str(method), path, spec) for method in handler.http_methods)


async def _stored(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def test_no_route_takes_a_body_beyond_all_bounds(api: Api) -> None:
    amiss, seen = list[Any](), 0
    for method, path, spec in _routes(api):
        if spec.body is None:
            continue
        seen += 1
        for name, (body, expected) in _BODIES.items():
            answer = await api.request(method, path, content=body, headers=_JSON)
            if answer.status_code not in expected or "code" not in answer.json():
                amiss.append((method, path, name, answer.status_code))
    assert not amiss
    assert seen > 10
    assert await _stored(api) == 0


async def test_no_route_stumbles_over_ten_thousand_parameters(api: Api) -> None:
    amiss = list[Any]()
    for method, path, spec in _routes(api):
        if method == "GET" and spec.query is not None:
            answer = await api.get(f"{path}?{_QUERY}")
            if answer.status_code not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
                amiss.append((path, answer.status_code))
    assert not amiss
