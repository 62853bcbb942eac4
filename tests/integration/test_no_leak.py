"""Of what is somebody else's nothing is told by any route that reads, neither of now nor of before."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pulseops.access.permissions import Role
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from pulseops.routes import ROUTES
from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api

MARK = "xyzzy"
_ENDLESS = {"/stream"}
_TELLING = {
    "/incidents",
    "/incident/{incident_id:uuid}",
    "/incident/{incident_id:uuid}/diff",
    "/incidents/diff",
    "/incidents/facets",
    "/keys",
    "/keys/{key_id:str}",
    "/users",
    "/users/{name:str}",
    "/access/diff",
    "/events",
    "/reports/load",
    "/reports/weekly",
}
"""To whom may see it."""


def reading() -> Iterator[str]:
    """Every route that reads behind a key, as its path is written."""
    for handler in ROUTES:
        spec = handler.opt["spec"]
        if "GET" in handler.http_methods and not spec.public and not spec.hidden:
            yield from (path for path in handler.paths if path not in _ENDLESS)


def asked(path: str, made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path with what is somebody else's in it, and what may be asked there of any time."""
    for name in ("shop", made["key"], "eve") if "{" in path and "incident_id" not in path else ("",):
        there = path.replace("{incident_id:uuid}", made["id"])
        for part in ("{name:str}", "{key_id:str}"):
            there = there.replace(part, name)
        there = there.replace("{tile:path}", "/tile/0/000.p/1")
        yield there, {}
        for then in made["positions"]:
            yield there, {"asOf": f"@{then}"}
            yield there, {"from": "@0", "to": f"@{then}"}
            yield there, {"position": then}
        yield there, {"asOf": made["time"]}
        yield there, {"from": "@0"}
        yield there, {"text": MARK}
        yield there, {"text": MARK, "asOf": f"@{made['positions'][0]}"}
        yield there, {"team": "security"}
        yield there, {"since": made["from"], "until": made["to"]}
        yield there, {"incident": made["id"], "version": 1}
        yield there, {"incident": made["id"]}


async def _history(api: Api) -> dict[str, Any]:
    """An incident that was the database's once, and is security's; a key and a user of others."""
    first = (await api.post("/incident", json={"title": f"Disk full {MARK}", "description": MARK})).json()
    path = f"/incident/{first['id']}"
    positions = [first["position"]]
    for verb, body in (
        ("assign", {"team": "database", "responder": MARK}),
        ("acknowledge", {"note": MARK}),
        ("comment", {"text": MARK}),
        ("resolve", {"cause": MARK}),
        ("reopen", {}),
        ("assign", {"team": "security"}),
    ):
        answer = await api.post(f"{path}/{verb}", json=body)
        assert answer.is_success, answer.text
        positions.append(answer.json()["position"])
    key = (await api.post("/keys", json={"name": f"k-{MARK}", "role": "viewer"})).json()["id"]
    await api.post("/users/eve/grant", json={"role": "admin", "teams": [MARK]})
    time = (await api.get(path)).json()["timeline"][4]["timestamp"]
    now, day = utc_now(), timedelta(days=1)
    period = {"from": (now - day).isoformat(), "to": (now + day).isoformat()}
    return {"id": first["id"], "positions": positions, "key": key, "time": time, **period}


@pytest.mark.parametrize("whose", ["limited", "another log's"])
async def test_nobody_is_told_of_what_is_not_theirs_by_any_route_of_any_time(
    database: Database, api: Api, whose: str
) -> None:
    pool = api.app.state.pool
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        made = await _history(api)
        await api.get("/incidents", params={"min_position": made["positions"][-1]})
        if whose == "limited":
            where: dict[str, Any] = {"teams": ("database",)}
        else:
            where = {"log_id": await create_log(pool, "second", now=utc_now())}
        roles: tuple[Role, ...] = ("viewer", "admin", "auditor")
        seen = set[int]()
        for role in roles:
            mine = {"authorization": f"Bearer {await a_key(pool, f'mine-{role}', role=role, **where)}"}
            api.app.state.doorkeeper.forget()
            for path in reading():
                for there, wanted in asked(path, made):
                    answer = await api.get(there, params=wanted, headers=mine)
                    seen.add(answer.status_code)
                    assert answer.status_code < 500 or answer.status_code == 503, (there, wanted, answer.text)
                    # What was asked for may be said back.
                    assert MARK not in answer.text.replace(there, "").replace(f"“{MARK}”", ""), (
                        role,
                        there,
                        wanted,
                        answer.text,
                    )
                    assert MARK not in str(answer.headers)
        assert 200 in seen
        told = set[str]()
        for path in reading():
            for there, wanted in asked(path, made):
                told |= {path} if MARK in (await api.get(there, params=wanted)).text else set()
        assert told >= _TELLING, "there is something to be told"
