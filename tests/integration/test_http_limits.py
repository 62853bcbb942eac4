"""Rates over HTTP, with a clock that the test holds."""

from pulseops.access.guards import Turnstile
from tests.keys import a_key
from tests.serving import Api


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def turned(api: Api, rate: int) -> Clock:
    """Every rate from here on goes by this clock."""
    clock = Clock()
    api.app.state.turnstile = Turnstile(rate, clock)
    return clock


async def _asked(api: Api, token: str, times: int, path: str = "/whoami") -> list[int]:
    headers = {"authorization": f"Bearer {token}"}
    return [(await api.get(path, headers=headers)).status_code for _ in range(times)]


async def test_a_key_beyond_its_rate_is_told_when_to_come_again_and_then_let_in(api: Api) -> None:
    clock = turned(api, 2)
    other = await a_key(api.app.state.pool, "other")
    assert await _asked(api, api.token, 5) == [200] * 4 + [429]
    made = await api.post("/incident", json={"title": "a"})
    assert made.status_code == 429, "the express lane has the same door"
    assert made.json()["code"] == "rate-limited"
    assert made.headers["content-type"] == "application/problem+json"
    assert made.headers["ratelimit-policy"] == '"default";q=4;w=2'
    assert made.headers["ratelimit"] == '"default";r=0;t=1'
    assert await _asked(api, other, 4) == [200] * 4, "another key is not disturbed"
    assert await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event") == 0
    clock.now += int(made.headers["retry-after"])
    assert (await api.post("/incident", json={"title": "a"})).status_code == 201
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert await _asked(api, api.token, 9, path) == [200] * 9


async def test_a_keys_own_rate_wins_over_the_default(api: Api) -> None:
    made = await api.post("/keys", json={"name": "slow", "role": "viewer", "rate": 1})
    assert made.status_code == 201, made.text
    turned(api, 0)
    assert await _asked(api, api.token, 50) == [200] * 50
    api.app.state.doorkeeper._keys._read_at = float(
        "-inf"
    )  # an unknown key is looked for once in a while only
    assert await _asked(api, made.json()["key"], 4) == [200, 200, 429, 429]


async def test_failures_of_one_address_are_bounded_and_put_on_record_no_more(api: Api) -> None:
    clock = turned(api, 0)
    wrong = "pulseops_0123456789ab_" + "A" * 43
    found = await _asked(api, wrong, 210)
    assert found == [401] * 200 + [429] * 10
    assert (await api.get("/whoami")).status_code == 200, "who has a key is let in from there all the same"
    clock.now += 1
    assert await _asked(api, wrong, 21) == [401] * 20 + [429]
    await api.app.state.auditor.stop()
    told = await api.get("/audit")
    assert [(one["code"], one["count"]) for one in told.json()["items"]] == [("unauthenticated", 220)]
