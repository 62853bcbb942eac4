"""Requests to append, and what came of them, as the tests speak of them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.kernel.envelope import Fact, Meta
from pulseops.kernel.ids import new_id


class Noted(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "NOTED"
    text: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """A row of append_v2, or of append_v1."""

    ordinal: int
    verdict: str
    stream_id: UUID
    version: int
    position: int
    recorded_at: datetime | None


V1 = "SELECT * FROM eventstore.append_v1($1, $2)"
V2 = "SELECT * FROM eventstore.append_v2($1, $2)"
BY = V2
"""What `append` asks unless it is told."""


def event(text: str = "") -> NewEvent:
    return NewEvent(
        type=Noted.type,
        schema_version=1,
        event_id=new_id(),
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        data=Noted(text=text),
        meta=Meta(actor="user:ada", correlation_id=new_id()),
    )


def request(
    stream_id: UUID | None = None,
    *,
    at: int = 0,
    events: int = 1,
    command_id: UUID | None = None,
    fingerprint: UUID | None = None,
    take: str | None = None,
    release: str | None = None,
    text: str = "",
    bundle: int | None = None,
) -> AppendRequest:
    return AppendRequest(
        stream_id=stream_id or new_id(),
        expected_version=at,
        command_id=command_id or new_id(),
        events=tuple(event(text) for _ in range(events)),
        fingerprint=fingerprint,
        take=take,
        release=release,
        bundle=bundle,
    )


async def append(
    connection: asyncpg.Connection, *requests: AppendRequest, log: int = 1, by: str | None = None
) -> list[Answer]:
    """One batch, as a client without the gateway would send it."""
    batch = msgspec.json.encode(requests).decode()
    rows = await connection.fetch(by or BY, log, batch)
    return [Answer(**dict(row)) for row in rows]


async def verdicts(connection: asyncpg.Connection, *requests: AppendRequest) -> list[str]:
    return [answer.verdict for answer in await append(connection, *requests)]


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` sees, as soon as it sees something."""
    async with asyncio.timeout(30):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(0.005)


async def positions(connection: asyncpg.Connection, log: int = 1) -> list[int]:
    rows = await connection.fetch(
        "SELECT position FROM eventstore.event WHERE log_id = $1 ORDER BY position", log
    )
    return [row["position"] for row in rows]
