"""Responses and stints are what a few lines of Python make of the same facts, however history is split."""

from collections.abc import Iterator
from itertools import count, pairwise

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.eventstore.directory import create_log
from pulseops.incidents import response, stint
from pulseops.kernel.clock import utc_now
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.subscriptions.slices import Slice
from tests.conftest import Database
from tests.histories import Step, enact, plans, report
from tests.integration.rebuilding import rebuilt
from tests.integration.responding import stored
from tests.recomputed import every

# A log of its own for each example: one database serves them all.
_names: Iterator[str] = (f"example-{number}" for number in count())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_any_history_in_any_batches_gives_what_its_facts_say(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    bounds = [0, *sorted(data.draw(st.sets(st.integers(1, head), max_size=6)) | {head})]
    again = data.draw(st.booleans(), label="some ranges come twice, and overlap")
    for model, told in zip((response.MODEL, stint.MODEL), every(past), strict=True):
        for after, up_to in pairwise(bounds):
            pieces = [(after, up_to), (after // 2, up_to)][: 1 + again]
            for piece in pieces:
                await model.projector.project(app, Slice(log_id=log_id, after=piece[0], up_to=piece[1]))
        assert await stored(app, model, log_id) == told
        version = (
            f"SELECT array_agg(xmin::text ORDER BY ctid) FROM incidents.{model.name}_1 WHERE log_id = $1"
        )
        written = await app.fetchval(version, log_id)
        for after, up_to in pairwise(bounds):
            await model.projector.project(app, Slice(log_id=log_id, after=after, up_to=up_to))
        assert await app.fetchval(version, log_id) == written, "projected again, no row is written"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_a_generation_that_is_filled_in_any_windows_and_then_followed_says_the_same(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    filled = data.draw(st.integers(0, head))
    cuts = data.draw(st.sets(st.integers(1, filled), max_size=6)) if filled else set()
    windows = list(pairwise([0, *sorted(cuts | {filled})])) if filled else []
    for model, told in zip((response.MODEL, stint.MODEL), every(past), strict=True):
        generation = await app.fetchval("SELECT eventstore.begin_generation_v1($1)", model.name)
        filling = "SELECT state = 'filling' FROM eventstore.generation WHERE name = $1 AND generation = 2"
        if await app.fetchval(filling, model.name):
            await app.execute("SELECT eventstore.index_generation_v1($1, $2)", model.name, generation)
        for after, to in data.draw(st.permutations(windows)):  # as lanes come
            await model.fill(
                app, Stretch(log_id=log_id, generation=generation, after=after, to=to, up_to=filled)
            )
        rest = Slice(log_id=log_id, after=filled, up_to=head, generation=generation)
        await model.projector.project(app, rest)
        assert await stored(app, model, log_id, generation=2) == told


@pytest.mark.parametrize("model", [response.MODEL, stint.MODEL], ids=lambda model: model.name)
async def test_both_are_rebuilt_behind_their_names(
    database: Database, app: asyncpg.Connection, model: ReadModel
) -> None:
    await report(app, 3)
    assert (await rebuilt(database.app_url, model)).generation == 2
    assert await app.fetchval(f"SELECT count(*) FROM incidents.{model.name}") == 3


@pytest.mark.parametrize("model", [response.MODEL, stint.MODEL], ids=lambda model: model.name)
async def test_an_incident_that_was_never_created_stops_them(
    app: asyncpg.Connection, admin: asyncpg.Connection, model: ReadModel
) -> None:
    position = await report(app, 1)
    await admin.execute(
        """
        SET session_replication_role = replica;
        ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL;
        UPDATE eventstore.event SET type = 'COMMENTED', data = '{"text": "?"}';
        """
    )
    with pytest.raises(asyncpg.RaiseError, match="never created"):
        await model.projector.project(app, Slice(log_id=1, after=0, up_to=position))
