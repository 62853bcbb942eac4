"""SQL, control characters and terminal sequences through every text of every body, and tampered ids."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from pulseops.kernel.ids import new_id
from pulseops.logs import processors
from tests.integration.asked import Route, having, routes, texts
from tests.serving import Api

_JSON = {"content-type": "application/json"}
_POISONS = {
    "SQL": "'; DROP TABLE eventstore.event; -- \\' OR 1=1 /* $$ ${jndi:x} {0} %s %(x)s */",
    "lines": "a\r\n2026-01-01 [info] forged line\u2028\u2029\u0085\x0b",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m\b\b\x7f",
    "direction": "\u202egnp.exe\u2066\u200b\ufeff ﷽ \U0001f9d1\u200d\U0001f692",
    "NUL": "a\x00b",
    "half a character": "a\ud800b",
}
_BEFORE = {"unacknowledge": "acknowledge", "unsnooze": "snooze", "reopen": "resolve", "split": "merge"}
"""What makes the command one that changes something."""
_UNKEPT = {"NUL", "half a character"}  # PostgreSQL's text has neither: they are refused where they are
# Other ways to write the same id lead to the same incident.
_SPELLINGS = ("{upper}", "{{{id}}}", "%7B{id}%7D", "urn:uuid:{id}", "{hex}", "{id}/../{id}")
_IDS = (
    *_SPELLINGS,
    "{id}%00",
    "{id}%0a",
    "{id}%20",
    " {id}",
    "{id}'%20OR%20'1'='1",
    "..%2f{id}",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%252e%252e%252f",
    "%ff%fe",
    "%",
    "%zz",
    "a" * 6_000,
    "-1",
    "0",
    "null",
    "*",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "6fa459ea-ee8a-11d3-aec4-00a0c91e6bf6",
    "{id};x=1",
    "\u0660\u0661\u0669a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f",
)


async def _reported(api: Api, title: str = "a") -> str:
    answer = await api.post("/incident", json={"title": title})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield key
                yield from _strings(one)
        case list():
            for one in value:
                yield from _strings(one)
        case _:
            return


async def _read_back(api: Api, route: Route, answer: httpx.Response) -> list[str]:
    """Every text of the incident as it is read, of anything else in the answer and its fact."""
    if route.path.startswith("/incident"):
        made = answer.json()
        shown = (await api.get(f"/incident/{made.get('id') or made['items'][0]['incident']['id']}")).json()
        return list(_strings(shown))
    newest = "SELECT data::text FROM eventstore.event ORDER BY log_id, position DESC LIMIT 1"
    return [*_strings(answer.json()), *_strings(json.loads(await api.app.state.pool.fetchval(newest)))]


def _refused(answer: httpx.Response) -> bool:
    """By name; in a batch, each for itself."""
    if answer.is_success:
        return bool(answer.json().get("items")) and "problem" in answer.json()["items"][0]
    return answer.is_client_error and "code" in answer.json()


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def _example(route: Route) -> Any:
    example = route.spec.body_example
    if route.spec.name == "snoozeIncident":
        return example | {"until": _tomorrow()}
    return example


@pytest.mark.parametrize("poison", _POISONS)
async def test_every_text_of_every_body_is_kept_as_it_is_or_refused_by_name(api: Api, poison: str) -> None:
    """And no line of the log is another's, or speaks to a terminal."""
    text, amiss, kept = _POISONS[poison], list[Any](), set[tuple[str, str]]()
    await api.put("/teams/payments", json={})
    spec_names = set[str]()
    with capture_logs() as lines:
        for route in routes(api):
            if route.spec.body is None or route.spec.name in spec_names:
                continue
            spec_names.add(route.spec.name)
            for at in texts(route.spec):
                body = having(_example(route), at, text)
                incident_id = await _reported(api)
                if (before := _BEFORE.get(route.path.rpartition("/")[2])) is not None:
                    into = {"into": await _reported(api)} if before == "merge" else {}
                    until = {"until": _tomorrow()} if before == "snooze" else {}
                    done = await api.post(f"/incident/{incident_id}/{before}", json=into | until)
                    assert done.is_success
                name = f"n{new_id().hex}"
                if "name" in (_example(route) or {}) and at != ("name",):
                    body = body | {"name": name}  # a key's is used once
                answer = await api.request(
                    route.method,
                    route.at(incident_id=incident_id, name=name),
                    content=json.dumps(body).encode(),
                    headers=_JSON,
                )
                where = (route.spec.name, "/".join(at))
                if _refused(answer):
                    continue
                kept.add(where)
                if not (answer.is_success and text in await _read_back(api, route, answer)):
                    amiss.append((*where, answer.status_code, answer.text))
    assert not amiss
    assert (not kept) is (poison in _UNKEPT), kept
    if kept:
        assert {
            ("createIncident", "title"),
            ("commentOnIncident", "text"),
            ("editIncident", "labels/x"),
        } <= kept
        assert {("acknowledgeIncident", "note"), ("escalateIncident", "note"), ("defineTeam", "lead")} <= kept
    _lines_are_harmless(lines)


def _lines_are_harmless(lines: list[Any]) -> None:
    assert lines
    formats: tuple[Literal["json", "console"], ...] = ("json", "console")
    for shared, render in map(processors, formats):
        for event in lines:
            told: Any = dict(event)
            for step in shared[1:]:
                told = step(None, "info", told)
            line = str(render(None, "info", told))
            assert line.isprintable(), line


@pytest.mark.parametrize("kind", ["incident_id", "key_id", "name"])
async def test_every_id_in_a_path_that_is_tampered_with_is_refused(api: Api, kind: str) -> None:
    there = await _reported(api)
    stored = "SELECT count(*) FROM eventstore.event WHERE strpos(type, '.') = 0"
    pool, amiss = api.app.state.pool, list[Any]()
    before = await pool.fetchval(stored)
    with capture_logs() as lines:
        for route in routes(api):
            if kind not in route.parameters or route.spec.hidden:
                continue
            for tampered in _IDS:
                given = tampered.format(id=there, upper=there.upper(), hex=UUID(there).hex)
                answer = await api.request(route.method, route.at(**{kind: given}), json=_example(route))
                if answer.is_server_error or (answer.is_error and "code" not in answer.json()):
                    amiss.append((route.method, route.path, tampered[:40], answer.status_code))
                elif answer.is_success and kind != "name" and tampered not in _SPELLINGS:
                    amiss.append((route.method, route.path, tampered[:40], answer.text[:200]))
    assert not amiss
    if kind != "incident_id":
        assert await pool.fetchval(stored) == before
    assert [line for line in lines if re.search(r"[\r\n\x1b]", str(line.get("event")))] == []
