"""Logs that begin, and shards dealt anew, at whatever moment of a rebuild: nothing is left behind."""

import asyncio

import asyncpg
import pytest

from pulseops.eventstore.directory import create_log
from pulseops.incidents import board
from pulseops.kernel.clock import utc_now
from pulseops.projections import filling, following
from pulseops.projections.generations import ReadModel
from pulseops.projections.rebuild import Step
from pulseops.subscriptions.sharding import deal
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from tests.conftest import Database
from tests.histories import report
from tests.integration.following import until
from tests.integration.rebuilding import MODELS, apart, at, lead, parked_at, rebuilt, rows, take_back


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_WINDOW", 7)
    monkeypatch.setattr(following, "MOST", 5)


class BrokenOff(Exception):
    pass


def break_off() -> None:
    raise BrokenOff


async def _begin(connection: asyncpg.Connection, count: int = 3) -> None:
    """A log that has as many incidents, and that a worker has led to its end."""
    log_id = await create_log(connection, "late", now=utc_now())
    await report(connection, count, log_id=log_id)
    await lead(connection, log_id=log_id)


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize(
    ("phase", "accept"),
    [("catch up", False), ("compare", False), ("switch", False), ("catch up", True), ("switch", True)],
)
async def test_a_log_that_begins_before_any_phase_is_in_the_new_generation(
    database: Database, app: asyncpg.Connection, phase: str, count: int, accept: bool
) -> None:
    left = ["index", phase]

    def tell(step: Step) -> None:
        if step.phase not in left:
            return
        left.remove(step.phase)
        if step.phase == "index":
            apart(database.app_url, more)
        else:
            apart(database.app_url, lambda connection: _begin(connection, count))

    async def more(connection: asyncpg.Connection) -> None:
        await report(connection, 12)
        await lead(connection)

    await report(app, 10)
    await lead(app)
    async with asyncio.timeout(10):
        await rebuilt(database.app_url, board.MODEL, tell=tell, accept=accept)
    assert not left
    assert await rows(app, "incident") == await rows(app, "incident_1")
    assert len(await rows(app, "incident")) == 22 + count


async def test_a_log_that_begins_in_the_middle_of_the_switch_is_waited_for(
    database: Database, app: asyncpg.Connection
) -> None:
    """Its subscription is nobody's yet when the others are held."""
    switching: list[bool] = []

    async def more(connection: asyncpg.Connection) -> None:
        await report(connection, 2)
        await lead(connection)
        switching.append(True)

    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        await board.MODEL.projector.project(connection, piece)
        if switching:
            switching.clear()
            await _begin(app)

    await report(app, 10)
    await lead(app)
    model = ReadModel(Projector("incident", project), board.MODEL.fill)
    await rebuilt(database.app_url, model, tell=at("switch", lambda: apart(database.app_url, more)))
    assert await rows(app, "incident") == await rows(app, "incident_1")
    assert len(await rows(app, "incident")) == 15


async def test_what_is_ahead_of_the_new_generation_is_not_switched(app: asyncpg.Connection) -> None:
    """Whoever calls and did not bring it that far may try again."""
    await app.execute("SELECT eventstore.begin_generation_v1('incident')")
    await app.execute("SELECT eventstore.index_generation_v1('incident', 2::smallint)")
    switch = "SELECT eventstore.switch_generation_v1('incident', 2::smallint)"
    await report(app, 3)
    await lead(app)
    with pytest.raises(asyncpg.LockNotAvailableError, match="Log 1 is at 3"):
        await app.execute(switch)
    await app.execute(
        "INSERT INTO eventstore.filling (log_id, name, generation, lane, first, last, position) "
        "VALUES (1, 'incident', 2, 0, 0, 2, 2)"
    )
    with pytest.raises(asyncpg.LockNotAvailableError):
        await app.execute(switch)
    await app.execute("UPDATE eventstore.filling SET position = 3")
    await app.execute(switch)


async def test_a_log_that_begins_in_the_middle_of_the_comparison_is_waited_for(
    database: Database, app: asyncpg.Connection
) -> None:
    """It was not there when logs were met, and is led when the live one is held."""
    await report(app, 10)
    await lead(app)
    with pytest.raises(BrokenOff):
        await rebuilt(database.app_url, board.MODEL, tell=at("compare", break_off))
    await _begin(app)
    async with app.transaction():
        with pytest.raises(following.Moved):
            await following.hold(app, board.MODEL, 2)
    assert (await rebuilt(database.app_url, board.MODEL)).compared == 13


@pytest.mark.parametrize("parked", [False, True])
async def test_shards_that_are_dealt_anew_while_the_switch_waits_for_them_are_met(
    database: Database, pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection, parked: bool
) -> None:
    """Their rows are other ones then, which whoever waited for the old ones does not see."""

    async def waiting(count: int) -> None:
        async def seen() -> bool:
            waits = "SELECT count(*) = $1 FROM pg_locks WHERE NOT granted"
            return bool(await app.fetchval(waits, count))

        await until(seen)

    await report(app, 3)
    await lead(app)
    await report(app, 9 if parked else 7)
    if parked:
        await parked_at(app, 4)
    await lead(app)
    batch = admin.transaction()
    await batch.start()
    if parked:
        await take_back(admin)
    else:
        await report(admin, 2)
    await lead(admin)
    dealing = asyncio.create_task(deal(pool, "incident", 2))
    await waiting(1)
    rebuilding = asyncio.create_task(rebuilt(database.app_url, board.MODEL, accept=True))
    await waiting(2)
    await batch.commit()
    assert await dealing == 12
    await rebuilding
    assert len(await rows(app, "incident")) == 12
    places = await app.fetch("SELECT shards, generation FROM eventstore.subscription WHERE name = 'incident'")
    assert [tuple(row) for row in places] == [(2, 2), (2, 2)]


async def test_shards_that_are_no_more_when_it_comes_to_them_are_passed_over(
    database: Database, pool: asyncpg.Pool, app: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = following.shards

    async def shards(connection: asyncpg.Connection, name: str) -> tuple[following.Shard, ...]:
        seen = await look(connection, name)
        await deal(pool, name, 1)
        return seen

    await report(app, 10)
    await lead(app, shards=3)
    await report(app, 4)
    with pytest.raises(BrokenOff):
        await rebuilt(database.app_url, board.MODEL, tell=at("catch up", break_off))
    with monkeypatch.context() as patched:
        patched.setattr(following, "shards", shards)
        assert await following.lead(app, board.MODEL, 2) == 4
    assert len(await rows(app, "incident_1")) == 14
    assert (await rebuilt(database.app_url, board.MODEL)).compared == 14


@pytest.mark.parametrize("accept", [False, True])
async def test_what_a_rebuild_brings_on_counts_as_failing_no_longer(
    database: Database, app: asyncpg.Connection, accept: bool
) -> None:
    await report(app, 10)
    await lead(app)
    await report(app, 10)
    await app.execute("UPDATE eventstore.subscription SET attempts = 7, last_error = 'no'")
    await rebuilt(database.app_url, board.MODEL, accept=accept)
    found = await app.fetch("SELECT name, position, attempts, last_error FROM eventstore.subscription")
    others = {(model.name, 10, 7, "no") for model in MODELS if model is not board.MODEL}
    assert {tuple(row) for row in found} == {("incident", 20, 0, None), *others}
