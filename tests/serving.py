"""The HTTP process inside the test's own loop, on a database of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from litestar import Litestar

from pulseops.app import create_app, server
from pulseops.kernel.ids import new_id
from pulseops.settings import Settings
from tests.keys import a_key


class Api(httpx.AsyncClient):
    """A client with the admin's key; `app` is what it talks to."""

    app: Litestar
    token: str


class Refused(Exception):
    """What the process says when it does not start."""


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """The lifespan as a server drives it: in one task from its beginning to its end."""
    to_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    receive: Any = to_app.get
    send: Any = from_app.put
    task = asyncio.create_task(app(scope, receive, send))
    await to_app.put({"type": "lifespan.startup"})
    started = await from_app.get()
    if started["type"] != "lifespan.startup.complete":
        await asyncio.wait([task])
        task.exception()
        raise Refused(started["message"])
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await task


@asynccontextmanager
async def serving(url: str | None, *, token: str = "", **settings: Any) -> AsyncIterator[Api]:
    app = create_app(Settings(database_url=url, **settings))
    async with running(app):
        app.state.probe.fresh = 0.0  # a test wants to know what is, not what was a moment ago
        if not token and not await app.state.pool.fetchval("SELECT EXISTS (SELECT FROM access.api_key)"):
            token = await a_key(app.state.pool)
        asgi: Any = app
        transport = httpx.ASGITransport(asgi, raise_app_exceptions=False)
        async with Api(transport=transport, base_url="http://pulseops") as client:
            client.app, client.token = app, token
            client.headers["authorization"] = f"Bearer {client.token}"
            yield client


@asynccontextmanager
async def listening(url: str, port: int = 0) -> AsyncIterator[tuple[int, str]]:
    """uvicorn on a port of its own, or on that one; its port and a key of an admin."""
    serving = server(Settings(database_url=url, rate_limit=0))
    listener = socket.create_server(("127.0.0.1", port))
    task = asyncio.create_task(serving.serve([listener]))
    while not serving.started:  # noqa: ASYNC110 - uvicorn has nothing to wait on
        await asyncio.sleep(0.01)
    token = await a_key(serving.config.app.state.pool, "admin" if port == 0 else new_id().hex)  # type: ignore[union-attr]
    yield listener.getsockname()[1], token
    serving.should_exit = True
    await task


async def said(port: int, *sent: bytes) -> bytes:
    """What the server says until it closes the connection. Each piece arrives on its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    async with asyncio.timeout(5):
        for piece in sent:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)  # nothing tells when the other side has read
        answer = await reader.read()
    writer.close()
    with suppress(ConnectionResetError):
        await writer.wait_closed()
    return answer
