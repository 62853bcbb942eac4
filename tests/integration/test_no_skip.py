"""Whoever follows the log by position sees every event once, in order, whatever the writers do meanwhile.

Several gateways and bare connections append at once: new streams, further events, stale versions, repeated
commands, contended names, rollbacks, and transactions that dawdle before they commit.
"""

import asyncio
import random
from collections import Counter
from itertools import pairwise
from uuid import UUID

import asyncpg

from pulseops.db.pools import open_connection
from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.gateway import Gateway
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.appending import append, request

_SECONDS = 5.0
_PAGE = """
SELECT position, stream_id, version, event_id, recorded_at FROM eventstore.event
WHERE log_id = 1 AND position > $1 ORDER BY position LIMIT 200
"""


class World:
    """What the writers know of each other, and what they were told."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.versions: dict[UUID, int] = {}
        self.done: list[tuple[AppendRequest, int]] = []
        self.told: dict[UUID, tuple[AppendRequest, int]] = {}
        """By command: its request and the last position of its events."""
        self.counts: Counter[str] = Counter()
        self.over = self.quiet = False

    def request(self) -> AppendRequest:
        chance = self.random.random()
        events = self.random.randint(1, 3)
        if chance < 0.1 and self.done:
            return self.random.choice(self.done[-50:])[0]
        if chance < 0.2:
            return request(events=events, take=f"name {self.random.randint(1, 20)}")
        if chance < 0.5 or not self.versions:
            return request(events=events)
        stream = self.random.choice(list(self.versions)[-30:])
        return request(stream, at=self.versions[stream], events=events)

    def note(self, sent: AppendRequest, verdict: str, version: int, position: int) -> None:
        self.counts[verdict] += 1
        if verdict == "stored":
            assert sent.command_id not in self.told
        if verdict in {"stored", "replayed"}:
            assert self.told.setdefault(sent.command_id, (sent, position)) == (sent, position)
            self.versions[sent.stream_id] = max(version, self.versions.get(sent.stream_id, 0))
            self.done.append((sent, position))


async def through(gateway: Gateway, world: World) -> None:
    while not world.over:
        sent = world.request()
        result = await gateway.append(sent)
        world.note(sent, result.verdict, result.version, result.position)


async def by_hand(url: str, world: World) -> None:
    connection = await open_connection(url)
    while not world.over:
        sent = list(
            {
                one.stream_id: one for one in (world.request() for _ in range(world.random.randint(1, 4)))
            }.values()
        )
        transaction = connection.transaction()
        await transaction.start()
        try:
            answers = await append(connection, *sent)
        except asyncpg.UniqueViolationError:  # one command or name twice in this batch
            await transaction.rollback()
            continue
        if world.random.random() < 0.1:
            await asyncio.sleep(0.02)
        if world.random.random() < 0.1:
            await transaction.rollback()
            world.counts["rolled back"] += len(answers)
            continue
        await transaction.commit()
        for one, answer in zip(sent, answers, strict=True):
            world.note(one, answer.verdict, answer.version, answer.position)
        await asyncio.sleep(0.005)
    await connection.close()


async def follow(url: str, seen: list[asyncpg.Record], world: World) -> None:
    connection = await open_connection(url)
    while True:
        last = world.quiet
        page = await connection.fetch(_PAGE, seen[-1]["position"] if seen else 0)
        seen.extend(page)
        if not page:
            if last:
                break
            await asyncio.sleep(0)
    await connection.close()


async def test_readers_skip_nothing_and_see_nothing_twice(
    database: Database, app: asyncpg.Connection
) -> None:
    url, world = database.app_url, World()
    gateways = [Gateway(url, patience=30) for _ in range(2)]
    for gateway in gateways:
        await gateway.start()
    pages: list[list[asyncpg.Record]] = [[], []]
    writers = [through(gateway, world) for gateway in gateways for _ in range(8)]
    writers += [by_hand(url, world) for _ in range(3)]
    readers = asyncio.gather(*(follow(url, seen, world) for seen in pages))
    working = asyncio.gather(*writers)
    await asyncio.wait([working, readers], timeout=_SECONDS)
    world.over = True
    await working
    world.quiet = True
    await readers
    for gateway in gateways:
        await gateway.stop()

    log = await app.fetch(_PAGE.replace("LIMIT 200", ""), 0)
    for seen in pages:
        assert seen == log
    assert [row["position"] for row in log] == list(range(1, len(log) + 1))
    assert all(earlier["recorded_at"] <= later["recorded_at"] for earlier, later in pairwise(log))
    assert len({row["event_id"] for row in log}) == len(log)
    streams: Counter[UUID] = Counter()
    for row in log:
        streams[row["stream_id"]] += 1
        assert row["version"] == streams[row["stream_id"]]
    stored = {row["event_id"]: row["position"] for row in log}
    for sent, position in world.told.values():
        places = [stored[event.event_id] for event in sent.events]
        assert places == list(range(position - len(places) + 1, position + 1))
    assert sum(len(sent.events) for sent, _ in world.told.values()) == len(log), "all that is stored was told"
    assert all(world.counts[what] for what in ("stored", "conflict", "replayed", "taken", "rolled back"))


async def test_nothing_acknowledged_is_lost_or_doubled_while_connections_die(
    database: Database, admin: asyncpg.Connection
) -> None:
    gateway = Gateway(database.app_url, patience=30)
    await gateway.start()
    acknowledged: dict[UUID, int] = {}
    over = False

    async def caller() -> None:
        while not over:
            sent = request(new_id())
            result = await gateway.append(sent)
            assert result.verdict in {"stored", "replayed"}
            acknowledged[sent.command_id] = result.position

    working = asyncio.gather(*(caller() for _ in range(16)))
    kills = 0
    for _ in range(12):
        await asyncio.sleep(0.1)
        kills += await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'pulseops'"
        )
    over = True
    await working
    await gateway.stop()
    rows = await admin.fetch("SELECT command_id, position FROM eventstore.event ORDER BY position")
    assert {row["command_id"]: row["position"] for row in rows} == acknowledged
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert kills > 5
