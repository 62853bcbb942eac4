"""Streams as their clients read them, and histories to be streamed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
from litestar import Litestar

from pulseops.app import server
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from pulseops.live.feeds import Feeds
from pulseops.settings import Settings
from tests.keys import a_key

PATIENCE = 20


class Block:
    """Between two empty lines: fields by name, and the comment under an empty name."""

    def __init__(self, text: str) -> None:
        self.fields = dict(line.split(": ", 1) for line in text.split("\n"))

    @property
    def id(self) -> int | None:
        return int(self.fields["id"]) if "id" in self.fields else None

    @property
    def event(self) -> str | None:
        return self.fields.get("event")

    @property
    def comment(self) -> str | None:
        return self.fields.get("")

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.fields["data"])


class Stream:
    """One connection's answer, block by block. `last` is the id to come back with."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.last = answer, 0
        self._blocks = self._read()

    async def block(self) -> Block | None:
        """The next one; None at the end."""
        async with asyncio.timeout(PATIENCE):
            found = await anext(self._blocks, None)
        if found is not None and found.id is not None:
            self.last = found.id
        return found

    async def events(self, count: int) -> list[Block]:
        """So many blocks that carry one."""
        found: list[Block] = []
        while len(found) < count:
            block = await self.block()
            assert block is not None, f"It ended after {len(found)} of {count}."
            if block.event is not None:
                found.append(block)
        return found

    async def ids(self, count: int) -> list[int | None]:
        return [block.id for block in await self.events(count)]

    async def end(self) -> list[Block]:
        """Everything to the end."""
        found = []
        while (block := await self.block()) is not None:
            found.append(block)
        return found

    async def _read(self) -> AsyncIterator[Block]:
        text = ""
        async for part in self.answer.aiter_text():
            text += part
            *blocks, text = text.split("\n\n")
            for one in blocks:
                yield Block(one)


class Host:
    """A server of this loop, on a port of its own, and a client with the admin's key."""

    def __init__(self, app: Litestar, port: int, token: str, stop: Callable[[], Awaitable[None]]) -> None:
        self.app, self.port, self.token, self.stop = app, port, token, stop
        self.client = client(port, token)

    @property
    def feeds(self) -> Feeds:
        found: Feeds = self.app.state.feeds
        return found

    @asynccontextmanager
    async def follow(self, query: str = "", *, last: int | None = None) -> AsyncIterator[Stream]:
        async with following(self.client, query, last=last) as stream:
            yield stream


def client(port: int, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {token}"},
        timeout=PATIENCE,
        trust_env=False,
        limits=httpx.Limits(max_connections=None),
    )


@asynccontextmanager
async def following(
    asking: httpx.AsyncClient, query: str = "", *, last: int | None = None
) -> AsyncIterator[Stream]:
    """Until it is left. The first block has been read."""
    headers = {} if last is None else {"last-event-id": str(last)}
    async with asking.stream("GET", f"/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        stream = Stream(answer)
        first = await stream.block()
        assert first is not None
        assert "retry" in first.fields
        yield stream


@asynccontextmanager
async def hosting(url: str) -> AsyncIterator[Host]:
    serving = server(Settings(database_url=url))
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serving.serve([listener]))
    while not serving.started:  # noqa: ASYNC110 - uvicorn has nothing to wait on
        await asyncio.sleep(0.01)
    app: Any = serving.config.app

    async def stop() -> None:
        serving.should_exit = True
        await task

    token = await a_key(app.state.pool)
    host = Host(app, listener.getsockname()[1], token, stop)
    try:
        async with host.client:
            yield host
    finally:
        await stop()


async def happen(
    connection: asyncpg.Connection,
    incident: UUID | None = None,
    *facts: tuple[str, Mapping[str, Any]],
    at: int = 0,
    log: int = 1,
) -> list[int]:
    """Facts of any type, in one append; their positions."""
    events = [
        {
            "type": kind,
            "schema_version": 1,
            "event_id": new_id(),
            "occurred_at": utc_now(),
            "data": data,
            "meta": {"actor": "key:test", "correlationId": new_id()},
        }
        for kind, data in facts or (("CREATED", {"title": "Disk full"}),)
    ]
    request = {
        "stream_id": incident or new_id(),
        "expected_version": at,
        "command_id": new_id(),
        "events": events,
    }
    batch = msgspec.json.encode([request]).decode()
    row = await connection.fetchrow("SELECT * FROM eventstore.append_v1($1, $2)", log, batch)
    assert row["verdict"] == "stored"
    return list(range(row["position"] - len(events) + 1, row["position"] + 1))


def created(**data: Any) -> tuple[str, Mapping[str, Any]]:
    return "CREATED", {"title": "Disk full", **data}


def assigned(team: str) -> tuple[str, Mapping[str, Any]]:
    return "ASSIGNED", {
        "team": team,
        "decision": {"decidedBy": "x", "rule": "x", "rulesVersion": "1", "why": ""},
    }
