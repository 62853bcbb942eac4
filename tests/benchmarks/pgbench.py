"""The limit that appends are held against: one row a transaction by pgbench, which comes with the server."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import asyncpg

from tests.benchmarks import cpu
from tests.benchmarks.apart import Failed
from tests.benchmarks.bench import Reading, Side
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.stage import Stage

_CLIENTS = 64
LIMIT = f"pgbench, {_CLIENTS} clients"
_TABLE = """
CREATE TABLE one_row (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL,
  type text NOT NULL, data jsonb NOT NULL, recorded_at timestamptz NOT NULL, UNIQUE (stream_id, version)
);
GRANT INSERT ON one_row TO pulseops_app;
"""
# As large as an event of ours, in a table with as many keys as a log cannot do without. Ids that grow are
# what ours are, and what suits the limit best.
_DATA = '{"title":"Checkout answers 502","description":"%s","source":"user","service":"checkout"}' % (
    "x" * 240
)
_SCRIPT = f"""
INSERT INTO one_row (stream_id, version, type, data, recorded_at)
VALUES (uuidv7(), 1, 'CREATED', '{_DATA}', clock_timestamp());
"""
_AT_MOST = 600
_CONNECTING = 60.0
"""Seconds that logging in may take. pgbench leaves it out of its rate, and so do we out of the CPU."""
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1"
_TPS = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_LOGGED = 3
"""The column of pgbench's own log that is a transaction's time in microseconds, counted from 1."""


@asynccontextmanager
async def one_row(stage: Stage, *, clients: int = _CLIENTS, rate: int | None = None) -> AsyncIterator[Side]:
    """A side for any bench: `clients` connections, each with one commit at a time.

    As fast as they can, or `rate` a second in all, at random moments.
    """
    database = await stage.database()
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute(_TABLE)

    async def measure(seconds: float) -> Reading:
        # As empty as the logs that it is compared with.
        await connection.execute("TRUNCATE one_row")
        return await _run(stage.ground, database, connection, seconds, clients=clients, rate=rate)

    try:
        plural, paced = "client" if clients == 1 else "clients", f", {rate} a second" if rate else ""
        yield Side(f"pgbench, {clients} {plural}{paced}", measure)
    finally:
        await connection.close()


async def _run(
    ground: Ground,
    database: Database,
    admin: asyncpg.Connection,
    seconds: float,
    *,
    clients: int,
    rate: int | None,
) -> Reading:
    folder = ground.home.path / "pgbench"
    folder.mkdir(exist_ok=True)
    script = folder / "one-row.sql"
    script.write_text(_SCRIPT)
    for old in folder.glob("log.*"):
        old.unlink()
    password = urlsplit(database.url).password or ""
    # With the log of each transaction only where there are few: its median is wanted there.
    log = ["--log", f"--log-prefix={folder / 'log'}"] if clients == 1 else []
    paced = ["--rate", str(rate)] if rate else []
    process = await asyncio.create_subprocess_exec(
        ground.programs / "pgbench",
        *("-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, os.cpu_count() or 1))),
        *("-T", str(_AT_MOST), "-f", str(script), *log, *paced),
        *("-h", "127.0.0.1", "-p", str(ground.postgres.port), "-U", "pulseops", database.name),
        env={**os.environ, "PGPASSWORD": password, "PGOPTIONS": "-c role=pulseops_app"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_CONNECTING):
            while await admin.fetchval(_CONNECTED, "pulseops") < clients and process.returncode is None:  # noqa: ASYNC110 -- the server tells nobody
                await asyncio.sleep(0.02)
        before, begun = cpu.spent((), ground.postmaster), perf_counter()
        await asyncio.sleep(seconds)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGALRM)  # by which it ends in time, and tells
        told, wrong = await process.communicate()
        spent, window = cpu.spent((), ground.postmaster) - before, perf_counter() - begun
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = told.decode()
    tps, done = _TPS.search(text), _DONE.search(text)
    if process.returncode != 0 or tps is None or done is None:
        raise Failed(f"pgbench: {wrong.decode(errors='replace')[-500:]}")
    lasted = int(done[1]) / float(tps[1])
    return Reading(
        operations=int(done[1]),
        seconds=lasted,
        postgres_cpu=spent.postgres / window * lasted,
        waiting=clients,
        more=_percentiles(folder) if clients == 1 else {},
    )


def _percentiles(folder: Path) -> dict[str, float]:
    times = sorted(
        int(line.split()[_LOGGED - 1]) / 1000
        for log in folder.glob("log.*")
        for line in log.read_text().splitlines()
    )
    return {"p50_ms": times[len(times) // 2], "p99_ms": times[len(times) * 99 // 100]}
