"""GET /stream: in order, from where one left, and only what one asked for and may see."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import asyncpg
import msgspec
import pytest

from pulseops.access.keys import Principal
from pulseops.http.protocol import ADMISSION
from pulseops.incidents.entries import EventEntry
from pulseops.kernel.ids import new_id
from pulseops.live import listener, tail
from tests.conftest import Database
from tests.integration.streaming import Host, assigned, created, happen, hosting


@pytest.fixture
async def host(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setattr(tail, "_UNASKED", 0.05)  # what is appended past the server rings no bell
    async with hosting(database.app_url) as host:
        yield host


async def test_the_past_and_the_present_come_in_one_order(host: Host, app: asyncpg.Connection) -> None:
    past = [position for _ in range(3) for position in await happen(app, None, created(), assigned("web"))]
    async with host.follow("?after=0") as stream:
        answer = stream.answer.headers
        assert answer["content-type"] == "text/event-stream"
        assert answer["cache-control"] == "no-store"
        assert answer["x-accel-buffering"] == "no"
        assert answer["x-pulseops-position"] == "0"
        assert answer["x-content-type-options"] == "nosniff"
        assert "content-encoding" not in answer
        assert await stream.ids(6) == past
        made = await host.client.post("/incident", json={"title": "Two\nlines\u2028and three"})
        told = await stream.events(3)
        assert [block.event for block in told] == ["CREATED", "CLASSIFIED", "ASSIGNED"]
        entries = [msgspec.json.decode(block.fields["data"], type=EventEntry) for block in told[1:]]
        assert {str(one.incident_id) for one in entries} == {made.json()["id"]}
        assert [one.position for one in entries] == [8, 9]
        assert told[0].data["data"]["title"] == "Two\nlines\u2028and three"


async def test_what_another_process_writes_comes_by_itself(host: Host, app: asyncpg.Connection) -> None:
    async with host.follow() as stream:
        for _ in range(3):
            assert await happen(app) == await stream.ids(1)


async def test_without_a_place_it_begins_now_and_with_one_there(host: Host, app: asyncpg.Connection) -> None:
    for _ in range(4):
        await happen(app)
    async with host.follow() as now:
        assert now.last == 4, "who leaves before the first event comes back to this moment"
    async with host.follow("?after=1") as stream:
        assert await stream.ids(3) == [2, 3, 4]
    async with host.follow("?after=1", last=3) as stream:
        assert await stream.ids(1) == [4], "the header is newer than the address"
    async with host.follow(last=4) as stream:
        await happen(app)
        assert await stream.ids(1) == [5]


async def test_an_id_that_never_was_is_refused(host: Host) -> None:
    for text in (b"", b"x", b"-1", b"+1", b"1.0", b"01", b"1 2", b"1e3", b"9" * 19, b"9" * 400, b"\xb2"):
        answer = await host.client.get("/stream", headers={b"last-event-id": text})
        assert answer.status_code == 400, text
        assert answer.json()["code"] == "invalid-header"
        assert answer.json()["errors"][0]["header"] == "Last-Event-ID"


async def test_a_parameter_that_cannot_be_is_refused(host: Host) -> None:
    for query in (
        *("after=-1", "after=x", "after=1&after=2", "after=9223372036854775808"),
        *("type=CREATE", "type=TEAM.DEFINED", "type=CREATED,", "type=CREATED&type=RESOLVED"),
        *("incident=1", "incident=", "team=a,,b", "teams=a"),
    ):
        answer = await host.client.get(f"/stream?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_a_type_is_suggested_however_it_is_spelt(host: Host) -> None:
    for text in ("created", "CREATD"):
        answer = await host.client.get(f"/stream?type={text}")
        assert answer.json()["detail"].endswith("Did you mean CREATED?"), text


async def test_a_place_beyond_the_log_is_refused(host: Host, app: asyncpg.Connection) -> None:
    await happen(app)
    for query, headers in (
        ("?after=2", {}),
        ("", {"last-event-id": "2"}),
        ("", {"last-event-id": str(2**63 - 1)}),
    ):
        answer = await host.client.get(f"/stream{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "ahead")


async def test_the_head_of_a_stream_has_no_body(host: Host) -> None:
    answer = await host.client.head("/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream"
    assert not host.feeds._listeners


async def test_filters_and_what_they_leave_out_moves_the_place(
    host: Host, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_FAR", 2)
    ours = new_id()
    await happen(app, ours, created(), assigned("web"))  # 1, 2
    await happen(app, None, created(), assigned("db"))  # 3, 4
    await happen(app, ours, ("ACKNOWLEDGED", {}), ("RESOLVED", {}), at=2)  # 5, 6
    for query, expected in (
        ("team=web", [1, 2, 5, 6]),
        ("team=db,web", [1, 2, 3, 4, 5, 6]),
        (f"incident={ours}", [1, 2, 5, 6]),
        (f"incident={ours},{new_id()}&type=ASSIGNED,RESOLVED", [2, 6]),
        ("type=ASSIGNED&team=db", [4]),
    ):
        async with host.follow(f"?after=0&{query}") as stream:
            assert await stream.ids(len(expected)) == expected
    async with host.follow("?after=0&type=ESCALATED") as stream:
        block = await stream.block()
        assert block is not None
        assert (block.id, block.event) == (6, None)
        await happen(app, None, created(), assigned("web"))
        block = await stream.block()
        assert block is not None
        assert (block.id, block.event) == (8, None)


async def test_what_is_no_incident_is_passed_over(host: Host, app: asyncpg.Connection) -> None:
    async with host.follow("?after=0") as stream:
        await happen(app, None, ("TEAM.DEFINED", {"name": "web"}), ("TEAM.DEFINED", {"name": "db"}))
        assert await happen(app) == await stream.ids(1)
        await happen(app, None, ("KEY.CREATED", {}))
        assert await happen(app) == await stream.ids(1)
    async with host.follow("?after=0") as stream:
        assert await stream.ids(2) == [3, 5]


@dataclass
class Door:
    """Lets anybody in as `who`."""

    who: Principal

    async def admit(self, _authorization: bytes | None, _cookie: bytes | None = None) -> Principal:
        return self.who

    async def still(self, _headers: Mapping[bytes, bytes], who: Principal) -> bool:
        return who == self.who


async def test_of_other_teams_nothing_is_shown_neither_then_nor_now(
    host: Host, app: asyncpg.Connection
) -> None:
    stays, leaves, comes, other = (new_id() for _ in range(4))
    await happen(app, stays, created(), assigned("web"))  # 1, 2: one append, so the report is theirs too
    await happen(app, leaves, created(), assigned("web"))  # 3, 4
    await happen(app, comes, created(), assigned("db"))  # 5, 6
    await happen(app, other, created())  # 7: nobody's
    host.app.state.doorkeeper = Door(
        Principal(log_id=1, key_id="k", name="k", role="viewer", teams=frozenset({"web"}))
    )
    async with host.follow("?after=0") as live, host.follow("?after=0&team=db") as none:
        assert await live.ids(4) == [1, 2, 3, 4]
        await happen(app, leaves, assigned("db"), at=2)  # 8
        await happen(app, comes, assigned("web"), at=2)  # 9
        await happen(app, leaves, ("RESOLVED", {}), at=3)  # 10
        await happen(app, other, assigned("db"), at=1)  # 11
        await happen(app, stays, ("RESOLVED", {}), at=2)  # 12
        assert await live.ids(2) == [9, 12]
        async with host.follow("?after=0") as replayed:
            assert await replayed.ids(4) == [1, 2, 9, 12], "what has left is no longer there for them"
        for one in host.feeds._listeners:
            one.end("age")
        assert not any(block.event for block in await none.end())
    host.app.state.doorkeeper = Door(
        Principal(log_id=1, key_id="k", name="k", role="viewer", teams=frozenset())
    )
    async with host.follow("?after=0") as stream:
        for one in host.feeds._listeners:
            one.end("age")
        assert not any(block.event for block in await stream.end())


async def test_streams_leave_the_door_and_free_everything(host: Host, app: asyncpg.Connection) -> None:
    await host.client.get("/health/live")
    before = ADMISSION.under_way
    async with host.follow(), host.follow("?type=CREATED") as second:
        assert ADMISSION.under_way == before
        assert len(host.feeds._listeners) == 2
        assert await happen(app) == await second.ids(1)
        measured = (await host.client.get("/metrics")).text
        assert "pulseops_stream_clients 2.0" in measured
    async with asyncio.timeout(10):
        while host.feeds._listeners:  # noqa: ASYNC110 - the server hears of it when it does
            await asyncio.sleep(0.01)
    followed = host.feeds._of(1)
    assert followed.tail._following is None
    assert not followed.tail._listeners
    assert ADMISSION.under_way == before
