"""Streams cost what was promised, whoever listens and however slowly; and they end when they should."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import monotonic

import asyncpg
import pytest

from pulseops.access.keys import Principal
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import OutcomeUnknown
from pulseops.live import feeds, listener, pages, tail
from pulseops.subscriptions.turns import Turns
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.streaming import Host, client, created, following, happen, hosting
from tests.keys import a_key

_REVOKE = "UPDATE access.api_key SET revoked_at = $2 WHERE key_id = $1"


@pytest.fixture
async def host(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setattr(tail, "_UNASKED", 0.05)  # what is appended past the server rings no bell
    async with hosting(database.app_url) as host:
        yield host


async def _deaf(host: Host, after: int) -> socket.socket:
    """A client that asks, and reads nothing."""
    loop = asyncio.get_running_loop()
    ours = socket.socket()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ours.setblocking(False)
    await loop.sock_connect(ours, ("127.0.0.1", host.port))
    lines = [f"GET /stream?after={after} HTTP/1.1", "Host: x", f"Authorization: Bearer {host.token}", "", ""]
    await loop.sock_sendall(ours, "\r\n".join(lines).encode())
    return ours


async def _all_read(ours: socket.socket) -> str:
    text = b""
    async with asyncio.timeout(20):
        while not text.endswith(b"0\r\n\r\n"):
            part = await asyncio.get_running_loop().sock_recv(ours, 1 << 16)
            if not part:
                break
            text += part
    ours.close()
    return text.decode()


async def test_who_is_too_slow_is_told_so_and_goes_on_from_its_last_id(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST_BYTES", 200_000)
    long = created(description="x" * 20_000)
    ours = await _deaf(host, 0)
    async with host.follow("?after=0") as quick:
        reading = asyncio.create_task(quick.end())

        async def dropped() -> bool:
            await happen(app, None, *[long] * 20)
            return any(one.ended == "slow" for one in host.feeds._listeners)

        async def told() -> bool:
            return all(one.ended or one.told == head for one in host.feeds._listeners)

        await until(dropped)
        text = await _all_read(ours)
        assert feeds.WORDS["slow"] in text
        seen = [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]
        last = seen[-1]
        assert seen == sorted([*range(last + 1), last]), "nothing is left out before the end"
        head = await host.feeds.head(1)
        await until(told)
        host.feeds.stop()
        blocks = [block.id for block in await reading if block.event]
        assert blocks == list(range(1, head + 1)), "nobody else suffers"
        host.feeds._stopping = False
    async with host.follow(last=last) as stream:
        assert await stream.ids(head - last) == list(range(last + 1, head + 1))


async def test_who_comes_back_alone_from_far_behind_is_not_too_slow(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST_BYTES", 200_000)
    for _ in range(30):
        await happen(app, None, *[created(description="x" * 20_000)] * 20)
    async with host.follow("?after=0") as stream:
        assert await stream.ids(600) == list(range(1, 601))
        await happen(app)
        assert await stream.ids(1) == [601]


async def test_who_takes_in_long_events_slowly_keeps_few_of_them_in_memory(
    host: Host, app: asyncpg.Connection
) -> None:
    long = created(description="\N{PILE OF POO}" * 20_000)
    for _ in range(5):
        await happen(app, None, *[long] * 20)
    deaf = [await _deaf(host, 0) for _ in range(3)]

    async def fed() -> bool:
        return len(host.feeds._listeners) == 3 and all(one.position for one in host.feeds._listeners)

    await until(fed)
    assert max(one._bytes for one in host.feeds._listeners) <= pages.BYTES + 100_000, "one more at most"
    async with host.follow("?after=0") as stream:
        assert await stream.ids(100) == list(range(1, 101)), "all of them come, a few at a time"
    for one in deaf:
        one.close()


async def test_who_takes_nothing_at_all_is_cut_off(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feeds, "_PATIENCE", 0.3)
    for _ in range(20):
        await happen(app, None, *[created(description="x" * 20_000)] * 20)
    ours = await _deaf(host, 0)

    async def listening() -> bool:
        return bool(host.feeds._listeners)

    async def gone() -> bool:
        return not host.feeds._listeners

    await until(listening)
    await until(gone)
    assert not (await _all_read(ours)).endswith("0\r\n\r\n")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


async def test_many_listeners_share_one_reader(host: Host, app: asyncpg.Connection) -> None:
    many = 60
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(host.follow()) for _ in range(many)]
        log = host.feeds.followed(1)
        before, began = log.readings, monotonic()
        for _ in range(30):
            await happen(app)
        for stream in streams:
            assert await stream.ids(30) == list(range(1, 31))
        # One at a time, some time apart, however many listen.
        assert log.readings - before <= (monotonic() - began) / tail._APART + 2


async def test_a_key_that_is_revoked_hears_nothing_more(host: Host, app: asyncpg.Connection) -> None:
    token = await a_key(host.app.state.pool, "bot")
    async with client(host.port, token) as bot, following(bot) as stream, host.follow() as other:
        began = monotonic()
        await host.app.state.pool.execute(_REVOKE, token.split("_")[1], utc_now())
        last = (await stream.end())[-1]
        assert last.comment == feeds.WORDS["access"]
        assert monotonic() - began < 10
        await happen(app)
        assert await other.ids(1) == [1]


async def test_silence_is_broken_and_old_age_ends_a_stream(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEEP_ALIVE", 0.05)
    monkeypatch.setattr(feeds, "AGE", 0.4)
    async with host.follow() as stream:
        *pings, last = await stream.end()
        assert {ping.comment for ping in pings} == {"still here"}
        assert last.comment == feeds.WORDS["age"]


async def test_there_are_only_so_many_streams(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST", 2)
    async with host.follow(), host.follow():
        answer = await host.client.get("/stream")
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"]
        assert (await host.client.get("/incidents")).status_code == 200


async def test_a_server_that_stops_waits_for_no_stream(host: Host) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(host.follow()) for _ in range(20)]
        began = monotonic()
        await host.stop()
        assert monotonic() - began < 3
        for stream in streams:
            assert (await stream.end())[-1].comment == feeds.WORDS["stopping"]


async def test_one_caller_leaves_room_for_the_others(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_EACH", 2)
    token = await a_key(host.app.state.pool, "viewer", role="viewer")
    async with client(host.port, token) as greedy:
        async with following(greedy), following(greedy):
            answer = await greedy.get("/stream")
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            async with host.follow():
                pass
        async with following(greedy):
            pass


async def test_one_caller_who_is_behind_in_many_streams_keeps_nobody_elses_behind(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(app)
    read, begun, go = pages.Log.after, list[int](), asyncio.Event()

    async def after(log: pages.Log, position: int, *, by_team: bool) -> pages.Page:
        begun.append(position)
        await go.wait()
        return await read(log, position, by_team=by_team)

    async def both() -> bool:
        return len(begun) > 1

    monkeypatch.setattr(pages.Log, "after", after)
    monkeypatch.setattr(feeds, "KEEP_ALIVE", 0.2)
    host.feeds._turns = Turns(2, patience=0.1)
    other = client(host.port, await a_key(app, "other"))
    async with AsyncExitStack() as open_, other:
        many = [await open_.enter_async_context(host.follow("?after=0")) for _ in range(5)]
        one = await open_.enter_async_context(following(other, "?after=1"))
        await until(both)
        assert begun == [0, 1], "a reading of each"
        last = await many[-1].block()
        assert last is not None
        assert last.comment == "still here", "it waits, and hears so"
        go.set()
        for stream in many:
            assert await stream.ids(1) == [1]
        await happen(app)
        assert await one.ids(1) == [2]


async def test_one_who_cannot_be_looked_at_hides_nobody_else(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    doorkeeper = host.app.state.doorkeeper
    odd, gone = [await a_key(host.app.state.pool, name) for name in ("odd", "gone")]
    admit = doorkeeper.admit

    async def troubled(authorization: bytes | None, cookie: bytes | None = None) -> Principal:
        if authorization == f"Bearer {odd}".encode():
            raise OutcomeUnknown
        found: Principal = await admit(authorization, cookie)
        return found

    async with (
        client(host.port, odd) as one,
        client(host.port, gone) as other,
        following(one) as cut,
        following(other) as revoked,
        host.follow() as ours,
    ):
        monkeypatch.setattr(doorkeeper, "admit", troubled)
        await host.app.state.pool.execute(_REVOKE, gone.split("_")[1], utc_now())
        async with asyncio.timeout(10):  # long before they end of age
            assert (await cut.end())[-1].comment == feeds.WORDS["trouble"]
            assert (await revoked.end())[-1].comment == feeds.WORDS["access"]
        await happen(app)
        assert await ours.ids(1) == [1]
