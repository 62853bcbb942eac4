"""Every write says its position, and every read can be asked to show it."""

import asyncio
import re
from typing import Any

import asyncpg
import pytest

from pulseops.kernel.errors import Behind
from pulseops.settings import Settings
from pulseops.subscriptions.positions import look_from
from pulseops.worker import working
from tests.conftest import Database
from tests.serving import Api

POSITION = "x-pulseops-position"
KEYED = {"idempotency-key": "k"}


def position(answer: Any) -> int:
    return int(answer.headers[POSITION])


async def test_every_way_to_write_says_its_position(api: Api) -> None:
    body = {"title": "a", "dedupKey": "d"}
    made = await api.post("/incident", json=body, headers=KEYED)
    assert position(made) == made.json()["position"] == 3
    path = made.headers["location"]
    assert position(await api.post("/incident", json=body, headers=KEYED)) == 3, "a replay's is that of then"
    assert position(await api.post("/incidents", json=body)) == 3, "the open incident that holds the key"
    acknowledged = await api.post(f"{path}/acknowledge", json={}, headers=KEYED)
    assert position(acknowledged) == 4
    resolved = await api.post(f"{path}/resolve", json={})
    assert position(resolved) == 5
    assert position(await api.post(f"{path}/acknowledge", json={}, headers=KEYED)) == 4
    assert position(await api.post(f"{path}/resolve", json={})) == 5, "nothing was left to do"
    batch = await api.post("/incidents:batch", json=[{"title": "a"}, {"title": ""}, {"title": "b"}])
    assert position(batch) == max(one["incident"]["position"] for one in batch.json()["items"][::2])
    failed = await api.post("/incidents:batch", json=[{"title": ""}])
    assert POSITION not in failed.headers


async def test_a_write_is_read_back_at_once_wherever_it_shows(database: Database, api: Api) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        for number in range(1, 6):
            made = await api.post("/incident", json={"title": f"{number}", "priority": "critical"})
            least = {"min_position": position(made)}
            for path in ("/incidents", "/escalations"):
                listed = await api.get(path, params=least)
                assert len(listed.json()["items"]) == number
                assert position(listed) >= position(made)
            shown = await api.get(made.headers["location"], params=least)
            assert position(shown) == position(made)
            assert position(await api.get("/subscriptions", params=least)) >= position(made)


@pytest.mark.parametrize("path", ["/incidents", "/escalations", "/incident/{}", "/subscriptions"])
async def test_a_position_that_is_not_there_yet_is_answered_with_come_again(api: Api, path: str) -> None:
    made = await api.post("/incident", json={"title": "a"})
    answer = await api.get(path.format(made.json()["id"]), params={"min_position": 1000})
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")
    assert answer.headers["retry-after"] == "1"


async def test_who_waits_for_what_does_not_come_asks_ever_less_often(pool: asyncpg.Pool) -> None:
    asked = list[float]()
    clock = asyncio.get_running_loop().time

    async def measure(_: asyncpg.Connection) -> int:
        asked.append(clock())
        return 0

    async def look(_: asyncpg.Connection) -> None:
        """Is never come to."""

    began = clock()
    with pytest.raises(Behind):
        await look_from(pool, measure, look, least=2**63 - 1)
    assert len(asked) <= 16
    assert asked[3] - began < 0.2, "what comes at once is seen at once"
    assert asked[-1] - began >= 2.0, "what comes at the last moment is seen as well"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("min_position=x", "min_position"),
        ("min_position=-1", "min_position"),
        ("min_positoin=1", "Did you mean min_position?"),
    ],
)
async def test_a_read_of_one_incident_refuses_what_it_does_not_know(
    api: Api, query: str, detail: str
) -> None:
    made = await api.post("/incident", json={"title": "a"})
    answer = await api.get(f"{made.headers['location']}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert detail in answer.text


async def test_the_description_has_positions_on_every_write_and_every_read(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    operations = [
        (path, method, one)
        for path, item in paths.items()
        for method, one in item.items()
        if one.get("security") != []
    ]
    # Keys and users, what they did, what is planned for one incident, rules, history itself, and what changed
    # between two moments are read where they are written.
    current = re.compile("/(keys|users|whoami|audit|stream|events|rules|incidents?/[^/]+/plan|.*diff)(/|$)")
    reads = [(path, one) for path, method, one in operations if method == "get" and not current.match(path)]
    assert {path for path, _ in reads} >= {"/incidents", "/incident/{incident_id}", "/escalations"}
    for path, one in reads:
        assert "min_position" in [parameter["name"] for parameter in one["parameters"]], path
        assert "`behind`" in one["responses"]["503"]["description"], path
        assert "Retry-After" in one["responses"]["503"]["headers"], path
    # Operators' commands change how the log is worked off, and add nothing to it.
    writes = [(path, one) for path, method, one in operations if method == "post" and "/incident" in path]
    for path, one in reads + writes:
        for status, answer in one["responses"].items():
            if status < "400":
                assert "X-PulseOps-Position" in answer["headers"], (path, status)
