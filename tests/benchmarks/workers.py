"""`pulseops worker` as a process of its own, and how far it has come."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import asyncpg

from pulseops.kernel.ids import new_id
from pulseops.up.account import ourselves
from pulseops.up.ports import tail
from pulseops.up.processes import Child, Ladder
from tests.benchmarks.apart import ROOT, Failed
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

MODELS = ("incident", "timeline")
"""The read models that are waited for."""

LATELY = timedelta(minutes=1)
"""In which all happened that a worker is to work off: so nothing is due to be escalated yet."""

_LADDER = Ladder(((signal.SIGTERM, 10.0),))
_PATIENCE = 300.0
_GLANCE = 0.01
_STANDS = """
SELECT CASE WHEN count(DISTINCT s.name) = cardinality($1::text[]) THEN min(s.position) ELSE 0 END AS reached,
  coalesce((
    SELECT e.position FROM eventstore.event AS e WHERE e.log_id = 1 ORDER BY e.position DESC LIMIT 1
  ), 0) AS head
FROM eventstore.subscription AS s WHERE s.log_id = 1 AND s.name = ANY ($1)
"""


class Stands(NamedTuple):
    """Where the slowest of the read models is, and where the log ends."""

    reached: int
    head: int


@asynccontextmanager
async def following(stage: Stage, database: Database) -> AsyncIterator[int]:
    """A worker on the database, without Redis; its process id. Raises Failed when it ended early."""
    home, name = stage.ground.home, f"worker-{new_id().hex}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
    child = Child(
        [sys.executable, "-m", "pulseops", "worker"],
        mark=home.run / name,
        log=home.log(name),
        account=ourselves(),
        ladder=_LADDER,
        cwd=ROOT,
        env={**inherited, "PULSEOPS_DATABASE_URL": database.url},
    )
    try:
        yield child.pid
        if child.ended() is not None:
            raise Failed(f"the worker ended. The end of its log:\n{tail(home.log(name))}")
    finally:
        await asyncio.to_thread(child.stop)


async def stands(database: Database) -> Stands:
    connection = await asyncpg.connect(database.url)
    try:
        return Stands(*await connection.fetchrow(_STANDS, MODELS))
    finally:
        await connection.close()


async def until_at(database: Database, position: int) -> int:
    """Where the slowest read model stands, once all are at `position`. Raises TimeoutError."""
    return (await _until(database, lambda now: now.reached >= position)).reached


async def until_head(database: Database, position: int) -> None:
    """Until the log has come to `position`. Raises TimeoutError."""
    await _until(database, lambda now: now.head >= position)


async def _until(database: Database, true: Callable[[Stands], bool]) -> Stands:
    async with asyncio.timeout(_PATIENCE):
        while not true(now := await stands(database)):  # noqa: ASYNC110 -- other processes move it
            await asyncio.sleep(_GLANCE)
    return now
