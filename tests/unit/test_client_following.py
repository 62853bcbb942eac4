"""A stream of events goes on where it broke off, read in whatever pieces it comes in."""

import asyncio
import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import httpx
import pytest

from pulseops.client import NotUnderstood, Refused, Terms, Unreachable
from pulseops.client.api import Api
from pulseops.client.following import Message, Messages
from pulseops.client.wire import AsyncWire, Wire, options
from tests.scripted import Scripted, reply, scripted

ID = "019abcde-0000-7000-8000-000000000001"


def event(position: int, end: str = "\n") -> bytes:
    document = {
        "position": position,
        "id": ID,
        "type": "COMMENTED",
        "incidentId": ID,
        "version": position,
        "recordedAt": "2026-11-23T12:00:00Z",
        "occurredAt": "2026-11-23T12:00:00Z",
        "actor": "key:ci",
        "correlationId": ID,
        "data": {"text": f"number {position} – ünïcode"},
    }
    said = json.dumps(document, ensure_ascii=False)
    return f": keep-alive{end}id: {position}{end}event: COMMENTED{end}data: {said}{end}{end}".encode()


def stream(*events: bytes, whole: bool = True) -> bytes:
    body = b"".join(events)
    return reply(200, body, kind="text/event-stream", length=len(body) + (not whole))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_messages_are_the_same_in_whatever_pieces_they_come(end: str, size: int) -> None:
    said = (
        event(1, end)
        + f"data: two{end}data:lines{end}{end}retry: 1734{end}{end}id: 9{end}{end}".encode()
        + event(12, end)
    )
    messages, everything = Messages(), list[Message]()
    for at in range(0, len(said), size):
        everything += messages.feed(said[at : at + size])
    # A last CR may be half of a line's end: what follows tells.
    everything += messages.feed(b": end\n")
    assert [(one.id, one.data is None) for one in everything] == [
        ("1", False),
        ("1", False),
        ("1", True),
        ("9", True),
        ("12", False),
    ]
    found = [one.data for one in everything if one.data is not None]
    assert found[1] == b"two\nlines"
    assert [json.loads(found[index])["position"] for index in (0, 2)] == [1, 12]
    assert messages.retry == 1.734


def test_half_a_message_is_none() -> None:
    messages = Messages()
    assert list(messages.feed(event(1)[:-1])) == []
    assert list(messages.feed(b"\n")) != []


Follow = Callable[..., Any]


@pytest.fixture(params=["blocking", "awaited"])
def follow(request: pytest.FixtureRequest) -> Follow:
    """The positions of the first events, or what ended the stream."""

    async def blocking(server: Scripted, terms: Terms, most: int, **wanted: Any) -> list[int]:
        def run() -> list[int]:
            with httpx.Client(**options(server.url, "k", "test")) as http:
                events = Api(Wire(http, server.url, terms, lambda _: None)).stream(**wanted)
                return [one.position for one in islice(events, most)]

        return await asyncio.to_thread(run)

    async def awaited(server: Scripted, terms: Terms, most: int, **wanted: Any) -> list[int]:
        found: list[int] = []
        async with httpx.AsyncClient(**options(server.url, "k", "test")) as http:
            events = Api(AsyncWire(http, server.url, terms, lambda _: asyncio.sleep(0))).stream(**wanted)
            async for one in events:
                found.append(one.position)
                if len(found) == most:
                    break
            await events.aclose()
        return found

    return blocking if request.param == "blocking" else awaited


async def test_it_goes_on_where_it_broke_off(follow: Follow) -> None:
    async with scripted(
        stream(event(3), event(4)),
        None,
        reply(503, b"{}"),
        # Half an event was not heard; a server may repeat what was.
        stream(event(5), event(6)[:-9], whole=False),
        stream(event(4), event(5), event(6), event(9)),
    ) as server:
        assert await follow(server, Terms(), 5, after=2) == [3, 4, 5, 6, 9]
    assert [one.headers.get("last-event-id") for one in server.requests] == ["2", "4", "4", "4", "5"]
    assert {one.headers["accept"] for one in server.requests} == {"text/event-stream"}


async def test_lost_before_it_said_anything_it_goes_on_from_where_it_began(follow: Follow) -> None:
    begins = stream(b"retry: 10\nid: 7\n\n", whole=False)
    async with scripted(begins, stream(event(7), event(8))) as server:
        assert await follow(server, Terms(), 1) == [8]
    assert [one.headers.get("last-event-id") for one in server.requests] == [None, "7"]


async def test_it_asks_for_what_the_caller_wants_alone(follow: Follow) -> None:
    async with scripted(stream(event(1))) as server:
        await follow(server, Terms(), 1, team=["a", "b"], incident=ID, type=("ESCALATED", "RESOLVED"))
    assert (
        server.requests[0].line == f"GET /stream?team=a%2Cb&incident={ID}&type=ESCALATED%2CRESOLVED HTTP/1.1"
    )


@pytest.mark.parametrize("status", [400, 401, 403, 422])
async def test_a_refusal_ends_it(follow: Follow, status: int) -> None:
    async with scripted(stream(event(1)), reply(status, b'{"code":"no","title":"No"}')) as server:
        with pytest.raises(Refused) as refused:
            await follow(server, Terms(), 2)
    assert (refused.value.status, refused.value.code) == (status, "no")


async def test_what_is_no_stream_is_not_believed(follow: Follow) -> None:
    async with scripted(reply(200, b"{}")) as server:
        with pytest.raises(NotUnderstood, match="not a stream"):
            await follow(server, Terms(), 1)


@pytest.mark.parametrize("answer", [None, stream(), reply(503, b"{}")])
async def test_a_server_that_never_says_anything_is_given_up(follow: Follow, answer: bytes | None) -> None:
    async with scripted(answer) as server:
        with pytest.raises((Unreachable, Refused)):
            await follow(server, Terms(tries=4), 1)
    assert len(server.requests) == 4
