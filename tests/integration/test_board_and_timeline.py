"""SQL ≡ fold: whatever happened and however it is split, the tables say what Python says."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, pairwise, product
from uuid import UUID

import asyncpg
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.eventstore.codec import Codec
from pulseops.eventstore.directory import create_log
from pulseops.incidents import board, timeline
from pulseops.incidents.board import BOARD
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from pulseops.projections.generations import Stretch
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from tests.histories import Step, enact, plans, report
from tests.integration.folding import (
    Past,
    folded_board,
    folded_timeline,
    stored,
    without_versions,
)
from tests.unit.golden import SAMPLES as EVERY_SAMPLE

SAMPLES = {name: sample for name, sample in EVERY_SAMPLE.items() if "." not in sample["type"]}
"""Incidents' alone."""


PLAIN = {"CREATED", "CLASSIFIED", "ASSIGNED", "ACKNOWLEDGED", "ESCALATED", "RESOLVED"}
"""The facts of most lives, whose order the projection need not look at."""

# A log of its own for each example: one database serves them all.
_names: Iterator[str] = (f"example-{number}" for number in count())


async def project(
    connection: asyncpg.Connection, projector: Projector, log_id: int, *ranges: tuple[int, int]
) -> None:
    for after, up_to in ranges:
        await projector.project(connection, Slice(log_id=log_id, after=after, up_to=up_to))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_any_history_in_any_batches_gives_what_the_fold_gives(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    cuts = data.draw(st.sets(st.integers(1, head), max_size=6)) if head else set()
    bounds = [0, *sorted(cuts | {head})]
    for projector, folded in ((BOARD, folded_board), (TIMELINE, folded_timeline)):
        again = data.draw(st.booleans(), label="some ranges come twice, and overlap")
        for after, up_to in pairwise(bounds):
            await project(app, projector, log_id, (after, up_to))
            if again:
                await project(app, projector, log_id, (after // 2, up_to))
        table = f"{projector.name}_1"
        live = await stored(app, table, log_id)
        assert without_versions(live) == folded(past, log_id)

        await project(app, projector, log_id, (0, head), *pairwise(bounds))
        assert await stored(app, table, log_id) == live, "projected again, no row is written"

        await app.execute(f"DELETE FROM incidents.{projector.name} WHERE log_id = $1", log_id)
        await project(app, projector, log_id, (0, head))
        rebuilt = await stored(app, table, log_id)
        assert without_versions(rebuilt) == without_versions(live)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_a_generation_filled_in_any_windows_up_to_anywhere_and_then_followed_is_what_the_fold_gives(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    filled = data.draw(st.integers(0, head))
    cuts = data.draw(st.sets(st.integers(1, filled), max_size=6)) if filled else set()
    windows = list(pairwise([0, *sorted(cuts | {filled})])) if filled else []
    for model, folded in ((board.MODEL, folded_board), (timeline.MODEL, folded_timeline)):
        generation = await app.fetchval("SELECT eventstore.begin_generation_v1($1)", model.name)
        filling = "SELECT state = 'filling' FROM eventstore.generation WHERE name = $1 AND generation = 2"
        if await app.fetchval(filling, model.name):
            await app.execute("SELECT eventstore.index_generation_v1($1, $2)", model.name, generation)
        for after, to in data.draw(st.permutations(windows)):  # as lanes come
            stretch = Stretch(log_id=log_id, generation=generation, after=after, to=to, up_to=filled)
            await model.fill(app, stretch)
        rest = Slice(log_id=log_id, after=filled, up_to=head, generation=generation)
        await model.projector.project(app, rest)
        assert without_versions(await stored(app, f"{model.name}_2", log_id)) == folded(past, log_id)


async def test_plans_made_for_a_small_log_stay_good_when_it_has_grown(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 12)
    await admin.execute("VACUUM ANALYZE")
    for position in range(12):  # a session keeps the plan that it has by the sixth call
        for projector in (BOARD, TIMELINE):
            await projector.project(admin, Slice(log_id=1, after=position, up_to=position + 1))
    await report(app, 1_000)
    async with admin.transaction():
        for projector in (BOARD, TIMELINE):
            for after in range(0, 1_000, 100):
                await projector.project(admin, Slice(log_id=1, after=after, up_to=after + 100))
        scanned = await admin.fetch(
            "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables "
            "WHERE schemaname IN ('eventstore', 'incidents') AND seq_tup_read > 0"
        )
    assert scanned == []


# After these an incident has a value wherever it can have one, so that what a fact takes away is seen.
FULL = (
    *("created-1-full", "classified-1-full", "assigned-1-person", "escalated-1", "linked-1-full"),
    *("absorbed-1-full", "impact_declared-1-full", "acknowledged-1-full", "merged-1-full"),
    *("resolved-1-decided", "snoozed-1-full"),
)


async def lived(connection: asyncpg.Connection, stream_id: UUID, names: Sequence[str], at: int = 0) -> None:
    """These samples, one after the other, as they lie in the log."""
    events = [
        {
            "type": SAMPLES[name]["type"],
            "schema_version": SAMPLES[name]["schema_version"],
            "event_id": str(new_id()),
            "occurred_at": utc_now().isoformat(),
            "data": SAMPLES[name]["data"],
            "meta": SAMPLES[name]["meta"],
        }
        for name in names
    ]
    request = {"stream_id": str(stream_id), "expected_version": at, "command_id": str(new_id())}
    batch = msgspec.json.encode([request | {"events": events}]).decode()
    await connection.execute("SELECT eventstore.append_v2(1::smallint, $1)", batch)


async def history_of(connection: asyncpg.Connection, streams: Iterable[UUID]) -> Past:
    statement = "SELECT * FROM eventstore.event WHERE log_id = 1 AND stream_id = $1 ORDER BY version"
    codec = Codec(INCIDENT.facts)
    return {
        stream_id: [codec.decode(row) for row in await connection.fetch(statement, stream_id)]
        for stream_id in streams
    }


async def test_every_sample_of_a_stored_fact_is_projected_as_it_is_folded(app: asyncpg.Connection) -> None:
    created = [name for name in SAMPLES if name.startswith("created-")]
    streams = {new_id(): [first, *(name for name in SAMPLES if name not in created)] for first in created}
    for stream_id, names in streams.items():
        await lived(app, stream_id, names)
    past = await history_of(app, streams)
    head = await app.fetchval("SELECT max(position) FROM eventstore.event")
    for projector, folded in ((BOARD, folded_board), (TIMELINE, folded_timeline)):
        await project(app, projector, 1, (0, head))
        assert without_versions(await stored(app, f"{projector.name}_1", 1)) == folded(past, 1)


async def test_each_fact_sets_and_takes_away_what_it_does_in_the_fold(app: asyncpg.Connection) -> None:
    streams = {new_id(): name for name in SAMPLES if not name.startswith("created-")}
    for stream_id in streams:
        await lived(app, stream_id, FULL)
    full = await app.fetchval("SELECT max(position) FROM eventstore.event")
    for stream_id, name in streams.items():
        await lived(app, stream_id, [name], at=len(FULL))
    past = await history_of(app, streams)
    assert {len(facts) for facts in past.values()} == {len(FULL) + 1}
    head = full + len(streams)
    for ranges in (((0, full), (full, head)), ((0, head),)):
        await app.execute("DELETE FROM incidents.incident")
        await project(app, BOARD, 1, *ranges)
        assert without_versions(await stored(app, "incident_1", 1)) == folded_board(past, 1)


async def test_facts_that_take_an_incident_forward_are_worked_in_from_wherever_it_stands(
    app: asyncpg.Connection,
) -> None:
    """By the short way, which never looks at the row."""
    forward = [name for name in SAMPLES if SAMPLES[name]["type"] in PLAIN - {"CREATED"}]
    streams = {new_id(): pair for pair in product(forward, repeat=2) if "resolved" not in pair[0]}
    for stream_id in streams:
        await lived(app, stream_id, [*FULL, "reopened-1-least", "snoozed-1-least", "escalated-1"])
    before = await app.fetchval("SELECT max(position) FROM eventstore.event")
    for stream_id, pair in streams.items():
        await lived(app, stream_id, pair, at=len(FULL) + 3)
    past = await history_of(app, streams)
    await project(app, BOARD, 1, (0, before), (before, before + 2 * len(streams)))
    assert without_versions(await stored(app, "incident_1", 1)) == folded_board(past, 1)
