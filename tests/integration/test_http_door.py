"""The door to a process, on the connection itself: a crowd of strangers, garbage, and those who linger."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from pulseops import app
from pulseops.http import admission, protocol
from tests.conftest import Database
from tests.serving import listening, said

_BODY = b'{"title":"a"}'
_STORED = "SELECT count(*) FROM eventstore.stream"


def _get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def _post(token: str, *lines: str) -> bytes:
    told = ["POST /incident HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    return "\r\n".join([*told, "Content-Type: application/json", *lines, "", ""]).encode()


def _report(token: str, *lines: str) -> bytes:
    return _post(token, f"Content-Length: {len(_BODY)}", *lines) + _BODY


def _statuses(answers: bytes) -> list[int]:
    return [int(one[:3]) for one in answers.split(b"HTTP/1.1 ")[1:]]


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.transport.abort()


async def test_who_asks_for_health_in_a_crowd_takes_no_place_of_those_who_report(
    database: Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FREELY", 4)
    monkeypatch.setattr(admission, "FREELY", 4)
    async with listening(database.app_url) as (port, token), asyncio.timeout(20):
        assert _statuses(await said(port, _report(token, "Connection: close"))) == [201]
        async with admin.transaction():
            # The health check waits for the schema; nobody else asks for it.
            await admin.execute("LOCK eventstore.alembic_version IN ACCESS EXCLUSIVE MODE")
            asking = [
                asyncio.create_task(said(port, _get("/health/ready", "Connection: close"))) for _ in range(12)
            ]
            await asyncio.sleep(0.2)  # longer than the door waits for the quickest
            assert _statuses(await said(port, _report(token, "Connection: close"))) == [201]
            assert not any(one.done() for one in asking)
        await asyncio.gather(*asking)
    assert protocol.ADMISSION.under_way == 0


async def test_in_a_crowd_nothing_but_health_and_measurements_is_let_in_and_of_these_not_any_number(
    database: Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FREELY", 0)
    monkeypatch.setattr(protocol.ADMISSION, "admits", lambda _now: False)
    async with listening(database.app_url) as (port, _), asyncio.timeout(20):
        for path, status in (
            ("/health/live", 200),
            ("/health/ready", 200),
            ("/metrics", 200),
            ("/health/x", 503),
            ("/metrics/x", 503),
            ("/metricsx", 503),
            ("/incidents", 503),
        ):
            assert _statuses(await said(port, _get(path, "Connection: close"))) == [status], path
        async with admin.transaction():
            await admin.execute("LOCK eventstore.alembic_version IN ACCESS EXCLUSIVE MODE")
            most = admission.WATCHERS
            told = await asyncio.gather(
                *(said(port, _get("/health/ready", "Connection: close")) for _ in range(most + 10)),
                said(port, _get("/health/live", "Connection: close")),
            )
        assert _statuses(told.pop()) == [200], "those who watch one thing keep nobody from another"
        refused = [one for one in told if b'"code":"overloaded"' in one]
        assert len(refused) == 10
        head = b"HEAD /incidents HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await said(port, head + _get("/incidents", "Connection: close"))).count(b"{") == 1


async def test_what_is_stored_is_not_called_malformed_because_of_what_follows(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with listening(database.app_url) as (port, token):
        answer = await said(port, _report(token) + b"x y")
        assert _statuses(answer) == [201]
        assert b"connection: close" in answer.lower()
        assert await admin.fetchval(_STORED) == 1
        answer = await said(port, _report(token) + _report(token) + b"x y")
        assert _statuses(answer) == [201, 201]
        assert await admin.fetchval(_STORED) == 3


async def test_what_is_stored_is_not_called_too_large_because_of_the_next_head(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with listening(database.app_url) as (port, token), _connected(port) as (reader, writer):
        async with admin.transaction():
            await admin.execute("LOCK eventstore.stream IN ACCESS EXCLUSIVE MODE")
            writer.write(_report(token) + b"GET /health/live HTTP/1.1\r\nX: ")
            await asyncio.sleep(0.05)
            writer.write(b"a" * 100_000)
            await asyncio.sleep(0.05)
        assert _statuses(await reader.read()) == [201]
        assert await admin.fetchval(_STORED) == 1


async def test_garbage_inside_a_body_is_told_of_after_what_was_asked_before(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with listening(database.app_url) as (port, token):
        broken = _post(token, "Transfer-Encoding: chunked") + b"nonsense\r\n"
        for before, statuses in ((b"", [400]), (_report(token), [201, 400])):
            answer = await said(port, before + broken)
            assert _statuses(answer) == statuses
            head, _, body = answer.rpartition(b"\r\n\r\n")
            assert b"application/problem+json" in head
            assert json.loads(body)["code"] == "malformed"
        # The answer was given before the body broke: there is nothing more to say.
        denied = _post("nobody", "Transfer-Encoding: chunked")
        assert _statuses(await said(port, denied, b"nonsense\r\n")) == [401]
        assert await admin.fetchval(_STORED) == 1


async def test_who_sends_no_next_request_is_not_kept_whatever_else_is_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_KEEP_ALIVE", 0.3)
    async with listening(database.app_url) as (port, _):
        empty = _get("/health/live")
        unread = _post("nobody", "Content-Length: 1000")
        told = await asyncio.gather(said(port, empty, b"\r\n"), said(port, unread, b"a", b"a"))
        assert [_statuses(one) for one in told] == [[200], [401]]


async def test_a_request_that_begins_before_the_answer_to_the_one_before_is_not_cut_off(
    database: Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_KEEP_ALIVE", 0.3)
    async with listening(database.app_url) as (port, _), _connected(port) as (reader, writer):
        whole = _get("/health/ready")
        writer.write(_get("/health/live") + whole[:20])
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        async with admin.transaction():
            await admin.execute("LOCK eventstore.alembic_version IN ACCESS EXCLUSIVE MODE")
            writer.write(whole[20:])
            await asyncio.sleep(0.5)  # longer than an idle connection is kept
        await reader.readuntil(b"}")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")


async def test_as_many_as_are_asked_for_at_once_are_refused_one_after_the_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FREELY", 0)
    monkeypatch.setattr(protocol.ADMISSION, "admits", lambda _now: False)
    async with listening(database.app_url) as (port, _):
        # The first is let in, so that the others wait for their turn behind it.
        asked = _get("/health/live") + _get("/incidents") * 899 + _get("/incidents", "Connection: close")
        assert _statuses(await said(port, asked)) == [200] + [503] * 900
        async with _connected(port) as (reader, writer):
            # Who reads nothing for a while is answered like everybody else.
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport as well
            writer.write(_get(f"/{'a' * 1000}") * 12_000 + _get("/incidents", "Connection: close"))
            await asyncio.sleep(0.3)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert _statuses(await reader.read()) == [503] * 12_001


async def test_what_has_not_changed_is_told_without_a_length(database: Database) -> None:
    async with listening(database.app_url) as (port, token):
        made = await said(port, _report(token, "Connection: close"))
        path = json.loads(made.rpartition(b"\r\n\r\n")[2])["id"]
        key = f"Authorization: Bearer {token}"
        asked = _get(f"/incident/{path}", key, 'If-None-Match: "3"')
        answer = await said(port, asked + _get("/health/live", "Connection: close"))
        assert _statuses(answer) == [304, 200]
        told = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"content-length" not in told
        assert b'etag: "3"' in told
