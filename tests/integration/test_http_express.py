"""The express lane and Litestar's own way: nobody can tell from an answer which one it took."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from pulseops.http.exchange import exchange
from pulseops.http.express import Express
from tests.serving import Api

_EXPRESS, _USUAL = "pulseops:8000", "[::1]:8000"
_UNKNOWN = "0f6a2f0e-5c1b-4d7e-9a53-8c2f1e6b7d90"
_JSON = {"content-type": "application/json"}
_VARIES = (
    "id",
    "position",
    "createdAt",
    "classifiedAt",
    "assignedAt",
    "updatedAt",
    "occurredAt",
    "correlationId",
)


def _told(answer: httpx.Response) -> Any:
    """All that is not different for every request."""
    headers = {
        name: value for name, value in answer.headers.items() if name not in {"x-request-id", "location"}
    }
    headers.pop("x-pulseops-position", None)
    headers.pop("content-length", None)
    body = answer.json() if answer.content else None
    for one in (body, *(item.get("incident", {}) for item in (body or {}).get("items", ()))):
        for name in _VARIES:
            (one or {}).pop(name, None)
    return answer.status_code, sorted(headers.items()), body


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/incident", {"json": {"title": "a"}}),
        ("POST", "/incidents", {"json": {"title": "a"}, "headers": {"idempotency-key": "k"}}),
        ("POST", "/incident", {"content": b"{", "headers": _JSON}),
        ("POST", "/incident", {"json": {"titel": "a"}}),
        ("POST", "/incident", {"content": b"x", "headers": {"content-type": "text/plain"}}),
        ("POST", "/incident", {"json": {"title": "a"}, "headers": {"authorization": "Bearer nobody"}}),
        ("POST", "/incidents:batch", {"json": [{"title": "a"}, {}]}),
        ("GET", f"/incident/{_UNKNOWN}", {}),
        ("GET", "/incident/no-uuid", {}),
        ("GET", f"/incidents/{_UNKNOWN}x", {}),
        ("HEAD", f"/incident/{_UNKNOWN}", {}),
        ("DELETE", "/incident", {}),
        ("GET", f"/incident/{_UNKNOWN}", {"headers": {"authorization": ""}}),
    ],
)
async def test_both_ways_say_the_same(api: Api, method: str, path: str, options: dict[str, Any]) -> None:
    headers = options.pop("headers", {})
    told = []
    for host in (_EXPRESS, _USUAL):
        key = {"idempotency-key": f"{host}"} if "idempotency-key" in headers else {}
        answer = await api.request(method, path, headers={**headers, "host": host, **key}, **options)
        told.append(_told(answer))
    assert told[0] == told[1]


async def test_the_busy_routes_take_it_when_they_are_asked_plainly(api: Api) -> None:
    lane = Express(api.app)

    def taken(method: str, path: str, host: str = _EXPRESS) -> bool:
        known = exchange([(b"host", host.encode())])
        return lane.find({"method": method, "path": path, "exchange": known}) is not None

    for path in ("/incident", "/incidents", "/incidents:batch"):
        assert taken("POST", path)
        assert not taken("POST", f"{path}/")
        assert not taken("POST", path, _USUAL)
    for path in ("/incident/", "/incidents/"):
        assert taken("GET", f"{path}{uuid4()}")
        assert not taken("GET", f"{path}{uuid4().hex}")
        assert not taken("PUT", f"{path}{uuid4()}")
