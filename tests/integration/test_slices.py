"""A slice holds what it says, whoever asks, and is read without looking at the rest of the log."""

import json
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.subscriptions.slices import Slice, bucket
from tests.integration.appending import append, request

_POSITIONS = "SELECT position FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7) ORDER BY position"
STREAMS = [UUID(int=(n << 64) + n * 37 % 256) for n in range(12)]


async def positions(connection: asyncpg.Connection, piece: Slice) -> list[int]:
    return [row["position"] for row in await connection.fetch(_POSITIONS, *piece.parameters)]


async def history(app: asyncpg.Connection) -> dict[int, UUID]:
    """Three events for each stream, in turns: whose each position is."""
    for version in range(3):
        await append(app, *(request(stream_id, at=version) for stream_id in STREAMS))
    rows = await app.fetch("SELECT position, stream_id FROM eventstore.event WHERE log_id = 1")
    return {row["position"]: row["stream_id"] for row in rows}


slices = st.builds(
    Slice,
    log_id=st.just(1),
    after=st.integers(0, 40),
    up_to=st.integers(0, 40),
    shard=st.integers(0, 3),
    shards=st.integers(1, 4),
    parked=st.lists(st.sampled_from(STREAMS), max_size=4).map(tuple),
    only=st.just(()) | st.lists(st.sampled_from(STREAMS), unique=True, max_size=3).map(tuple),
).filter(lambda piece: piece.shard < piece.shards)


async def test_a_slice_holds_what_it_says(app: asyncpg.Connection) -> None:
    whose = await history(app)

    def expected(piece: Slice) -> list[int]:
        chosen = range(piece.after + 1, min(piece.up_to, len(whose)) + 1)
        if piece.only:
            return [one for one in chosen if whose[one] in piece.only]
        mine = (one for one in chosen if bucket(whose[one]) % piece.shards == piece.shard)
        return [one for one in mine if whose[one] not in piece.parked]

    drawn: list[Slice] = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(slices)
    def draw(piece: Slice) -> None:
        drawn.append(piece)

    draw()
    for piece in drawn:
        assert await positions(app, piece) == expected(piece), piece


async def test_the_shards_of_a_range_hold_each_of_its_events_once(app: asyncpg.Connection) -> None:
    whose = await history(app)
    for shards in (1, 2, 5, 256):
        held = [
            one
            for shard in range(shards)
            for after, up_to in pairwise((0, 7, 8, 40))
            for one in await positions(
                app, Slice(log_id=1, after=after, up_to=up_to, shard=shard, shards=shards)
            )
        ]
        assert sorted(held) == sorted(whose)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.mark.parametrize("only", [(), (STREAMS[3],)])
async def test_the_planner_sees_through_it(app: asyncpg.Connection, only: tuple[UUID, ...]) -> None:
    """Without a word about cost: it is read by the log's keys even when a statement is planned for ever."""
    await history(app)
    await app.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
    await app.execute(
        "PREPARE looked (smallint, bigint, bigint, int, int, uuid[], uuid[]) AS "
        "SELECT max(version) FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7) WHERE type = 'NOTED'"
    )
    ids = ",".join(f'"{one}"' for one in only)
    found = await app.fetchval(
        "EXPLAIN (ANALYZE, FORMAT json, TIMING off) "
        f"EXECUTE looked (1::smallint, 30, 36, 0, 1, '{{}}', '{{{ids}}}')"
    )
    ran = [node for node in nodes(json.loads(found)[0]["Plan"]) if node["Actual Loops"]]
    kinds = {node["Node Type"] for node in ran if node.get("Function Name") != "unnest"}
    assert not kinds & {"Function Scan", "Seq Scan"}, kinds
    scans = [node for node in ran if node["Node Type"] in ("Index Scan", "Bitmap Index Scan")]
    key = "event_p0000_version_key" if only else "event_p0000_pkey"
    assert {node["Index Name"] for node in scans} == {key}, scans
