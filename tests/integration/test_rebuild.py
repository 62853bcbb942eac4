"""A read model rebuilt beside the live one says the same, and says so before anybody reads it."""

import asyncio
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.eventstore.directory import create_log
from pulseops.incidents import board, timeline
from pulseops.kernel.clock import utc_now
from pulseops.projections import filling, following
from pulseops.projections.comparing import GenerationsDiffer
from pulseops.projections.generations import ReadModel, RebuildUnderWay, Stretch, generations
from pulseops.projections.rebuild import CannotRebuild, Step
from pulseops.subscriptions.slices import Slice
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import request
from tests.integration.following import until
from tests.integration.rebuilding import MODELS, at, lead, rebuilt, rows


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_WINDOW", 7)
    monkeypatch.setattr(following, "MOST", 5)


@pytest.mark.parametrize("width", [1, 3])
async def test_all_logs_are_filled_and_the_live_ones_are_followed_to_where_they_stand(
    database: Database, app: asyncpg.Connection, width: int
) -> None:
    for name in ("second", "empty"):
        await create_log(app, name, now=utc_now())
    for log_id in (1, 2, 1):
        await report(app, 30, log_id=log_id)
    await lead(app)
    for model in MODELS:
        steps: list[Step] = []
        done = await rebuilt(database.app_url, model, width=width, tell=steps.append)
        assert (done.generation, done.events, done.compared) == (2, 90, 90)
        assert list(dict.fromkeys(step.phase for step in steps)) == ["fill", "index", "compare", "switch"]
        assert await rows(app, model.name) == await rows(app, f"{model.name}_1")
    found = await app.fetch("SELECT DISTINCT generation FROM eventstore.subscription")
    assert [row["generation"] for row in found] == [2]


async def test_a_first_filling_needs_nobody_to_have_worked_before(
    database: Database, app: asyncpg.Connection
) -> None:
    await report(app, 20)
    done = await rebuilt(database.app_url, board.MODEL)
    assert done.compared is None
    assert len(await rows(app, "incident")) == 20
    positions = "SELECT position, generation FROM eventstore.subscription"
    assert [tuple(row) for row in await app.fetch(positions)] == [(20, 2)]


async def test_shards_that_stand_at_different_positions_are_each_met_where_they_are(
    database: Database, app: asyncpg.Connection
) -> None:
    await report(app, 60)
    await lead(app, shards=3, behind=2)
    await report(app, 8)
    for model in MODELS:
        await rebuilt(database.app_url, model)
        assert await rows(app, model.name) == await rows(app, f"{model.name}_1")
        assert len(await rows(app, model.name)) == 68, "those behind were brought on, as a worker does"


async def test_a_log_that_begins_meanwhile_is_followed(database: Database, app: asyncpg.Connection) -> None:
    await report(app, 10)
    await lead(app)

    async def begin() -> None:
        await report(app, 10, log_id=await create_log(app, "late", now=utc_now()))
        await lead(app)

    begun: list[asyncio.Task[None]] = []

    async def fill(connection: asyncpg.Connection, part: Stretch) -> None:
        await board.MODEL.fill(connection, part)
        if not begun:
            begun.append(asyncio.create_task(begin()))
            await begun[0]

    await rebuilt(database.app_url, ReadModel(board.MODEL.projector, fill))
    assert await rows(app, "incident") == await rows(app, "incident_1")
    assert len(await rows(app, "incident")) == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE incidents.incident_1 SET title = 'Another' WHERE position = 3", "1 differ: 1 {3}."),
        ("DELETE FROM incidents.incident_1 WHERE position IN (3, 4)", "2 differ: 1 {3}, 1 {4}."),
        ("UPDATE incidents.incident_1 SET service = 'x'", "12 differ: 1 {1}, 1 {2}, 1 {3}, 1 {4}, 1 {5}, …."),
    ],
)
async def test_a_difference_is_found_told_and_not_switched_to(
    database: Database, app: asyncpg.Connection, change: str, told: str
) -> None:
    await report(app, 12)
    await lead(app)
    ids = {
        row["position"]: row["id"] for row in await app.fetch("SELECT position, id FROM incidents.incident")
    }
    right = await rows(app, "incident")
    await app.execute(change)
    wrong = await rows(app, "incident")
    for _ in range(2):  # asked again, it compares again
        with pytest.raises(GenerationsDiffer) as refused:
            await rebuilt(database.app_url, board.MODEL)
        for position, incident_id in ids.items():
            told = told.replace(f"{{{position}}}", str(incident_id))
        assert told in str(refused.value)
        assert await rows(app, "incident") == wrong
        assert [one.state for one in await generations(app, "incident")] == ["live", "ready"]
    await report(app, 12)
    await lead(app)
    assert (await rebuilt(database.app_url, board.MODEL, accept=True)).compared is None
    assert [row for row in await rows(app, "incident") if row["position"] <= 12] == right
    assert [one.state for one in await generations(app, "incident")] == ["retired", "live"]


async def test_one_rebuild_of_a_read_model_at_a_time(database: Database, app: asyncpg.Connection) -> None:
    await report(app, 10)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def fill(connection: asyncpg.Connection, part: Stretch) -> None:
        await board.MODEL.fill(connection, part)
        begun.set()
        await go_on.wait()

    first = asyncio.create_task(rebuilt(database.app_url, ReadModel(board.MODEL.projector, fill)))
    await begun.wait()
    with pytest.raises(RebuildUnderWay):
        await rebuilt(database.app_url, board.MODEL)
    await rebuilt(database.app_url, timeline.MODEL)
    go_on.set()
    await first
    assert len(await rows(app, "incident")) == 10


@pytest.mark.parametrize("phase", ["fill", "index", "catch up", "compare", "switch"])
async def test_broken_off_at_any_phase_it_goes_on_where_it_was(
    database: Database, app: asyncpg.Connection, phase: str
) -> None:
    class BrokenOff(Exception):
        pass

    async def more() -> None:
        await report(app, 20)
        await lead(app)

    seen: list[Step] = []

    def tell(step: Step) -> None:
        seen.append(step)
        if step.phase == phase and (phase != "fill" or step.done >= 14):
            raise BrokenOff

    await report(app, 30)
    await lead(app)
    if phase == "catch up":
        await lead(app)
    model = board.MODEL
    if phase == "catch up":

        async def fill(connection: asyncpg.Connection, part: Stretch) -> None:
            await board.MODEL.fill(connection, part)
            if not seen[1:]:
                await more()

        model = ReadModel(board.MODEL.projector, fill)
    with pytest.raises((BrokenOff, ExceptionGroup)):
        await rebuilt(database.app_url, model, tell=tell)
    before = len(seen)
    await more()
    await rebuilt(database.app_url, board.MODEL, tell=seen.append)
    again = seen[before:]
    if phase == "fill":
        assert (again[0].resumed, again[0].total) == (14, 30)
    elif phase != "index":
        assert "fill" not in {step.phase for step in again}
    assert await rows(app, "incident") == await rows(app, "incident_1")
    assert [one.generation for one in await generations(app, "incident")] == [1, 2]


async def test_a_live_one_that_stands_still_is_told_of_and_may_be_replaced(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 10)
    await lead(app)
    await report(app, 10)
    await admin.execute(
        """
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
        CREATE TRIGGER refuse BEFORE INSERT ON incidents.incident_1 EXECUTE FUNCTION public.refuse()
        """
    )
    with pytest.raises(CannotRebuild, match="cannot be brought to where the new one is"):
        await rebuilt(database.app_url, board.MODEL)
    assert len(await rows(app, "incident")) == 10
    await rebuilt(database.app_url, board.MODEL, accept=True)
    assert len(await rows(app, "incident")) == 20
    assert await app.fetchval("SELECT position FROM eventstore.subscription WHERE name = 'incident'") == 20


async def test_a_long_query_delays_the_switch_and_nobody_else(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await report(app, 10)
    await lead(app)
    analyst = admin.transaction()
    await analyst.start()
    await admin.fetch("SELECT FROM incidents.incident")
    switching = asyncio.Event()
    task = asyncio.create_task(rebuilt(database.app_url, board.MODEL, tell=at("switch", switching.set)))
    await switching.wait()
    watcher = await asyncpg.connect(database.admin_url)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
    for expected in (True, False, True):  # it waits, gives way, and comes again

        async def seen(expected: bool = expected) -> bool:
            return (await watcher.fetchval(waits) > 0) is expected

        await until(seen)
    assert len(await rows(app, "incident")) == 10
    await analyst.commit()
    assert (await task).generation == 2
    await watcher.close()


async def test_a_fact_that_is_not_known_is_refused_unless_its_stream_is_parked(
    database: Database, app: asyncpg.Connection
) -> None:
    await report(app, 1)
    batch = msgspec.json.decode(msgspec.json.encode([request()]))
    batch[0]["events"][0] |= {"type": "CREATED", "schema_version": 2, "data": {"title": "new ways"}}
    await app.fetch(
        "SELECT * FROM eventstore.append_v2(1::smallint, $1)", msgspec.json.encode(batch).decode()
    )
    for model in MODELS:
        with pytest.raises(CannotRebuild, match="History holds CREATED version 2, and"):
            await rebuilt(database.app_url, model)
    stream: UUID = await app.fetchval("SELECT stream_id FROM eventstore.event WHERE position = 2")
    # So many that the planner would rather look at the fact first.
    parked = (*(UUID(int=number) for number in range(200)), stream)
    for model in MODELS:
        whole = Slice(log_id=1, after=0, up_to=2, parked=parked)
        await model.projector.project(app, whole)
        await model.fill(app, Stretch(log_id=1, generation=2, after=0, to=2, up_to=2, parked=parked))
        assert len(await rows(app, f"{model.name}_1")) == len(await rows(app, f"{model.name}_2")) == 1
