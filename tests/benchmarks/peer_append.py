"""One event an append, durable, next to `eventsourcing`: the library that Python has for this."""

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time

from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers, appending
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage
from tests.benchmarks.ticket import Ticket, tickets

_THEIRS, _OURS = "eventsourcing, at its best", "ours, 256 callers"
_THREADS = (1, 4, 15)
"""Of which the best counts. 15 is how many connections its pool has by default."""


async def saving(given: Callers) -> Reading:
    """Threads that each save one new aggregate after the other. Raises RuntimeError when one failed."""
    times: list[float] = []
    failed: list[BaseException] = []
    with tickets(given.url) as application:
        # Connections are made before, as ours are.
        application.save(_ticket())

        def caller() -> None:
            try:
                while (asked := perf_counter()) < until:
                    application.save(_ticket())
                    times.append(perf_counter() - asked)
            except Exception as error:  # noqa: BLE001 -- recorded, and raised below
                failed.append(error)

        threads = [threading.Thread(target=caller) for _ in range(given.callers)]
        before, own, begun = cpu.spent((), given.postmaster), process_time(), perf_counter()
        until = begun + given.seconds
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, app = perf_counter() - begun, process_time() - own
        postgres = (cpu.spent((), given.postmaster) - before).postgres
        stored = application.recorder.max_notification_id() or 0
    if failed or stored < len(times) + 1:
        raise RuntimeError(f"{len(times)} were saved, {stored} are there: {failed[:1]}")
    return Reading(
        operations=len(times),
        seconds=seconds,
        app_cpu=app,
        postgres_cpu=postgres,
        waiting=given.callers,
        more=percentiles(times) | {"threads": float(given.callers)},
    )


def _ticket() -> Ticket:
    """As large as an event in `append.py`."""
    return Ticket(
        title="Checkout answers 502", description="x" * 240, source="user", service="checkout", labels={}
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    async def theirs(seconds: float) -> Reading:
        readings = []
        for threads in _THREADS:
            stage.say(f"eventsourcing, {threads} threads")
            async with stage.ground.database() as database:
                given = Callers(database.admin_url, threads, seconds / 2, stage.ground.postmaster)
                readings.append(await apart(saving, given))
        return max(readings, key=lambda reading: reading.value("rate"))

    async def ours(database: Database, seconds: float) -> Reading:
        return await apart(appending, Callers(database.url, 256, seconds, stage.ground.postmaster))

    stage.notes.append(
        f"eventsourcing with its default settings; the best of {', '.join(map(str, _THREADS))} threads"
    )
    yield [Side(_THEIRS, theirs), stage.from_empty(_OURS, ours)]


PEER_APPEND = Bench(
    name="es-append",
    title="Append, one event each, from an empty log: next to eventsourcing",
    lines=[Line(goal=GOALS["es-append"], side=_OURS, over=_THEIRS, by="events")],
    sides=_sides,
    takes=40,
)
