"""`POST /incident` next to a service that does the same by an ORM session a request (`orm_service.py`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from tests.benchmarks import load
from tests.benchmarks.apis import Api, api
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database, Untrue
from tests.benchmarks.orm_service import POOL, Base
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage

_OURS, _THEIRS = "PulseOps", "an ORM session a request"
_CONNECTIONS = 64
_POOLS = (5, 16)
"""Of which the better counts: SQLAlchemy's default, and where more gained nothing."""


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    ours, theirs = await stage.database(), await stage.database()
    await _prepare(theirs)
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(api(stage, ours))
        services = [
            await stack.enter_async_context(
                api(stage, theirs, "tests.benchmarks.orm_service", **{POOL: str(size)})
            )
            for size in _POOLS
        ]

        async def measure(seconds: float) -> Reading:
            reading = await _load(stage, real, seconds)
            ours.acknowledged += round(reading.operations) * EVENTS
            return reading

        acknowledged = 0

        async def service(seconds: float) -> Reading:
            nonlocal acknowledged
            readings = [await _load(stage, one, seconds / len(services)) for one in services]
            acknowledged += sum(round(one.operations) for one in readings) * EVENTS
            await _require_kept(theirs, acknowledged)
            return max(readings, key=lambda reading: reading.value("rate"))

        stage.notes.append(
            f"{_CONNECTIONS} connections, sent by {load.driver()}; one process each, theirs with the better "
            f"of {' and '.join(map(str, _POOLS))} pooled connections"
        )
        yield [Side(_THEIRS, service), Side(_OURS, measure)]


async def _load(stage: Stage, server: Api, seconds: float) -> Reading:
    return await load.closed(
        stage, server, load.posts(), connections=_CONNECTIONS, seconds=seconds, events=EVENTS
    )


async def _prepare(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    try:
        for table in Base.metadata.sorted_tables:
            await connection.execute(str(CreateTable(table).compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]
            await connection.execute(_grant(table.name))
    finally:
        await connection.close()


def _grant(table: str) -> str:
    return f"GRANT SELECT, INSERT ON {table} TO pulseops"


async def _require_kept(database: Database, acknowledged: int) -> None:
    """Theirs is held to the same: what was answered is there. Raises Untrue."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        kept = await connection.fetchval("SELECT count(*) FROM service_event")
    finally:
        await connection.close()
    if kept < acknowledged:
        raise Untrue(f"The ORM service acknowledged {acknowledged:,} events and kept {kept:,}.")


PEER_POST = Bench(
    name="orm-post",
    title="POST /incident: next to an ORM session a request",
    lines=[Line(goal=GOALS["orm-post"], side=_OURS, over=_THEIRS, by="rate")],
    sides=_sides,
    takes=40,
)
