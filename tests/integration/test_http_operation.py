"""For those who run it: health, measurements, the description, and days on which the database is away."""

import hashlib
import json
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from pulseops.db.schema import expected_revision
from pulseops.http import docs
from pulseops.http.problem import KINDS
from pulseops.kernel import errors
from tests.conftest import Database
from tests.serving import Api, Refused, serving


async def test_live_asks_nobody_and_ready_tells_what_it_found(api: Api) -> None:
    del api.headers["authorization"]
    live = await api.get("/health/live")
    assert (live.status_code, live.json()["status"]) == (200, "ok")
    ready = await api.get("/health/ready")
    assert ready.status_code == 200
    found = ready.json()
    assert found["status"] == "degraded"
    assert found["database"] is True
    assert found["schema"] == found["schemaExpected"]
    assert found["reasons"] == ["no worker looks for due escalations"]
    assert found["sweepSeconds"] is None


async def test_ready_tells_how_far_each_subscription_is_behind(api: Api) -> None:
    await api.post("/incident", json={"title": "a"})
    await api.app.state.pool.execute(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
        "VALUES (1, 'incident', 1, clock_timestamp()), (1, 'timeline', 3, clock_timestamp())"
    )
    await api.app.state.pool.execute(
        "INSERT INTO eventstore.worker (worker_id, seen_at, swept_at) "
        "VALUES ('w', clock_timestamp(), clock_timestamp())"
    )
    found = (await api.get("/health/ready")).json()
    audited = ("signed", "published", "registered")
    nothing = {f"{done}Position": None for done in audited} | {f"un{done}Seconds": None for done in audited}
    nothing["refused"] = None
    assert found["logs"] == [{"name": "default", "position": 3, "overdueSeconds": 0.0, **nothing}]
    assert [(one["log"], one["name"], one["positions"]) for one in found["subscriptions"]] == [
        ("default", "incident", 2),
        ("default", "timeline", 0),
    ]
    assert found["status"] == "ok"
    scraped = (await api.get("/metrics")).text
    labels = 'log="default",shard="0",subscription="incident"'
    assert f"pulseops_subscription_lag_positions{{{labels}}} 2.0" in scraped
    assert 'pulseops_log_position{log="default"} 3.0' in scraped
    assert "pulseops_database_up 1.0" in scraped


async def test_requests_are_counted_by_template_and_never_by_path(api: Api) -> None:
    canary = f"canary-{uuid4().hex}"
    await api.get(f"/{canary}?{canary}=1")
    await api.get(f"/incident/{uuid4()}")
    await api.request("BREW", "/incidents")
    scraped = (await api.get("/metrics")).text
    assert canary not in scraped
    assert 'pulseops_http_requests_total{method="GET",route="unmatched",status="404"}' in scraped
    assert (
        'pulseops_http_requests_total{method="GET",route="/incident/{incident_id}",status="404"}' in scraped
    )
    assert 'method="other"' in scraped


async def test_a_monitor_may_ask_for_the_head_alone(api: Api) -> None:
    made = (await api.post("/incident", json={"title": "a"})).json()
    for path in ("/health/live", "/health/ready", "/docs", f"/incident/{made['id']}", "/incidents"):
        whole, head = await api.get(path), await api.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == whole.headers.get(name)
    assert (await api.head("/nowhere")).status_code == 404
    assert (await api.head("/incident")).status_code == 405


async def test_the_list_waits_for_a_position_or_says_that_it_is_behind(api: Api) -> None:
    made = await api.post("/incident", json={"title": "a"})
    position = made.headers["x-pulseops-position"]
    answer = await api.get(f"/incidents?min_position={position}")
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")
    assert answer.headers["retry-after"] == "1"


async def test_the_description_is_complete(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    served = {
        (route.path_format, method)
        for route in api.app.routes
        for handler in route.route_handlers  # type: ignore[union-attr]  # they are all HTTP routes
        for method in handler.http_methods
        if method != "OPTIONS" and not route.path.startswith("/docs")
    }
    told = {(path, method.upper()) for path, one in document["paths"].items() for method in one}
    assert told == served
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))
    for path, operations in document["paths"].items():
        for method, one in operations.items():
            errors = {status for status in one["responses"] if status >= "400"} - (
                {"503"} if path == "/health/ready" else set()
            )
            assert "500" in errors
            assert ("401" in errors) is (one.get("security") != [])
            for status in errors:
                # Where browsers come there is a page besides.
                page = ["text/html"] * path.startswith("/login")
                media = list(one["responses"][status]["content"])
                assert media == ["application/problem+json", *page], (path, method)
    _resolve(document, document)


def _resolve(document: Any, node: Any) -> None:
    """Every reference leads somewhere."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            target = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
        for one in node.values():
            _resolve(document, one)
    elif isinstance(node, list):
        for one in node:
            _resolve(document, one)


async def test_the_documentation_needs_nothing_from_elsewhere(api: Api) -> None:
    del api.headers["authorization"]
    page = await api.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "://" not in page.text
    assert "<script>" not in page.text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "docs.css", "favicon.png"):
        assert f"/docs/{name}" in page.text or name == "docs.js"
        assert (await api.get(f"/docs/{name}")).status_code == 200, name
    for name in ("vendor.json", "docs.html", "..%2fdocs.py", "%2e%2e/docs.py"):
        assert (await api.get(f"/docs/{name}")).status_code == 404, name


def test_the_carried_files_are_those_that_were_taken() -> None:
    for package in json.loads((docs.STATIC / "vendor.json").read_text()):
        assert package["version"]
        assert package["licence"]
        for name, file in package["files"].items():
            assert hashlib.sha256((docs.STATIC / name).read_bytes()).hexdigest() == file["sha256"], name


def test_every_domain_error_has_its_answer() -> None:
    codes = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PulseOpsError)
    }
    assert codes - {"error"} <= set(KINDS)


async def test_a_start_on_bad_ground_is_refused_in_a_sentence(database: Database) -> None:
    with pytest.raises(Refused, match=r"^There is no database: set PULSEOPS_DATABASE_URL"):
        async with serving(None):
            pass
    with pytest.raises(Refused, match=r"^The database cannot be opened"):
        async with serving("postgresql://pulseops:secret@127.0.0.1:1/none"):
            pass
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '0001_eventstore'")
    with pytest.raises(Refused, match=r"^The database has schema 0001_eventstore, this version needs"):
        async with serving(database.app_url):
            pass
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = $1", expected_revision())
    await admin.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    await admin.close()
    with pytest.raises(Refused, match=r"^[^\n]*synchronous_commit is off"):
        async with serving(database.app_url):
            pass
    async with serving(database.app_url, allow_unsafe_durability=True) as api:
        assert (await api.get("/health/live")).status_code == 200


async def test_a_process_is_ready_on_a_newer_schema_that_bears_it_and_on_no_other(
    api: Api, admin: asyncpg.Connection
) -> None:
    async def ready() -> tuple[int, str]:
        answer = await api.get("/health/ready")
        # No worker runs, which alone makes it degraded.
        return answer.status_code, " ".join(answer.json()["reasons"])

    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '9999_later'")
    assert await ready() == (200, "no worker looks for due escalations")
    await admin.execute("DELETE FROM eventstore.compatible")
    status, reasons = await ready()
    assert (status, "start a newer one" in reasons) == (503, True)
    await admin.execute("UPDATE eventstore.alembic_version SET version_num = '0001_eventstore'")
    status, reasons = await ready()
    assert (status, "run `pulseops migrate`" in reasons) == (503, True)
