"""Bad input: the right 4xx, naming the place, and nothing stored."""

import re
from typing import Any

import msgspec

from tests.serving import Api

_DEEP = b'{"title":"a","labels":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"}"
_FIELDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("a missing title", {}, "/title", "required"),
    ("an empty title", {"title": ""}, "/title", "blank|empty"),
    ("a blank title", {"title": " \u00a0 "}, "/title", "blank"),
    ("a title of 201", {"title": "a" * 201}, "/title", "at most 200"),
    ("a title of the wrong type", {"title": 5}, "/title", "Expected `str`"),
    ("a NUL in the title", {"title": "a\x00b"}, "/title", "U[+]0000"),
    ("a NUL in a label", {"title": "a", "labels": {"x": "\x00"}}, "/labels/x", "U[+]0000"),
    ("a NUL in a label's name", {"title": "a", "labels": {"\x00": "x"}}, "/labels", "U[+]0000"),
    ("a long description", {"title": "a", "description": "a" * 20_001}, "/description", "at most 20000"),
    ("an unknown priority", {"title": "a", "priority": "urgent"}, "/priority", "low, medium, high, critical"),
    ("an unknown field", {"title": "a", "titel": "b"}, "/titel", "Did you mean title"),
    ("a field that only we set", {"title": "a", "status": "resolved"}, "/status", "no such field"),
    ("a field with odd signs", {"title": "a", "a/b~c": 1}, "/a~1b~0c", "no such field"),
    ("a naive time", {"title": "a", "occurredAt": "2026-01-01T00:00:00"}, "/occurredAt", "UTC offset"),
    ("the year 0", {"title": "a", "occurredAt": "0000-01-01T00:00:00Z"}, "/occurredAt", "RFC 3339"),
    ("the year 10000", {"title": "a", "occurredAt": "10000-01-01T00:00:00Z"}, "/occurredAt", "RFC 3339"),
    (
        "a time before all clocks",
        {"title": "a", "occurredAt": "0001-01-01T00:00:00+14:00"},
        "/occurredAt",
        "",
    ),
    ("a time after all clocks", {"title": "a", "occurredAt": "9999-12-31T23:59:59-14:00"}, "/occurredAt", ""),
    ("a time in the future", {"title": "a", "occurredAt": "2126-01-01T00:00:00Z"}, "/occurredAt", "future"),
    ("labels of the wrong type", {"title": "a", "labels": {"x": 5}}, "/labels", "Expected `str`"),
    ("an empty label name", {"title": "a", "labels": {"": "x"}}, "/labels", "A key in it"),
    ("65 labels", {"title": "a", "labels": {str(n): "" for n in range(65)}}, "/labels", "at most 64"),
    ("an empty source", {"title": "a", "source": ""}, "/source", "empty"),
]
_BODIES: list[tuple[str, bytes, int]] = [
    ("nothing", b"", 400),
    ("half an object", b'{"title":', 400),
    ("two objects", b'{"title":"a"}{"title":"b"}', 400),
    ("a byte order mark", b'\xef\xbb\xbf{"title":"a"}', 400),
    ("invalid UTF-8", b'{"title":"a\xff"}', 400),
    ("an encoded surrogate", b'{"title":"a\xed\xa0\x80"}', 400),
    ("a lone surrogate", b'{"title":"a\\ud800"}', 400),
    ("a raw control character", b'{"title":"a\x00"}', 400),
    ("NaN", b'{"title":NaN}', 400),
    ("an array", b"[]", 422),
    ("null", b"null", 422),
    ("a huge number", b'{"title":' + b"9" * 5_000 + b"}", 422),
    ("a number beyond floats", b'{"title":1e999}', 422),
    ("deep nesting", _DEEP, 422),
    ("deep nesting in an unknown place", b'{"title":"a","x":' + b"[" * 9_000 + b"]" * 9_000 + b"}", 422),
    ("nothing but depth", b"[" * 100_000, 422),
]


_JSON = {"content-type": "application/json"}


async def _stored(api: Api) -> int:
    return int(await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event"))


async def test_a_field_that_is_not_acceptable_is_named_and_nothing_is_stored(api: Api) -> None:
    for name, body, pointer, detail in _FIELDS:
        answer = await api.post("/incident", content=msgspec.json.encode(body), headers=_JSON)
        problem = answer.json()
        assert answer.status_code == 422, (name, problem)
        assert answer.headers["content-type"] == "application/problem+json", name
        assert problem["type"] == "/problems/invalid-input", name
        assert [fault["pointer"] for fault in problem["errors"]] == [pointer], name
        assert re.search(detail, problem["errors"][0]["detail"]), (name, problem)
        assert problem["instance"] == "/incident"
        assert problem["correlationId"] == answer.headers["x-request-id"]
    assert await _stored(api) == 0


async def test_a_body_that_cannot_be_read_is_refused_and_nothing_is_stored(api: Api) -> None:
    for name, body, status in _BODIES:
        answer = await api.post("/incident", content=body, headers=_JSON)
        assert answer.status_code == status, (name, answer.text)
        assert answer.json()["code"] == {400: "malformed", 422: "invalid-input"}[status], name
    assert await _stored(api) == 0


async def test_only_json_is_read_as_json(api: Api) -> None:
    for given in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "application/x-ndjson",
        "",
    ):
        answer = await api.post("/incident", content=b'{"title":"a"}', headers={"content-type": given})
        assert answer.status_code == 415, given
        assert answer.json()["code"] == "unsupported-media-type"
        assert "Content-Type: application/json" in answer.json()["detail"]
    gzip = _JSON | {"content-encoding": "gzip"}
    assert (await api.post("/incident", content=b'{"title":"a"}', headers=gzip)).status_code == 415
    assert await _stored(api) == 0
    for given in (
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/ld+json",
    ):
        answer = await api.post("/incident", content=b'{"title":"a"}', headers={"content-type": given})
        assert answer.status_code == 201, given


async def test_a_body_beyond_the_limit_is_refused_before_and_while_it_is_read(api: Api) -> None:
    big = b'{"title":"a","description":"' + b"x" * 1_000_000 + b'"}'

    async def parts() -> Any:
        for start in range(0, len(big), 50_000):
            yield big[start : start + 50_000]

    for content in (big, parts()):
        answer = await api.post("/incident", content=content, headers=_JSON)
        assert answer.status_code == 413
        assert answer.json()["code"] == "too-large"
        assert answer.headers["connection"] == "close"
    assert await _stored(api) == 0


async def test_what_looks_odd_but_is_text_is_kept_as_it_is(api: Api) -> None:
    title = "<img src=x onerror=alert(1)> \u202e\u200b 😀 \\u0000 \x7f ' OR 1=1 -- ﬀ __proto__"
    answer = await api.post("/incident", json={"title": title, "labels": {"__proto__": "x", "a.b": "\x9b"}})
    assert answer.status_code == 201
    shown = (await api.get(answer.headers["location"])).json()
    assert shown["title"] == title
    assert shown["labels"] == {"__proto__": "x", "a.b": "\x9b"}


async def test_of_a_repeated_key_the_last_one_counts(api: Api) -> None:
    answer = await api.post("/incident", content=b'{"title":"a","title":"b"}', headers=_JSON)
    assert answer.json()["title"] == "b"


async def test_an_answer_takes_an_empty_body_but_no_wrong_one(api: Api) -> None:
    made = (await api.post("/incident", json={"title": "a"})).json()
    path = f"/incident/{made['id']}/acknowledge"
    for body, status in ((b"[]", 422), (b'{"note":5}', 422), (b'{"team":"x"}', 422), (b"{", 400)):
        assert (await api.post(path, content=body, headers=_JSON)).status_code == status
    assert (await api.post(path, content=b"{}", headers={"content-type": "text/plain"})).status_code == 415
    assert (await api.post(path)).status_code == 200


async def test_a_body_that_is_missing_is_said_to_be(api: Api) -> None:
    for path in ("/incident", "/incidents:batch"):
        answer = await api.post(path, headers=_JSON)
        assert (answer.status_code, answer.json()["detail"]) == (400, "There is no body.")


async def test_a_query_that_cannot_be_is_refused_by_name(api: Api) -> None:
    for query, parameter in (
        ("status=gone", "status"),
        ("status=null", "status"),
        ("priority=urgent", "priority"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e999", "limit"),
        ("stauts=open", "stauts"),
        ("text=open&text=resolved", "text"),
        ("team=%00", "team"),
        ("team=", "team"),
        ("cursor=zzz", "cursor"),
        ("cursor=" + "A" * 201, "cursor"),
        ("min_position=9223372036854775808", "min_position"),
        ("min_position=-1", "min_position"),
    ):
        answer = await api.get(f"/incidents?{query}")
        assert answer.status_code == 422, query
        assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter], query
        assert answer.json()["instance"] == "/incidents"
    assert (await api.get("/incidents?team=%ff")).status_code == 400
    assert (await api.get("/incidents?team=null&min_position=0")).json() == {
        "items": [],
        "nextCursor": None,
    }


async def test_an_unknown_way_is_a_problem_too(api: Api) -> None:
    missing = await api.get("/nowhere?token=secret")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    assert "secret" not in missing.text
    wrong = await api.delete("/incidents")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method-not-allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    for answer in (missing, wrong):
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_header_that_cannot_be_is_refused_by_name(api: Api) -> None:
    made = (await api.post("/incident", json={"title": "a"})).json()
    cases: tuple[tuple[str, str], ...] = (
        ("Idempotency-Key", "a" * 256),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "two words"),
        ("Idempotency-Key", "caf\u00e9"),
        ("If-Match", "3"),
        ("If-Match", '"1", "2"'),
    )
    for name, value in cases:
        headers = {name.encode(): value.encode()}
        answer = await api.post(f"/incident/{made['id']}/resolve", headers=headers)
        assert answer.status_code == 400, (name, value)
        assert answer.json()["errors"][0]["header"] == name


async def test_a_mistake_of_ours_tells_nothing_but_where_to_look(api: Api) -> None:
    class Broken:
        @property
        def history(self) -> object:
            raise LookupError("canary-secret")

    api.app.state.logs = lambda _log_id: Broken()
    answer = await api.get("/incident/019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "instance", "correlationId"}
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
