"""Clients that take their time: what the server itself would wait for without end."""

import asyncio
from contextlib import suppress

import pytest

from pulseops.http import bodies, protocol
from tests.conftest import Database
from tests.integration.asked import routes
from tests.serving import listening, said, serving

_PATIENCE = 0.3


async def test_who_sends_no_end_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_PATIENCE", _PATIENCE)
    monkeypatch.setattr(bodies, "_PATIENCE", _PATIENCE)
    async with listening(database.app_url) as (port, token):
        head = (
            f"POST /incident HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
        ).encode()
        body = b'{"title":"a"}'
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        nothing, half_head, half_body, second = await asyncio.gather(
            said(port, b""),
            said(port, head),
            said(port, head + b'Content-Length: 100\r\n\r\n{"title":'),
            said(port, whole + head),
        )
        assert nothing == b""
        assert half_head == b""
        assert half_body.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in half_body
        assert second.startswith(b"HTTP/1.1 201 ")
        assert second.count(b"HTTP/1.1 ") == 1


async def test_no_route_waits_for_the_rest_of_a_request_that_comes_in_crumbs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each crumb comes in time, and the whole does not: it is the whole that has a limit."""
    monkeypatch.setattr(protocol, "_PATIENCE", _PATIENCE)
    monkeypatch.setattr(bodies, "_PATIENCE", _PATIENCE)
    crumbs = [b"x"] * int(2 * _PATIENCE / 0.02)
    async with listening(database.app_url) as (port, token), serving(database.app_url, token=token) as api:
        asked = [
            (f"{route.method} {route.at()}", route.spec.body is not None)
            for route in routes(api)
            if not route.spec.hidden
        ]
        for begun in range(0, len(asked), 30):  # the connections of one process are not without end
            await asyncio.gather(*(_crumbs(port, token, *one, crumbs) for one in asked[begun : begun + 30]))
    assert len(asked) > 60


async def _crumbs(port: int, token: str, line: str, takes_a_body: bool, crumbs: list[bytes]) -> None:
    head = f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
    with suppress(ConnectionError):
        assert await said(port, head + b"X-More: ", *crumbs) == b"", line
    if takes_a_body:
        media = b"Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n"
        answer = b"HTTP/1.1 408 "
        with suppress(ConnectionError):
            answer = await said(port, head + media, *crumbs)
        assert answer.startswith(b"HTTP/1.1 408 "), (line, answer)
