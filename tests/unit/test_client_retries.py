"""When a call is sent again, after how long, and under which key; the same blocking and awaited."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pulseops.client import (
    AsyncPulseOps,
    NotUnderstood,
    OutcomeUnknown,
    PulseOps,
    Refused,
    Terms,
    Unreachable,
    Unusable,
)
from pulseops.client.api import Api
from pulseops.client.wire import AsyncWire, Wire, options
from tests.scripted import Scripted, reply, scripted

ME = b'{"actor":"key:ci","role":"admin"}'
BUSY = b'{"title":"More is waiting","code":"overloaded"}'
AN_INCIDENT = (
    b'{"id":"019abcde-0000-7000-8000-000000000001","status":"open","title":"t","description":"","source":"user",'
    b'"service":null,"environment":null,"labels":{},"dedupKey":null,"occurredAt":"2026-11-23T12:00:00Z",'
    b'"createdAt":"2026-11-23T12:00:00Z","updatedAt":"2026-11-23T12:00:00Z","version":3,"position":3}'
)
Ask = Callable[[Scripted, Terms, Callable[[Any], Any]], Awaitable[tuple[Any, list[float]]]]


@pytest.fixture(params=["blocking", "awaited"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """The answer to a call, or its error, and the pauses on the way, of which none is slept through."""

    async def blocking(server: Scripted, terms: Terms, call: Callable[[Any], Any]) -> tuple[Any, list[float]]:
        waits: list[float] = []

        def run() -> Any:
            with httpx.Client(**options(server.url, "k", "test")) as http:
                try:
                    return call(Api(Wire(http, server.url, terms, waits.append)))
                except (Refused, Unreachable, OutcomeUnknown, NotUnderstood) as error:
                    return error

        return await asyncio.to_thread(run), waits

    async def awaited(server: Scripted, terms: Terms, call: Callable[[Any], Any]) -> tuple[Any, list[float]]:
        waits: list[float] = []

        async def wait(seconds: float) -> None:
            waits.append(seconds)

        async with httpx.AsyncClient(**options(server.url, "k", "test")) as http:
            try:
                return await call(Api(AsyncWire(http, server.url, terms, wait))), waits
            except (Refused, Unreachable, OutcomeUnknown, NotUnderstood) as error:
                return error, waits

    return blocking if request.param == "blocking" else awaited


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize(
    "asked",
    [
        ("Retry-After: 7",),
        ("Date: Mon, 23 Nov 2026 12:00:00 GMT", "Retry-After: Mon, 23 Nov 2026 12:00:07 GMT"),
    ],
)
async def test_a_busy_server_is_asked_again_when_it_says(
    ask: Ask, status: int, asked: tuple[str, ...]
) -> None:
    async with scripted(reply(status, BUSY, *asked), reply(200, ME)) as server:
        me, waits = await ask(server, Terms(), lambda api: api.whoami())
    assert (me.actor, waits, len(server.requests)) == ("key:ci", [7.0], 2)


async def test_without_a_word_on_when_pauses_double_and_are_left_to_chance_by_half(ask: Ask) -> None:
    async with scripted(*[reply(503, BUSY)] * 5, reply(200, ME)) as server:
        me, waits = await ask(server, Terms(shortest_pause=1, longest_pause=6), lambda api: api.whoami())
    assert me.actor == "key:ci"
    for wait, most in zip(waits, [1, 2, 4, 6, 6], strict=True):
        assert most / 2 <= wait <= most


@pytest.mark.parametrize(
    "after",
    ["Retry-After: 61", "Retry-After: 99999999999999999999", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"],
)
async def test_a_server_that_wants_more_time_than_there_is_is_not_asked_again(ask: Ask, after: str) -> None:
    async with scripted(reply(503, BUSY, after)) as server:
        error, waits = await ask(server, Terms(), lambda api: api.whoami())
    assert isinstance(error, Refused)
    assert (error.code, error.status, waits, len(server.requests)) == ("overloaded", 503, [], 1)
    assert error.retry_after is not None
    assert error.retry_after >= 61


@pytest.mark.parametrize(
    "after",
    [
        "Retry-After: soon",
        "Retry-After: -5",
        "Retry-After: 0",
        "Retry-After: Fri, 1 Jan 9999999999 00:00:00 GMT",
        "X: ",
    ],
)
async def test_what_is_no_time_counts_as_the_shortest_pause(ask: Ask, after: str) -> None:
    async with scripted(reply(503, BUSY, after), reply(200, ME)) as server:
        _, waits = await ask(server, Terms(shortest_pause=0.5), lambda api: api.whoami())
    assert 0.25 <= waits[0] <= 0.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 415, 422])
async def test_a_refusal_is_not_asked_again(ask: Ask, status: int) -> None:
    problem = b'{"title":"No","code":"no","detail":"Not so.","errors":[{"pointer":"/title","detail":"bad"}]}'
    async with scripted(reply(status, problem)) as server:
        error, waits = await ask(server, Terms(), lambda api: api.incidents.create("t"))
    assert isinstance(error, Refused)
    assert (error.status, error.code, waits, len(server.requests)) == (status, "no", [], 1)
    assert str(error) == "No | Not so. | /title bad"


@pytest.mark.parametrize("lost", [None, reply(201, AN_INCIDENT, length=9_999), reply(504, b"{}")])
async def test_a_lost_command_is_sent_again_under_the_same_key(ask: Ask, lost: bytes | None) -> None:
    async with scripted(lost, lost, reply(201, AN_INCIDENT)) as server:
        made, _ = await ask(server, Terms(), lambda api: api.incidents.create("t"))
    assert made.version == 3
    keys = {one.headers["idempotency-key"] for one in server.requests}
    assert (len(server.requests), len(keys), len({one.body for one in server.requests})) == (3, 1, 1)


async def test_each_command_has_a_key_of_its_own_unless_the_caller_has_one(ask: Ask) -> None:
    async with scripted(reply(201, AN_INCIDENT)) as server:
        await ask(server, Terms(), lambda api: api.incidents.create("t"))
        await ask(server, Terms(), lambda api: api.incidents.create("t"))
        await ask(server, Terms(), lambda api: api.incidents.create("t", idempotency_key="mine"))
    one, two, three = (said.headers["idempotency-key"] for said in server.requests)
    assert len({one, two, three}) == 3
    assert three == "mine"


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ((None,), OutcomeUnknown),
        ((reply(504, b'{"code":"outcome-unknown"}'),), OutcomeUnknown),
        ((None, reply(503, BUSY)), OutcomeUnknown),
        ((reply(503, BUSY),), Refused),
        # Something failed on the way: perhaps after the command had arrived.
        ((reply(500, b'{"code":"internal"}'),), OutcomeUnknown),
        ((reply(502, b"<html>", kind="text/html"),), OutcomeUnknown),
        # Whatever came of the first try, this was answered.
        ((None, reply(409, b'{"code":"invalid-transition"}')), Refused),
    ],
)
async def test_an_unknown_outcome_is_called_so_and_nothing_else_is(
    ask: Ask, replies: tuple[bytes | None, ...], outcome: type[Exception]
) -> None:
    terms = Terms(tries=3)
    async with scripted(*replies) as server:
        error, _ = await ask(server, terms, lambda api: api.incidents.create("t", idempotency_key="k1"))
        assert type(error) is outcome
        if isinstance(error, OutcomeUnknown):
            assert error.idempotency_key == "k1"
        reading, _ = await ask(server, terms, lambda api: api.whoami())
        assert not isinstance(reading, OutcomeUnknown)


async def test_nobody_there_is_unreachable_and_never_unknown(ask: Ask) -> None:
    async with scripted() as server:
        gone = server
    error, waits = await ask(gone, Terms(tries=2), lambda api: api.incidents.create("t"))
    assert (type(error), len(waits)) == (Unreachable, 1)


def test_a_proxy_that_lets_nobody_through_leaves_no_doubt() -> None:
    def refused(_: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError("407 Proxy Authentication Required")

    with (
        PulseOps(
            "https://p.example", "k", terms=Terms(tries=1), transport=httpx.MockTransport(refused)
        ) as api,
        pytest.raises(Unreachable, match="407"),
    ):
        api.incidents.create("t")


async def test_a_refusal_without_a_title_is_told_by_its_status(ask: Ask) -> None:
    async with scripted(reply(403)) as server:
        error, _ = await ask(server, Terms(), lambda api: api.whoami())
    assert str(error) == "403 Forbidden"


async def test_a_redirect_is_not_followed_with_the_key(ask: Ask) -> None:
    async with scripted(reply(200, ME)) as other:
        moved = reply(307, b"", f"Location: {other.url}/whoami", kind="text/html")
        async with scripted(moved) as server:
            error, _ = await ask(server, Terms(), lambda api: api.whoami())
    assert isinstance(error, Refused)
    assert other.url in str(error)
    assert other.requests == []


@pytest.mark.parametrize(
    "page", [reply(200, b"<html>", kind="text/html"), reply(200, b"{}"), reply(200, b"[")]
)
async def test_an_answer_from_something_else_is_not_believed(ask: Ask, page: bytes) -> None:
    async with scripted(page) as server:
        error, _ = await ask(server, Terms(), lambda api: api.whoami())
    assert (type(error), len(server.requests)) == (NotUnderstood, 1)


async def test_health_is_told_also_of_a_server_that_is_not_well(ask: Ask) -> None:
    found = reply(503, b'{"status":"unready","reasons":["no database"]}', kind="application/json")
    async with scripted(found) as server:
        health, waits = await ask(server, Terms(), lambda api: api.health())
    assert (health.status, health.reasons, waits) == ("unready", ("no database",), [])


@pytest.mark.parametrize("url", ["ftp://h", "http://", "h:8000", "http://u:hunter2@h:8000"])
def test_a_url_that_is_none_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(Unusable) as unusable:
        PulseOps(url)
    assert "hunter2" not in str(unusable.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(Unusable) as unusable:
        PulseOps("http://localhost:8000", key)
    assert not key or key not in str(unusable.value)


@pytest.mark.parametrize(
    ("url", "trusts"), [("http://127.0.0.1:1", False), ("http://[::1]:1", False), ("https://p.example", True)]
)
def test_a_proxy_is_asked_for_other_machines_alone(url: str, trusts: bool) -> None:
    assert options(url, None, "test")["trust_env"] is trusts


@pytest.mark.parametrize("client", [PulseOps, AsyncPulseOps])
def test_a_proxy_that_is_none_is_refused_like_a_url(
    client: type[PulseOps | AsyncPulseOps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://p.example")
    with pytest.raises(Unusable, match="proxy"):
        client("https://pulseops.example", "k")


@pytest.mark.parametrize("wrong", ["../keys", "", "1", "019abcde-0000-7000-8000-000000000001/resolve"])
def test_an_id_that_is_none_never_becomes_another_path(wrong: str) -> None:
    with PulseOps("http://127.0.0.1:9") as api, pytest.raises(ValueError, match="UUID"):
        api.incidents.get(wrong)


@pytest.mark.parametrize("wrong", ["..", ".", ""])
def test_a_name_of_dots_never_becomes_another_path(wrong: str) -> None:
    with PulseOps("http://127.0.0.1:9") as api, pytest.raises(ValueError, match="is no name"):
        api.teams.get(wrong)


async def test_a_name_may_hold_what_a_path_may_not(ask: Ask) -> None:
    async with scripted(reply(200, b'{"name":"a/b?c"}')) as server:
        await ask(server, Terms(), lambda api: api.teams.get("a/b?c #é"))
    assert server.requests[0].line == "GET /teams/a%2Fb%3Fc%20%23%C3%A9 HTTP/1.1"
