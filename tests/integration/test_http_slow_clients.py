"""Clients that take their time: what the server itself would wait for without end."""

import asyncio

import pytest

from pulseops.http import bodies, protocol
from tests.conftest import Database
from tests.serving import listening, said

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
