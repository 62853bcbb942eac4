"""Teams and services as of any moment, with those of the rules of then."""

from pathlib import Path
from typing import Any

import asyncpg

from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.recording import Recorder
from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database
from tests.integration.appending import until
from tests.serving import Api

RULES = """\
assignment:
  version: acme-{version}
  teams:
    - name: ops
      description: {description}
  routes:
    - name: shop
      when:
        service: {service}
      team: ops
  otherwise: ops
escalation:
  version: acme-1
  policies: []
"""


async def told(api: Api, path: str, **wanted: Any) -> Any:
    answer = await api.get(path, params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ruled(pool: asyncpg.Pool, folder: Path, version: int, service: str) -> None:
    path = folder / "rules.yaml"
    path.write_text(RULES.format(version=version, description=f"Number {version}", service=service))
    await Recorder(pool, load_rulebook(path), "api").record()


async def test_the_catalog_is_told_as_of_each_moment_as_it_was_told_then(
    database: Database, api: Api, pool: asyncpg.Pool
) -> None:
    # The rules of the process are the same throughout: they are recorded, so that those of then are today's.
    await Recorder(pool, api.app.state.rulebook, "api").record()
    listed = []
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        for path, body in (
            ("/teams/shop", {"displayName": "The shop", "lead": "ada"}),
            ("/services/checkout", {"team": "shop", "tier": 1}),
            ("/teams/shop", {"displayName": "Checkout", "members": [{"name": "ada"}]}),
            ("/services/checkout", None),
            ("/teams/database", {"description": "As defined"}),
            ("/teams/shop", None),
        ):
            answer = await (api.delete(path) if body is None else api.put(path, json=body))
            assert answer.is_success, answer.text
            position = int(answer.headers["x-pulseops-position"])
            wanted: dict[str, Any] = {"min_position": position, "limit": 200}
            stood = [await told(api, one, **wanted) for one in ("/teams", "/services")]
            listed.append((position, stood))
        for position, stood in listed:
            wanted = {"asOf": f"@{position}", "limit": 200}
            assert [await told(api, one, **wanted) for one in ("/teams", "/services")] == stood
        (first, (teams, _)), *_ = listed
        (shop,) = [one for one in teams["items"] if one["name"] == "shop"]
        assert await told(api, "/teams/shop", asOf=f"@{first}") == shop
        assert (await api.get("/services/checkout", params={"asOf": f"@{first}"})).status_code == 404
        found = await told(api, "/teams", asOf=f"@{first}", text="THE SHOP")
        assert [one["name"] for one in found["items"]] == ["shop"]
        second = listed[1][0]
        assert (await told(api, "/services", asOf=f"@{second}", team="shop", tier=1))["items"]
        assert not (await told(api, "/services", asOf=f"@{second}", team="shop", tier=2))["items"]
        names, cursor = list[str](), dict[str, str]()
        while True:
            page = await told(api, "/teams", asOf=f"@{first}", limit=3, **cursor)
            names += [one["name"] for one in page["items"]]
            if page["nextCursor"] is None:
                break
            cursor = {"cursor": page["nextCursor"]}
        assert names == [one["name"] for one in teams["items"]]


async def test_teams_and_services_of_the_rules_are_those_of_the_rules_of_then(
    database: Database, api: Api, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        # Its own come first.
        await until(lambda: pool.fetchval("SELECT EXISTS (SELECT FROM eventstore.event)"))
        await ruled(pool, tmp_path, 1, "shop-v1")
        between = (await api.post("/incident", json={"title": "In between"})).json()["position"]
        await ruled(pool, tmp_path, 2, "shop-v2")
        for at, version in ((f"@{between}", 1), (f"@{between + 1}", 2)):
            (team,) = (await told(api, "/teams", asOf=at))["items"]
            assert (team["name"], team["description"]) == ("ops", f"Number {version}")
            (service,) = (await told(api, "/services", asOf=at))["items"]
            assert (service["name"], service["source"]) == (f"shop-v{version}", "rules")
            assert (await told(api, "/teams/ops", asOf=at))["description"] == f"Number {version}"
        assert (await told(api, "/teams", asOf="@0"))["items"] == [], "what rules there were is not known"


async def test_what_changed_in_the_catalog_is_told_with_who_did_it_and_why(
    database: Database, api: Api
) -> None:
    async with working(Settings(database_url=database.app_url, pool_size=4)):
        await api.put("/teams/shop", json={"lead": "ada", "note": "founded"})
        made = await api.put("/services/checkout", json={"team": "shop"})
        middle = made.headers["x-pulseops-position"]
        await api.put("/teams/shop", json={"lead": "grace", "note": "ada has left"})
        await api.delete("/services/checkout", params={"note": "sold"})
        whole = await told(api, "/catalog/diff", **{"from": "@0", "to": f"@{middle}"})
        assert [(one["kind"], one["name"], one["what"]) for one in whole["items"]] == [
            ("service", "checkout", "added"),
            ("team", "shop", "added"),
        ]
        later = await told(api, "/catalog/diff", **{"from": f"@{middle}"})
        checkout, shop = later["items"]
        assert (checkout["what"], checkout["events"][0]["note"]) == ("removed", "sold")
        assert shop["changes"] == [{"field": "lead", "before": "ada", "after": "grace"}]
        (event,) = shop["events"]
        assert (event["event"], event["actor"], event["note"]) == (
            "TEAM.DEFINED",
            "key:admin",
            "ada has left",
        )


async def test_what_is_no_moment_or_not_there_yet_is_refused_everywhere(api: Api) -> None:
    for path in ("/teams", "/services", "/teams/shop", "/keys", "/users", "/rules", "/incidents"):
        for at, status in (("3", 422), ("yesterday", 422), ("@99", 404)):
            answer = await api.get(path, params={"asOf": at})
            assert answer.status_code == status, (path, at)
