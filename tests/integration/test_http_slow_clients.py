"""Clients that take their time: what the server itself would wait for without end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pulseops.access.keys import ensure_admin_key
from pulseops.app import server
from pulseops.http import bodies, protocol
from pulseops.kernel.clock import utc_now
from pulseops.settings import Settings
from tests.conftest import Database

_PATIENCE = 0.3


@asynccontextmanager
async def _listening(database: Database) -> AsyncIterator[tuple[int, str]]:
    """The real server on a port of its own; its port and the admin's key."""
    serving = server(Settings(database_url=database.app_url))
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serving.serve([listener]))
    while not serving.started:  # noqa: ASYNC110 - uvicorn has nothing to wait on
        await asyncio.sleep(0.01)
    token = await ensure_admin_key(serving.config.app.state.pool, now=utc_now())  # type: ignore[union-attr]
    yield listener.getsockname()[1], token or ""
    serving.should_exit = True
    await task


async def _said(port: int, sent: bytes) -> bytes:
    """What the server says to `sent` until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_who_sends_no_end_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_PATIENCE", _PATIENCE)
    monkeypatch.setattr(bodies, "_PATIENCE", _PATIENCE)
    async with _listening(database) as (port, token):
        head = (
            f"POST /incident HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
        ).encode()
        body = b'{"title":"a"}'
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        nothing, half_head, half_body, second = await asyncio.gather(
            _said(port, b""),
            _said(port, head),
            _said(port, head + b'Content-Length: 100\r\n\r\n{"title":'),
            _said(port, whole + head),
        )
        assert nothing == b""
        assert half_head == b""
        assert half_body.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in half_body
        assert second.startswith(b"HTTP/1.1 201 ")
        assert second.count(b"HTTP/1.1 ") == 1
