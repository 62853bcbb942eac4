"""`pulseops api` as a process of its own, as operators run it, and programs that stand in for it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from msgspec import Struct

from pulseops.db.pools import open_pool
from pulseops.kernel.ids import new_id
from pulseops.up.account import ourselves
from pulseops.up.ports import free_port, tail
from pulseops.up.processes import Child, Ladder
from tests.benchmarks.apart import ROOT, Failed
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage
from tests.keys import a_key

_LADDER = Ladder(((signal.SIGTERM, 10.0),))
_PATIENCE = 30.0


class Api(Struct, frozen=True):
    """Where it listens, a key that opens it, and its processes. `postmaster` is that of its PostgreSQL."""

    port: int
    token: str
    pids: tuple[int, ...]
    postmaster: int


@asynccontextmanager
async def api(stage: Stage, database: Database, *program: str, **environment: str) -> AsyncIterator[Api]:
    """Ready to answer. `program` is a module with its arguments, `pulseops api` without one.

    What it logs goes to a file, at the level that it has by default. Raises Failed.
    """
    home, port = stage.ground.home, free_port(0)
    log = home.log(f"api-{port}")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
    child = Child(
        [sys.executable, "-m", *(program or ("pulseops", "api"))],
        mark=home.run / f"api-{port}",
        log=log,
        account=ourselves(),
        ladder=_LADDER,
        cwd=ROOT,
        env={
            **inherited,
            "PULSEOPS_DATABASE_URL": database.url,
            "PULSEOPS_PORT": str(port),
            "PULSEOPS_RATE_LIMIT": "0",
            **environment,
        },
    )
    try:
        await _ready(child, port)
        yield Api(port, await _key(database), (child.pid,), stage.ground.postmaster)
        if child.ended() is not None:
            raise Failed(f"the API ended. The end of its log:\n{tail(log)}")
    except TimeoutError as error:
        raise Failed(f"the API did not start. The end of its log:\n{tail(log)}") from error
    finally:
        await asyncio.to_thread(child.stop)


async def _ready(child: Child, port: int) -> None:
    async with asyncio.timeout(_PATIENCE), httpx.AsyncClient(trust_env=False) as client:
        while child.ended() is None:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health/live")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
        raise TimeoutError


async def _key(database: Database) -> str:
    pool = await open_pool(database.url, size=1)
    try:
        return await a_key(pool, f"bench-{new_id().hex}")
    finally:
        await pool.close()
