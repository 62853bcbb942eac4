"""Appends by `eventsourcing`: threads that save, as its users do."""

import threading
from time import perf_counter, process_time

from tests.benchmarks import cpu
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Reading
from tests.benchmarks.figures import percentiles
from tests.benchmarks.ticket import Ticket, tickets


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
