"""A report without HTTP: decided, classified, assigned, three events in a commit that is shared."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from pulseops.db.pools import open_pool
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.incidents.commands import Create
from pulseops.incidents.store import Incidents
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import CODEC, assemble
from tests.benchmarks import cpu, pgbench
from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.reports import COMMANDS, EVENTS
from tests.benchmarks.stage import Stage


@asynccontextmanager
async def incidents(url: str) -> AsyncIterator[Incidents]:
    """As the API is wired, in this process."""
    pool = await open_pool(url, size=2)
    gateway = Gateway(url)
    await gateway.start()
    try:
        yield assemble(gateway, LogHistory(pool, CODEC), load_rulebook(None))
    finally:
        await gateway.stop()
        await pool.close()


async def report(to: Incidents, command: Create) -> None:
    """Returns when it is stored, and assigned. Raises RuntimeError when nobody was."""
    context = Context(actor="key:bench", now=utc_now(), command_id=new_id(), correlation_id=new_id())
    outcome = await to.execute(new_id(), command, context, expected_version=0)
    if outcome.state is None or outcome.state.assigned_team is None:
        raise RuntimeError("an incident was not assigned")


async def reporting(given: Callers) -> Reading:
    """Callers that each wait for an answer before they report again."""
    times: list[float] = []
    async with incidents(given.url) as to:
        await report(to, COMMANDS[0])
        before, own = cpu.spent((), given.postmaster), process_time()
        begun = perf_counter()
        until = begun + given.seconds

        async def caller() -> None:
            while (asked := perf_counter()) < until:
                await report(to, COMMANDS[len(times) % len(COMMANDS)])
                times.append(perf_counter() - asked)

        await asyncio.gather(*(caller() for _ in range(given.callers)))
        seconds = perf_counter() - begun
        app, postgres = process_time() - own, (cpu.spent((), given.postmaster) - before).postgres
    return Reading(
        operations=len(times),
        seconds=seconds,
        events=EVENTS,
        app_cpu=app,
        postgres_cpu=postgres,
        waiting=given.callers,
        more=percentiles(times),
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    async def measure(database: Database, seconds: float) -> Reading:
        return await apart(reporting, Callers(database.url, 64, seconds, stage.ground.postmaster))

    async with pgbench.one_row(stage) as limit:
        yield [limit, stage.from_empty("64 callers", measure)]


WORKFLOW = Bench(
    name="workflow",
    title="The whole workflow in process: three events an incident",
    lines=[Line(goal=GOALS["workflow"], side="64 callers", over=pgbench.LIMIT, by="events")],
    sides=_sides,
    takes=35,
)
