"""History over HTTP is what an export has, to the byte; a download costs little, and ends when it should."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest

from pulseops.archive import downloads
from pulseops.archive.downloads import Downloads
from pulseops.eventstore.export import Wanted, export
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import until
from tests.integration.carried import signed_up_to
from tests.integration.strange import STRANGE, store
from tests.integration.streaming import Host, hosting
from tests.keys import a_key
from tests.serving import Api

_LONG = """
SELECT count(*) FROM eventstore.append_v2(1::smallint, (
  SELECT jsonb_agg(jsonb_build_object(
    'stream_id', gen_random_uuid(), 'expected_version', 0, 'command_id', gen_random_uuid(),
    'events', jsonb_build_array(jsonb_build_object(
      'type', 'CREATED', 'schema_version', 1, 'event_id', gen_random_uuid(), 'occurred_at', clock_timestamp(),
      'data', jsonb_build_object('title', repeat('x', 60000)), 'meta', '{}'::jsonb))))
  FROM generate_series(1, 200)))
"""


@pytest.fixture
async def host(database: Database) -> AsyncIterator[Host]:
    async with hosting(database.app_url) as host:
        yield host


def of(host: Host) -> Downloads:
    found: Downloads = host.app.state.downloads
    return found


async def long(app: asyncpg.Connection) -> None:
    """200 events of 60 KB: more than any buffer on the way takes."""
    await app.execute(_LONG)


async def deaf(host: Host) -> socket.socket:
    """A client that asks, and reads nothing."""
    loop, ours = asyncio.get_running_loop(), socket.socket()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ours.setblocking(False)
    await loop.sock_connect(ours, ("127.0.0.1", host.port))
    lines = ["GET /events HTTP/1.1", "Host: x", f"Authorization: Bearer {host.token}", "", ""]
    await loop.sock_sendall(ours, "\r\n".join(lines).encode())
    return ours


async def everything(ours: socket.socket) -> bytes:
    text, loop = b"", asyncio.get_running_loop()
    with suppress(ConnectionError):
        while piece := await loop.sock_recv(ours, 1 << 20):
            text += piece
    ours.close()
    return text


async def test_what_is_read_is_what_an_export_has(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    for data, meta in STRANGE:
        await store(app, data, meta)
    await report(app, 700)
    last = len(STRANGE) + 700
    one = await app.fetchrow("SELECT stream_id, recorded_at FROM eventstore.event WHERE position = 30")
    asked = {
        "": Wanted(),
        "?after=5&upTo=600": Wanted(after=5, up_to=600),
        "?type=STRANGE&type=RESOLVED": Wanted(types=("STRANGE", "RESOLVED")),
        f"?incident={one['stream_id']}": Wanted(streams=(one["stream_id"],)),
        f"?since={one['recorded_at'].isoformat().replace('+', '%2B')}": Wanted(since=one["recorded_at"]),
        f"?until={one['recorded_at'].isoformat().replace('+', '%2B')}": Wanted(until=one["recorded_at"]),
        "?upTo=99999&after=710": Wanted(after=710),
        "?type=RESOLVED": Wanted(types=("RESOLVED",)),
    }
    for number, (query, wanted) in enumerate(asked.items()):
        answer = await api.get(f"/events{query}")
        await export(app, wanted, tmp_path / str(number))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert answer.content == (tmp_path / str(number)).read_bytes(), query
        if "pTo=600" not in query and "until" not in query:
            assert answer.headers["x-pulseops-position"] == str(last), query
    for limit in (1, 500, 600):
        assert (await api.get(f"/events?limit={limit}")).content.count(b"\n") == limit
    await signed_up_to(app, pool, 50)
    answer = await api.get("/events")
    assert (answer.headers["x-pulseops-position"], answer.content.count(b"\n")) == ("50", 50)
    assert (await api.get("/events?upTo=60")).content.count(b"\n") == 60


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=-1", 422, "invalid-input"),
        ("after=1", 409, "ahead"),
        ("since=yesterday", 422, "invalid-input"),
        ("since=2026-01-01T00:00:00", 422, "invalid-input"),
        ("incident=x", 422, "invalid-input"),
        ("type=", 422, "invalid-input"),
        ("team=a", 422, "invalid-input"),
    ],
)
async def test_what_cannot_be_asked_for_is_told(api: Api, query: str, status: int, code: str) -> None:
    answer = await api.get(f"/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_only_who_may_audit_a_whole_log_reads_it(api: Api, pool: asyncpg.Pool) -> None:
    keys = {
        200: await a_key(pool, "whole", role="auditor"),
        403: await a_key(pool, "part", role="auditor", teams=("db",)),
        404: await a_key(pool, "other", role="responder"),
    }
    for status, token in keys.items():
        answer = await api.get("/events", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == min(status, 403)


async def test_who_reads_slowly_holds_neither_a_connection_nor_much_memory(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_PATIENCE", 0.5)
    await long(app)
    ours = await deaf(host)
    pool: asyncpg.Pool = host.app.state.pool

    async def begun() -> bool:
        return bool(of(host)._running)

    async def ended() -> bool:
        return not of(host)._running

    async def given_back() -> bool:
        return bool(pool.get_idle_size() == pool.get_size())

    await until(begun)
    await until(given_back)
    assert of(host)._running
    await until(ended)
    ours.close()


async def test_who_leaves_is_not_read_for_any_longer(host: Host, app: asyncpg.Connection) -> None:
    await long(app)
    async with host.client.stream("GET", "/events") as answer:
        await anext(answer.aiter_bytes())

    async def ended() -> bool:
        return not of(host)._running

    await until(ended)


async def test_a_page_is_no_longer_than_promised(app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    await report(app, 600)
    await long(app)
    await report(app, 3)
    wanted, at, sizes = Wanted(up_to=803), 0, list[tuple[int, int]]()
    while at < 803:
        lines, at = await downloads._page(pool, wanted, at, 500)
        sizes.append((len(lines), sum(map(len, lines))))
    assert sum(count for count, _ in sizes) == 803
    assert sizes[0][0] == 500
    assert max(size for _, size in sizes) < downloads._BYTES + 61_000
    assert await downloads._page(pool, Wanted(up_to=803, types=("RESOLVED",)), 0, 500) == ([], 803)


async def test_what_breaks_off_is_not_taken_for_whole(host: Host, app: asyncpg.Connection) -> None:
    await long(app)
    begun, text = monotonic(), b""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 -- it breaks off anywhere
        async with host.client.stream("GET", "/events") as answer:
            async for piece in answer.aiter_bytes():
                if not text:
                    of(host).stop()
                text += piece
    assert 0 < text.count(b"\n") < 200
    assert monotonic() - begun < 10
    assert (await host.client.get("/events")).status_code == 503


async def test_a_key_that_is_revoked_reads_no_further(
    host: Host, app: asyncpg.Connection, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_LOOKED_AT", 0.0)
    await long(app)
    ours = await deaf(host)
    await asyncio.get_running_loop().sock_recv(ours, 100)
    await admin.execute("UPDATE access.api_key SET revoked_at = clock_timestamp()")
    await asyncio.sleep(1.1)  # a key is remembered for a second
    text = await everything(ours)
    assert 0 < text.count(b"specversion") < 200
    assert not text.endswith(b"0\r\n\r\n")


async def test_no_caller_takes_every_place(host: Host, app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    other = {"authorization": f"Bearer {await a_key(pool, 'other', role='auditor')}"}
    await long(app)
    readers = [await deaf(host) for _ in range(downloads.MOST_EACH)]

    async def all_begun() -> bool:
        return len(of(host)._running) == downloads.MOST_EACH

    await until(all_begun)
    refused = await host.client.get("/events")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert (await host.client.get("/events?upTo=3", headers=other)).status_code == 200
    for one in readers:
        one.close()
