"""A streaming replica of the tests' PostgreSQL, made as operators make one: by pg_basebackup."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg

from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home
from pulseops.up.ports import free_port
from pulseops.up.postgres import FAST, HURRY, SETTINGS, EmbeddedPostgres
from pulseops.up.processes import Child, wait_until


class Standby:
    """It replays what the primary streams to it, unless it is told to pause."""

    def __init__(self, primary: EmbeddedPostgres, port: int) -> None:
        self.primary, self.port = primary, port

    def url(self, database: str, *, admin: bool = False) -> str:
        return self.primary.url(database, admin=admin).replace(f":{self.primary.port}/", f":{self.port}/")

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nothing more is replayed meanwhile; it goes on being streamed."""
        connection = await asyncpg.connect(self.url("postgres", admin=True))
        try:
            await connection.execute("SELECT pg_wal_replay_pause()")
            while await connection.fetchval("SELECT pg_get_wal_replay_pause_state()") != "paused":
                await connection.execute("SELECT pg_sleep(0.005)")
            yield
        finally:
            await connection.execute("SELECT pg_wal_replay_resume()")
            await connection.close()

    async def caught_up(self) -> None:
        """Until it has replayed what the primary has written by now."""
        there = await asyncpg.connect(self.primary.url("postgres", admin=True))
        here = await asyncpg.connect(self.url("postgres", admin=True))
        try:
            target = await there.fetchval("SELECT pg_current_wal_insert_lsn()::text")
            while not await here.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", target):
                with suppress(asyncpg.SerializationError):  # in the way of replay
                    await here.execute("SELECT pg_sleep(0.005)")
        finally:
            await there.close()
            await here.close()


@contextmanager
def standby_of(primary: EmbeddedPostgres, home: Home) -> Iterator[Standby]:
    """What it cancels for the sake of replay, it cancels at once."""
    programs, folder = postgres_programs(home.account, home.data), home.data / "standby"
    url = primary.url("postgres", admin=True)
    secret = {"PGPASSWORD": url.partition("postgres:")[2].partition("@")[0], "PATH": os.environ["PATH"]}

    def start(*argv: str | Path, env: dict[str, str] | None = None) -> Child:
        return Child(
            argv,
            mark=home.run / "standby",
            log=home.log("standby"),
            account=home.account,
            ladder=FAST,
            cwd=home.data,
            env=env,
        )

    server = ["--host=127.0.0.1", f"--port={primary.port}", "--username=postgres", "--no-password"]
    options = ["--checkpoint=fast", "--write-recovery-conf", "--no-sync", "--wal-method=stream"]
    copying = start(programs / "pg_basebackup", f"--pgdata={folder}", *server, *options, env=secret)
    wait_until(lambda: copying.ended() is not None, 120)
    assert copying.ended() == 0, home.log("standby").read_text()
    port = free_port(0)
    settings = {
        **SETTINGS,
        "port": port,
        "max_standby_streaming_delay": 0,
        "wal_retrieve_retry_interval": 100,
    }
    running = start(programs / "postgres", "-D", folder, *(f"--{key}={one}" for key, one in settings.items()))
    ready = folder / "postmaster.pid"
    wait_until(lambda: ready.exists() and "ready" in ready.read_text(), 60)
    assert running.ended() is None, home.log("standby").read_text()
    try:
        yield Standby(primary, port)
    finally:
        running.stop(time.sleep, HURRY)
