"""SQL ≡ fold, in shards: however streams are dealt, parked and taken back, the tables say what it says."""

from itertools import count, pairwise
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pulseops.eventstore.directory import create_log
from pulseops.incidents import response, stint
from pulseops.incidents.board import BOARD
from pulseops.incidents.response import RESPONSES
from pulseops.incidents.stint import STINTS
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.clock import utc_now
from pulseops.subscriptions.slices import Slice, bucket
from pulseops.subscriptions.subscription import Projector
from tests.histories import Step, enact, plans
from tests.integration import responding
from tests.integration.folding import Rows, folded_board, folded_timeline, stored, without_versions
from tests.recomputed import every

_names = (f"dealt-{number}" for number in count())


async def pass_through(
    app: asyncpg.Connection, projector: Projector, whole: Slice, bounds: list[int], waits: dict[UUID, range]
) -> None:
    """One shard, batch by batch; a stream waits for the batches of its range, and is then taken back."""
    for number, (after, up_to) in enumerate(pairwise(bounds)):
        for stream_id, batches in waits.items():
            if batches.stop == number and bucket(stream_id) % whole.shards == whole.shard:
                missed = replace(whole, after=bounds[batches.start], up_to=after, only=(stream_id,))
                await projector.project(app, missed)
        parked = tuple(stream_id for stream_id, batches in waits.items() if number in batches)
        await projector.project(app, replace(whole, after=after, up_to=up_to, parked=parked))


async def told(app: asyncpg.Connection, projector: Projector, log_id: int) -> Rows:
    """What the tables say."""
    for model in (response.MODEL, stint.MODEL):
        if model.projector is projector:
            return await responding.stored(app, model, log_id)
    return without_versions(await stored(app, projector.name + "_1", log_id))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_any_mix_of_shards_batches_and_parks_gives_what_the_fold_gives(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    # Whatever waits is taken back by the last batch, which is empty.
    bounds = [0, *sorted(data.draw(st.sets(st.integers(1, head), max_size=5)) | {head}), head]
    last = len(bounds) - 2
    waits = {
        stream_id: range(data.draw(st.integers(0, last)), last)
        for stream_id in past
        if data.draw(st.booleans())
    }
    shards = data.draw(st.integers(1, 4))
    tables: list[Rows] = [folded_board(past, log_id), folded_timeline(past, log_id), *every(past)]
    for projector, folded in zip((BOARD, TIMELINE, RESPONSES, STINTS), tables, strict=True):
        for shard in range(shards):
            whole = Slice(log_id=log_id, after=0, up_to=0, shard=shard, shards=shards)
            await pass_through(app, projector, whole, bounds, waits)
        assert await told(app, projector, log_id) == folded
