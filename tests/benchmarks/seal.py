"""What sealing and signing cost whoever appends, and whether the sealer keeps up with them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from msgspec import Struct

from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer
from pulseops.audit.sealing import NAME, SEALER
from pulseops.db.pools import open_pool
from pulseops.eventstore.bell import Bell
from pulseops.eventstore.gateway import Gateway
from pulseops.subscriptions.leading import Subscriptions
from tests.benchmarks import cpu
from tests.benchmarks.apart import Failed, apart
from tests.benchmarks.append import Callers, appending, one_event
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.past import filled
from tests.benchmarks.stage import Stage

_ALONE, _BESIDE = "appending alone", "appending beside a sealer"
_SEALING, _FULL = "sealing", "64 callers"
_RATE = 1_000  # events a second that come, whether or not they are answered: some 300 incidents
_PAST = 30_000  # incidents that are sealed from the beginning
_LASTING = 120.0  # seconds that a sealer goes on unless it is stopped
_STOOD = "SELECT coalesce(max(position), 0) FROM eventstore.subscription WHERE name = $1"


class Sealing(Struct, frozen=True):
    """The log of a database, until its first `events` are sealed; for ever where there are none."""

    url: str
    events: int
    postmaster: int


async def arriving(given: Callers) -> Reading:
    """Events that come at a fixed rate, however long the ones before take: when each was answered."""
    gateway = Gateway(given.url)
    await gateway.start()
    await gateway.append(one_event())
    times: list[float] = []
    own, before, begun = process_time(), cpu.spent((), given.postmaster), perf_counter()

    async def one(due: float) -> None:
        await gateway.append(one_event())
        times.append(perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(round(given.seconds * _RATE)):
            due = begun + number / _RATE
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            group.create_task(one(due))
    seconds, app = perf_counter() - begun, process_time() - own
    postgres = (cpu.spent((), given.postmaster) - before).postgres
    await gateway.stop()
    return Reading(
        operations=len(times), seconds=seconds, app_cpu=app, postgres_cpu=postgres, more=percentiles(times)
    )


async def sealing(given: Sealing) -> Reading:
    """As a worker does it, in a process that does nothing else."""
    pool = await open_pool(given.url, size=4)
    subscriptions = Subscriptions(pool, [SEALER], owner="bench", doorbell=Bell())
    notary = Notary(pool, Keys(signer=Signer.new("bench")))
    own, before, begun = process_time(), cpu.spent((), given.postmaster), perf_counter()
    tasks = [asyncio.create_task(subscriptions.run()), asyncio.create_task(notary.watch())]
    while not given.events or await pool.fetchval(_STOOD, NAME) < given.events:
        if any(task.done() for task in tasks):
            raise Failed("the sealer has ended")
        await asyncio.sleep(0.02)
    seconds, app = perf_counter() - begun, process_time() - own
    postgres = (cpu.spent((), given.postmaster) - before).postgres
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await pool.close()
    return Reading(operations=given.events, seconds=seconds, app_cpu=app, postgres_cpu=postgres)


@asynccontextmanager
async def _sealed(stage: Stage, database: Database) -> AsyncIterator[None]:
    """Somebody seals and signs meanwhile. Raises Failed when it ended early."""
    sealer = asyncio.create_task(apart(sealing, Sealing(database.url, 0, stage.ground.postmaster)))
    try:
        yield
        if sealer.done():
            raise Failed(f"nobody sealed any more: {sealer.exception()}")
    finally:
        sealer.cancel()
        await asyncio.wait([sealer])


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    def callers(database: Database, seconds: float) -> Callers:
        return Callers(database.url, 64, seconds, stage.ground.postmaster)

    async def alone(database: Database, seconds: float) -> Reading:
        return await apart(arriving, callers(database, seconds))

    async def beside(database: Database, seconds: float) -> Reading:
        async with _sealed(stage, database):
            return await apart(arriving, callers(database, seconds))

    async def full(database: Database, seconds: float) -> Reading:
        return await apart(appending, callers(database, seconds))

    async def behind(_seconds: float) -> Reading:
        async with stage.ground.database() as database:
            events = await filled(database, _PAST // 6 if stage.quick else _PAST, stage=stage)
            stage.say(_SEALING)
            return await apart(sealing, Sealing(database.url, events, stage.ground.postmaster))

    stage.notes.append(
        f"Alone and beside: {_RATE:,} events a second come, however long the ones before take. "
        "The sealer is a process that seals and signs and does nothing else."
    )
    yield [
        stage.from_empty(_ALONE, alone),
        stage.from_empty(_BESIDE, beside),
        stage.from_empty(_FULL, full),
        Side(_SEALING, behind),
    ]


SEAL = Bench(
    name="seal",
    title="Appending while somebody seals and signs, and sealing by itself",
    lines=[
        Line(goal=GOALS["seal-append"], side=_BESIDE, over=_ALONE, by="p50_ms"),
        Line(goal=GOALS["seal"], side=_SEALING, over=_FULL, by="events"),
    ],
    sides=_sides,
    takes=60,
)
