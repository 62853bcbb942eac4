"""Facts of a longer life beside workers that do not know them, and facts that are no incident's at all."""

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.catalog.events import TeamDefined
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.codec import COLUMNS
from pulseops.eventstore.wake import Doorbell
from pulseops.incidents.board import BOARD
from pulseops.incidents.events import Acknowledged, Reopened, Resolved, Snoozed, Unsnoozed
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.envelope import Fact
from pulseops.kernel.ids import new_id
from pulseops.subscriptions import subscription
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.operating import parked
from pulseops.subscriptions.positions import wait_for
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from pulseops.wiring import CODEC
from tests.conftest import Database
from tests.histories import START
from tests.integration.appending import append, request, until
from tests.integration.duty import RULES, on_duty
from tests.integration.folding import Past, folded_board, folded_timeline, stored, without_versions
from tests.integration.following import running
from tests.integration.rebuilding import MODELS, rebuilt

_FACTS = f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = 1 AND type NOT LIKE '%.%' ORDER BY position"
_HEAD = "SELECT max(position) FROM eventstore.event WHERE log_id = 1"
_VERSION = "SELECT version FROM eventstore.stream WHERE log_id = 1 AND stream_id = $1"
_NOBODY_WAITS = """
SELECT bool_and(
  s.parked = '{}' AND s.position = (SELECT max(e.position) FROM eventstore.event e WHERE e.log_id = 1)
)
FROM eventstore.subscription s WHERE s.log_id = 1
"""
_OLD = {
    "incident": "SELECT incidents.project_incident_v2($1, $2, $3, $4, $5, $6, $7, $8)",
    "timeline": "SELECT incidents.project_timeline_v2($1, $2, $3, $4, $5, $6, $7, $8)",
}
"""As the release before projected."""


async def happened(connection: asyncpg.Connection, stream_id: UUID, *facts: Fact) -> int:
    """As it lies in the log, whoever decided on it; the position of the last."""
    position = 0
    for fact in facts:
        at = await connection.fetchval(_VERSION, stream_id) or 0
        wanted = request(stream_id, at=at)
        told = replace(wanted.events[0], type=fact.type, data=fact)
        [answer] = await append(connection, replace(wanted, events=(told,)))
        assert answer.verdict == "stored"
        position = answer.position
    return position


async def past_of(connection: asyncpg.Connection) -> Past:
    past: Past = {}
    for row in await connection.fetch(_FACTS):
        fact = CODEC.decode(row)
        past.setdefault(fact.stream_id, []).append(fact)
    return past


async def is_folded(connection: asyncpg.Connection, generation: int = 1) -> None:
    """The read models have what the fold over all incidents has, and nothing else."""
    past = await past_of(connection)
    for table, folded in (("incident", folded_board), ("timeline", folded_timeline)):
        found = without_versions(await stored(connection, f"{table}_{generation}", 1))
        assert found == folded(past, 1), table


def old(name: str) -> Projector:
    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        await connection.execute(_OLD[name], piece.generation, *piece.parameters)

    return Projector(name, project)


def team(name: str) -> TeamDefined:
    return TeamDefined(name=name, description="Theirs, and no incident's.")


async def test_streams_of_other_aggregates_pass_every_projection_a_rebuild_and_its_comparison(
    database: Database, app: asyncpg.Connection
) -> None:
    teams = [new_id(), new_id()]
    await happened(app, teams[0], team("storage"))
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
        await happened(app, teams[1], team("network"), team("networks"))
        await duty.report("critical")
        await happened(app, teams[1], team("network"))
        await happened(app, incident, Snoozed(until=START + timedelta(days=1)))
        head = await happened(app, teams[0], team("disks"))
        projectors = (BOARD, TIMELINE, deadlines(RULES))
        worker = Subscriptions(duty.pool, projectors, owner="a", doorbell=Doorbell(), lease=0.8)
        async with running(worker):
            for projector in projectors:
                await wait_for(duty.pool, projector.name, head, within=10)
        assert await parked(duty.pool) == ()
        assert (await duty.deadlines()).keys().isdisjoint(teams)
    await is_folded(app)
    for model in MODELS:
        assert (await rebuilt(database.app_url, model)).generation == 2, "it was compared, and is the same"
    await is_folded(app, 2)


@pytest.mark.parametrize("name", _OLD)
async def test_the_release_before_refuses_what_it_does_not_know_by_its_name(
    database: Database, app: asyncpg.Connection, name: str
) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
    known = int(await app.fetchval(_HEAD))
    await old(name).project(app, Slice(log_id=1, after=0, up_to=known))
    before = await stored(app, f"{name}_1", 1)
    head = await happened(app, incident, Acknowledged(), Snoozed(until=START))
    with pytest.raises(
        asyncpg.FeatureNotSupportedError, match="SNOOZED version 1, and this projection knows"
    ):
        await old(name).project(app, Slice(log_id=1, after=known, up_to=head))
    assert await stored(app, f"{name}_1", 1) == before
    other = await happened(app, new_id(), team("storage"))
    with pytest.raises(asyncpg.FeatureNotSupportedError, match=r"TEAM\.DEFINED version 1"):
        await old(name).project(app, Slice(log_id=1, after=head, up_to=other))


async def test_beside_a_worker_of_the_release_before_a_longer_life_waits_and_is_taken_up(
    database: Database, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, value in {"_BACKOFF_FIRST": 0.01, "_BACKOFF_LAST": 0.05, "_TRIED_FOR": 0.0}.items():
        monkeypatch.setattr(subscription, setting, value)
    async with on_duty(database.app_url) as duty:
        lively, plain = await duty.report("critical"), await duty.report("critical")
        await happened(app, lively, Acknowledged(), Snoozed(until=START), Unsnoozed(), Acknowledged())
        await happened(app, plain, Acknowledged())
        before = [old(name) for name in _OLD]
        theirs = Subscriptions(duty.pool, before, owner="before", doorbell=Doorbell(), lease=0.8)
        async with running(theirs):
            for projector in before:
                await wait_for(duty.pool, projector.name, int(await app.fetchval(_HEAD)), within=20)
        assert {(one.name, one.stream_id) for one in await parked(duty.pool)} == {
            ("incident", lively),
            ("timeline", lively),
        }
        rows = without_versions(await stored(app, "incident_1", 1))
        assert (rows[plain]["version"], rows[lively]["version"]) == (4, 4), "as far as it knows the facts"
        await happened(app, lively, Resolved(), Reopened())
        ours = Subscriptions(duty.pool, (BOARD, TIMELINE), owner="ours", doorbell=Doorbell(), lease=0.8)
        async with running(ours):
            await until(lambda: app.fetchval(_NOBODY_WAITS))
    await is_folded(app)


@pytest.mark.parametrize("width", [1, 2, 3, 50])
async def test_a_life_goes_on_from_its_row_wherever_history_was_cut(
    database: Database, app: asyncpg.Connection, width: int
) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
    later = START + timedelta(days=1)
    head = await happened(
        app,
        incident,
        *(Acknowledged(), Snoozed(until=later), Unsnoozed(), Acknowledged(), Resolved(cause="a log")),
        *(Reopened(), Snoozed(until=later), Acknowledged(), Resolved()),
    )
    for after, up_to in pairwise([*range(0, head, width), head]):
        for projector in (BOARD, TIMELINE):
            await projector.project(app, Slice(log_id=1, after=after, up_to=up_to))
            await projector.project(app, Slice(log_id=1, after=after // 2, up_to=up_to))
    await is_folded(app)
