"""The description is true: of the door, of every code, of the names in paths, of repeated requests."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest

from pulseops.app import create_app
from pulseops.http import protocol
from pulseops.http.admission import Admission
from pulseops.http.problem import KINDS, MEDIA
from pulseops.settings import Settings
from tests.conftest import Database
from tests.serving import Api, listening, said


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(create_app(Settings()).state.openapi())
    return document


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): one
        for path, item in document["paths"].items()
        for method, one in item.items()
    }


def codes(operation: dict[str, Any]) -> set[tuple[str, str]]:
    """The statuses and codes of its problems."""
    return {
        (status, code)
        for status, answer in operation["responses"].items()
        for code in answer.get("content", {}).get(MEDIA, {}).get("examples", ())
    }


async def answered(port: int, method: str, path: str, *head: bytes) -> tuple[str, str | None]:
    """The status and, of a problem, the code."""
    first = f"{method} {path.replace('{', '').replace('}', '')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    told, _, body = (await said(port, first.encode() + head[0], *head[1:])).partition(b"\r\n\r\n")
    return told.split()[1].decode(), json.loads(body)["code"] if MEDIA.encode() in told else None


async def test_whatever_is_refused_before_a_route_is_described_of_the_route(
    described: dict[str, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FREELY", -1)
    monkeypatch.setattr(Admission, "admits", lambda *_: False)
    too_long = (b"X: " + b"a" * 40_000, b"a" * 40_000)
    async with listening(database.app_url) as (port, _):
        for (method, path), operation in operations(described).items():
            told = codes(operation)
            in_a_crowd, unreadable, endless = await asyncio.gather(
                answered(port, method, path, b"\r\n"),
                answered(port, method, path, b"no header\r\n\r\n"),
                answered(port, method, path, *too_long),
            )
            assert unreadable == ("400", "malformed")
            assert endless == ("431", "head-too-large")
            assert {unreadable, endless} <= told, path
            if path.startswith(("/health", "/metrics")):
                assert in_a_crowd == ("200", None)
                assert ("503", "overloaded") not in told, path
            else:
                assert in_a_crowd == ("503", "overloaded")
                assert in_a_crowd in told, path
                assert "Retry-After" in operation["responses"]["503"]["headers"], path


def test_every_code_is_one_that_somebody_can_meet(described: dict[str, Any]) -> None:
    met = {code for one in operations(described).values() for _, code in codes(one)}
    # A method that there is not has no operation to describe it.
    assert set(KINDS) - met == {"method-not-allowed"}


def test_every_body_and_every_answer_has_an_example_that_fits(described: dict[str, Any]) -> None:
    components, lacking = {"components": described["components"]}, set[tuple[str, str]]()
    for (method, path), one in operations(described).items():
        for part in (one.get("requestBody", {}), *one["responses"].values()):
            for media, content in part.get("content", {}).items():
                examples = [told["value"] for told in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                validator = jsonschema_rs.validator_for(content["schema"] | components)
                for example in examples:
                    validator.validate(example)
                if not examples:
                    lacking.add((f"{method} {path}", media))
    assert lacking == {
        ("GET /audit/proofs/inclusion", "text/plain"),  # the same as the JSON
        ("GET /audit/tile/{tile}", "application/octet-stream"),
        ("GET /login", "text/html"),
        ("GET /login/callback", "text/html"),
        ("GET /metrics", "text/plain"),
        ("GET /openapi.json", "application/json"),
        *(
            (f"GET {path}", media)
            for path in ("/problems", "/problems/{code}")
            for media in ("text/html", "text/markdown")
        ),
        *((f"GET /reports/{name}", "text/csv") for name in ("load", "mtta", "mttr", "noise", "weekly")),
        ("POST /incidents:batch", "application/x-ndjson"),  # its lines are items of the array
        ("POST /users/{name}/revoke", "application/json"),  # there is nothing to say in it
    }


async def test_a_time_to_come_in_an_example_is_still_to_come_when_the_example_is_read(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    asked = paths["/incident/{incident_id}/snooze"]["post"]["requestBody"]["content"]["application/json"]
    until = datetime.fromisoformat(asked["example"]["until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < until < timedelta(hours=25)
    incident = (await api.post("/incident", json={"title": "a"})).headers["location"]
    assert (await api.post(f"{incident}/snooze", json=asked["example"])).status_code == 200


def test_what_stands_in_a_path_is_described_as_what_it_is(described: dict[str, Any]) -> None:
    found = {
        parameter["name"]: parameter["schema"]
        for one in operations(described).values()
        for parameter in one["parameters"]
        if parameter["in"] == "path"
    }
    assert found == {
        "incident_id": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "key_id": {"type": "string"},
        "code": {"type": "string"},
        "tile": {"type": "string", "pattern": r"^[0-9]{1,2}/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?$"},
    }


def test_every_parameter_of_a_query_is_explained_where_readers_look(described: dict[str, Any]) -> None:
    for (method, path), one in operations(described).items():
        for parameter in one["parameters"]:
            if parameter["in"] != "path":
                assert parameter["description"].endswith("."), (method, path, parameter["name"])
                assert "description" not in parameter["schema"]


def test_no_schema_is_named_after_a_module_of_ours(described: dict[str, Any]) -> None:
    names = described["components"]["schemas"].keys()
    assert [name for name in names if not name.replace("_", "").isalnum()] == []
    assert {"IncidentsCreate", "AccessCreate"} <= names
    assert '"#/components/schemas/pulseops.' not in json.dumps(described)


def test_no_explanation_is_indented_into_a_block_of_code(described: dict[str, Any]) -> None:
    def texts(node: Any) -> Iterator[str]:
        for name, one in node.items() if isinstance(node, dict) else ():
            if name == "description" and isinstance(one, str):
                yield one
            yield from texts(one)
        for one in node if isinstance(node, list) else ():
            yield from texts(one)

    assert [one for one in texts(described) if "\n    " in one] == []


async def test_problems_are_told_in_the_media_that_are_described(api: Api, described: dict[str, Any]) -> None:
    for path in ("/problems", "/problems/{code}"):
        told = described["paths"][path]["get"]["responses"]["200"]["content"]
        for media in told:
            answer = await api.get(path.replace("{code}", "ahead"), headers={"accept": media})
            assert answer.headers["content-type"].partition(";")[0] == media
        assert told.keys() == {"application/json", "text/html", "text/markdown"}


async def test_what_a_status_forbids_is_shown_with_the_status(api: Api, described: dict[str, Any]) -> None:
    refused = described["paths"]["/incident/{incident_id}/snooze"]["post"]["responses"]["409"]
    example = refused["content"][MEDIA]["examples"]["invalid-transition"]["value"]
    assert example["current"] == "resolved"
    assert (await api.get("/problems/invalid-transition")).json()["example"]["current"] == "resolved"


async def test_a_name_that_no_path_can_hold_is_refused_as_described(
    api: Api, described: dict[str, Any]
) -> None:
    for kind in ("teams", "services"):
        answer = await api.put(f"/{kind}/a%2Fb", json={"team": "payments"})
        told = codes(described["paths"][f"/{kind}/{{name}}"]["put"])
        assert (str(answer.status_code), answer.json()["code"]) in told


async def test_a_key_remembers_what_changed_nothing(api: Api) -> None:
    key = {"idempotency-key": "k"}
    body = {"title": "a", "dedupKey": "d"}
    open_one = await api.post("/incident", json=body)
    joined = await api.post("/incident", json=body, headers=key)
    assert (joined.status_code, joined.json()["id"]) == (200, open_one.json()["id"])
    await api.post(f"{open_one.headers['location']}/resolve")
    again = await api.post("/incident", json=body, headers=key)
    assert (again.status_code, again.content) == (200, joined.content)
    assert again.headers["idempotency-replayed"] == "true"


def test_every_post_may_be_sent_again_under_a_key(described: dict[str, Any]) -> None:
    for (method, path), one in operations(described).items():
        if method == "POST" and path != "/logout":  # which ends what its cookie names, however often
            [told] = [it["description"] for it in one["parameters"] if it["name"] == "Idempotency-Key"] or [
                ""
            ]
            assert "also when it changed nothing or joined an open incident" in told, path
            # Of a batch each item has an answer of its own.
            refused = one["responses"]["422"]["description"]
            assert "idempotency-key-reused" in refused or path == "/incidents:batch", path


def test_what_was_made_leads_to_whatever_may_be_asked_of_it(described: dict[str, Any]) -> None:
    named = {one["operationId"]: path for (_, path), one in operations(described).items()}
    for path, status, thing in (
        ("/incident", "201", "/incident/{incident_id}"),
        ("/incidents", "200", "/incidents/{incident_id}"),
        ("/keys", "201", "/keys/{key_id}"),
    ):
        leads = described["paths"][path]["post"]["responses"][status]["links"]
        assert leads.keys() == {name for name, to in named.items() if to.startswith(thing)}
    team = described["paths"]["/teams/{name}"]["put"]["responses"]["201"]["links"]
    assert team.keys() == {"getTeam", "defineTeam", "retireTeam"}
    assert team["getTeam"]["parameters"] == {"name": "$response.body#/name"}
