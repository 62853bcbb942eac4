"""Whatever the API answered when a position was the newest it answers as of that position for ever."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct

from pulseops.eventstore.history import newest
from pulseops.kernel.clock import utc_now
from pulseops.rulebook.recording import Recorder
from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database
from tests.serving import Api

_TITLES = ("Disk full on db-1", "Checkout answers 503", "Phishing mail reached the board", "Slow search")
_PRIORITIES = ("low", "medium", "high", "critical")
_NAMES = ("shop", "ops-b")
_LISTS: tuple[dict[str, Any], ...] = (
    {},
    {"sort": "created"},
    {"status": ["open", "acknowledged"]},
    {"status": "merged"},
    {"priority": ["high", "critical"]},
    {"team": ["database", "shop"]},
    {"responder": "ada"},
    {"service": "checkout"},
    {"source": "monitoring", "sort": "created"},
    {"label": ["region=eu"]},
    {"label": "zone"},
    {"text": "disk"},
    {"category": "security"},
)
_ALL = {"status": "open", "priority": ["low", "high"], "team": "database", "source": "user"}


class Told(Struct, frozen=True):
    """What was answered while `position` was the newest."""

    position: int
    path: str
    wanted: dict[str, Any]
    status: int
    body: Any


class Chance:
    """A long life of many things through the API, by the same steps for the same seed."""

    def __init__(self, api: Api, seed: int) -> None:
        self.api, self.random = api, random.Random(seed)
        self.incidents, self.keys = list[str](), list[str]()

    async def step(self) -> None:
        draw = self.random
        kinds: list[Callable[[], Any]] = [
            self._report,
            *[self._respond] * 6,
            self._define,
            self._key,
            self._user,
        ]
        await draw.choice(kinds)()

    async def _report(self) -> None:
        draw = self.random
        body = {
            "title": draw.choice(_TITLES),
            "source": draw.choice(("user", "monitoring")),
            "service": draw.choice((None, "checkout")),
            "labels": draw.choice(({}, {"region": "eu"}, {"zone": ""})),
            "priority": draw.choice((None, *_PRIORITIES)),
            "dedupKey": draw.choice((None, "same")),
        }
        made = await self.api.post("/incident", json=body)
        self.incidents.append(made.json()["id"])

    async def _respond(self) -> None:
        draw = self.random
        if not self.incidents:
            return await self._report()
        one, other = draw.choice(self.incidents), draw.choice(self.incidents)
        until = (utc_now() + timedelta(days=draw.randint(1, 80))).isoformat()
        verb, body = draw.choice(
            (
                ("acknowledge", {"note": "mine"}),
                ("unacknowledge", {}),
                ("snooze", {"until": until}),
                ("unsnooze", {}),
                (
                    "assign",
                    {"team": draw.choice(("database", "shop")), "responder": draw.choice(("ada", "eve"))},
                ),
                ("priority", {"priority": draw.choice(_PRIORITIES), "correction": draw.random() < 0.5}),
                ("category", {"category": draw.choice(("security", "disk"))}),
                ("edit", {"title": draw.choice(_TITLES), "labels": {"region": draw.choice(("eu", None))}}),
                ("comment", {"text": "Hm."}),
                ("impact", {"services": ["checkout"], "customers": draw.choice((None, 0, 12))}),
                ("link", {"url": "https://example.com/x"}),
                ("link", {"incident": other}),
                ("escalate", {}),
                ("merge", {"into": other}),
                ("split", {}),
                ("resolve", {"resolution": "fixed", "cause": "x"}),
                ("reopen", {}),
            )
        )
        await self.api.post(f"/incident/{one}/{verb}", json=body)
        return None

    async def _define(self) -> None:
        draw = self.random
        team, service = f"/teams/{draw.choice(_NAMES)}", f"/services/{draw.choice(_NAMES)}"
        if draw.random() < 0.4:
            await self.api.delete(draw.choice((team, service)))
        elif draw.random() < 0.5:
            await self.api.put(team, json={"lead": draw.choice(("ada", "eve")), "members": [{"name": "ada"}]})
        else:
            await self.api.put(service, json={"team": draw.choice(_NAMES), "tier": draw.randint(1, 4)})

    async def _key(self) -> None:
        draw = self.random
        if self.keys and draw.random() < 0.6:
            key = draw.choice(self.keys)
            if draw.random() < 0.5:
                await self.api.post(f"/keys/{key}/rotate", json={"overlapSeconds": draw.choice((0, 900))})
            else:
                await self.api.delete(f"/keys/{key}")
            return
        teams = draw.choice((None, ["shop"]))
        body = {"name": f"k{draw.randint(0, 5)}", "role": draw.choice(("viewer", "admin")), "teams": teams}
        made = await self.api.post("/keys", json=body)
        if made.is_success:
            self.keys.append(made.json()["id"])

    async def _user(self) -> None:
        draw = self.random
        path = f"/users/{draw.choice(('ada', 'eve'))}"
        if draw.random() < 0.4:
            await self.api.post(f"{path}/revoke", json={})
        else:
            body = {"role": draw.choice(("viewer", "manager")), "teams": draw.choice((None, ["shop"]))}
            await self.api.post(f"{path}/grant", json=body | {"newSubject": draw.random() < 0.3})


def asked(chance: Chance) -> list[tuple[str, dict[str, Any]]]:
    lists: list[tuple[str, dict[str, Any]]] = [("/incidents", one | {"limit": 200}) for one in _LISTS]
    lists += [("/incidents/facets", {k: v for k, v in one.items() if k != "sort"}) for one in (*_LISTS, _ALL)]
    named = [f"/{kind}s/{name}" for kind in ("team", "service") for name in (*_NAMES, "database")]
    ones = [f"/incident/{one}" for one in dict.fromkeys(chance.incidents)]
    more = ("/teams", "/services", "/keys", "/users", "/users/ada", "/users/eve", "/rules")
    return lists + [(path, {}) for path in (*ones, *named, *more, *(f"/keys/{key}" for key in chance.keys))]


def comparable(body: Any) -> Any:
    """Without what is told of now alone, and what history does not hold."""
    match body:
        case dict():
            unheld = {"lastUsedAt", "unrecorded"}
            return {name: comparable(value) for name, value in body.items() if name not in unheld}
        case list():
            return [comparable(one) for one in body]
        case _:
            return body


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_answer_is_given_again_as_of_its_position(
    database: Database, api: Api, seed: int
) -> None:
    pool, told, instants = api.app.state.pool, list[Told](), dict[int, str]()
    await Recorder(pool, api.app.state.rulebook, "api").record()
    chance = Chance(api, seed)
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        for _ in range(45):
            await chance.step()
            if chance.random.random() < 0.7:
                continue
            position = await newest(pool, 1)
            found = list[Told]()
            for path, wanted in asked(chance):
                least = {"min_position": position} if path[1:5] in {"inci", "team", "serv"} else {}
                answer = await api.get(path, params=wanted | least)
                found.append(Told(position, path, wanted, answer.status_code, comparable(answer.json())))
            if await newest(pool, 1) == position:
                told += found
                at = await pool.fetchval(
                    "SELECT recorded_at FROM eventstore.event WHERE log_id = 1 AND position = $1", position
                )
                instants[position] = at.isoformat()
        assert len(instants) > 5
        for one in told:
            for at in (f"@{one.position}", instants[one.position]):
                again = await api.get(one.path, params=one.wanted | {"asOf": at})
                assert again.status_code == one.status, (one, again.text)
                if one.status == 200:
                    assert comparable(again.json()) == one.body, (one.path, one.wanted, at)
