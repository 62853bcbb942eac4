"""Planned while the tables were as good as empty: every look-up must still go by a whole key."""

from collections.abc import Callable

import asyncpg
import msgspec
import pytest

from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.history import LogHistory
from tests.integration.appending import V1, V2, Noted, append, request

Make = Callable[[int, list[AppendRequest]], list[AppendRequest]]

ONE = msgspec.json.encode([request(take="the only one")]).decode()
_TABLES = ("stream", "command", "claim", "event_p0000")
_SCANS = (
    "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'eventstore' AND relname = ANY ($1)"
)
_READS = """
SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes
WHERE schemaname = 'eventstore' AND relname = ANY ($1)
"""


async def flush(connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT pg_stat_force_next_flush()")


async def never_analyse(admin: asyncpg.Connection) -> None:
    await admin.execute(
        "".join(f"ALTER TABLE eventstore.{t} SET (autovacuum_enabled = off);" for t in _TABLES)
    )


async def counters(admin: asyncpg.Connection, query: str) -> dict[str, int]:
    await admin.execute("SELECT pg_stat_clear_snapshot()")
    return dict(await admin.fetch(query, _TABLES))


def batch(number: int, known: list[AppendRequest]) -> list[AppendRequest]:
    """Forty new streams that take names, and one more event for each of the forty before."""
    return [
        *(request(take=f"name {number} {n}") for n in range(40)),
        *(request(one.stream_id, at=1, release=one.take) for one in known),
    ]


def more(number: int, known: list[AppendRequest]) -> list[AppendRequest]:
    """And what only append_v2 takes: commands without events, and groups, every other of which is refused."""
    return [
        *batch(number, known),
        *(request(one.stream_id, at=1, events=0) for one in known[:20]),
        *(request(at=bundle % 2 * part, bundle=bundle) for bundle in range(10) for part in range(2)),
    ]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize(
    ("by", "make"), [(V1, batch), (V2, batch), (V2, more)], ids=["v1", "v2", "all of v2"]
)
async def test_appending_from_empty_reads_no_more_than_it_must(
    app: asyncpg.Connection, admin: asyncpg.Connection, by: str, make: Make, *, analysed: bool
) -> None:
    await never_analyse(admin)
    if analysed:  # by autovacuum, in the moment when a single page was cheaper to read than its index
        await admin.fetch(by, 1, ONE)
        await admin.execute("".join(f"ANALYZE eventstore.{table};" for table in _TABLES))
    scans, reads = await counters(admin, _SCANS), await counters(admin, _READS)
    known: list[AppendRequest] = []
    stored = 0
    for number in range(40):
        requests = make(number, known)
        answers = await append(app, *requests, by=by)
        assert {answer.verdict for answer in answers[: 40 + len(known)]} == {"stored"}
        stored += len(requests)
        known = requests[:40]
    await flush(app)
    after = await counters(admin, _SCANS)
    assert after == scans, "a table was read from end to end"
    read = {index: count - reads[index] for index, count in (await counters(admin, _READS)).items()}
    # Rows are looked up, updated and deleted by key: a few reads each, however many there are.
    assert all(count <= 6 * stored for count in read.values()), read


async def test_reading_a_stream_reads_no_other(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await never_analyse(admin)
    first = request()
    await append(app, first)
    for _ in range(10):
        await append(app, *(request(events=5) for _ in range(40)))
    await append(app, request(first.stream_id, at=1))
    await flush(app)
    scans, reads = await counters(admin, _SCANS), await counters(admin, _READS)
    history = LogHistory(pool, Codec([Noted]))
    for _ in range(20):
        assert len(await history.stream(first.stream_id)) == 2
        assert (await history.answered(first.command_id, None)) is not None
        assert await history.head() == 2002
    for connection in [await pool.acquire() for _ in range(pool.get_size())]:
        await flush(connection)
        await pool.release(connection)
    assert await counters(admin, _SCANS) == scans, "a table was read from end to end"
    read = {index: count - reads[index] for index, count in (await counters(admin, _READS)).items()}
    assert all(count <= 60 for count in read.values()), read
