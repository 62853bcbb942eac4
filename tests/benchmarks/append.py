"""One event a request through the gateway, from an empty log, next to what PostgreSQL can take at all."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter

from msgspec import Struct

from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.eventstore.gateway import Gateway
from pulseops.incidents.events import Created
from pulseops.kernel.envelope import Meta
from pulseops.kernel.ids import new_id
from tests.benchmarks import cpu, pgbench
from tests.benchmarks.apart import apart
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

_FACT = Created(title="Checkout answers 502", description="x" * 240, service="checkout")


class Callers(Struct, frozen=True):
    """`callers` that each wait for an answer before they ask again, for so many seconds."""

    url: str
    callers: int
    seconds: float
    postmaster: int


def one_event() -> AppendRequest:
    """A stream of its own for each event."""
    return AppendRequest(
        stream_id=new_id(),
        expected_version=0,
        command_id=new_id(),
        events=(
            NewEvent(
                type=Created.type,
                schema_version=Created.schema_version,
                event_id=new_id(),
                occurred_at=datetime.now(UTC),
                data=_FACT,
                meta=Meta(actor="key:bench", correlation_id=new_id()),
            ),
        ),
    )


async def appending(given: Callers) -> Reading:
    """Counted from the first answer on, so that connecting is not."""
    gateway = Gateway(given.url)
    await gateway.start()
    await gateway.append(one_event())
    times: list[float] = []
    before, begun = cpu.spent((), given.postmaster), perf_counter()
    own = time.process_time()
    until = begun + given.seconds

    async def caller() -> None:
        while (asked := perf_counter()) < until:
            await gateway.append(one_event())
            times.append(perf_counter() - asked)

    await asyncio.gather(*(caller() for _ in range(given.callers)))
    seconds = perf_counter() - begun
    app, postgres = time.process_time() - own, (cpu.spent((), given.postmaster) - before).postgres
    await gateway.stop()
    return Reading(
        operations=len(times),
        seconds=seconds,
        app_cpu=app,
        postgres_cpu=postgres,
        waiting=given.callers,
        more=percentiles(times),
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    def by(callers: int) -> Side:
        async def measure(database: Database, seconds: float) -> Reading:
            return await apart(appending, Callers(database.url, callers, seconds, stage.ground.postmaster))

        return stage.from_empty(f"{callers} callers", measure)

    async with pgbench.one_row(stage) as limit:
        yield [limit, by(64), by(256)]


APPEND = Bench(
    name="append",
    title="Append through the gateway, one event a request, from an empty log",
    lines=[
        Line(goal=GOALS["append-64"], side="64 callers", over=pgbench.LIMIT, by="events"),
        Line(goal=GOALS["append-256"], side="256 callers", over=pgbench.LIMIT, by="events"),
    ],
    sides=_sides,
    takes=45,
)
