"""What the stack stands on: one PostgreSQL, on disks and by a clock of its own where possible, one Redis."""

import asyncio
import logging
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from pulseops.db.migrate import migrate
from pulseops.db.pools import open_pool
from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres, workers_in
from pulseops.up.processes import CannotStart, wait_until
from pulseops.up.redis import EmbeddedRedis
from tests.faults.clocks import FakeClock, PostgresOutOfTime
from tests.faults.disks import Disk, NoDisk
from tests.faults.points import install
from tests.faults.programs import quiet_port
from tests.keys import a_key

NEVER_MIND = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a question to a database ends with that is away: it has not answered."""

_log = logging.getLogger(__name__)


class Site:
    """`no_disks` says why the data lie on the machine's own disk, which no test may break."""

    def __init__(self, ground: Path, *, clock: FakeClock | None = None) -> None:
        self.data: Disk | None = None
        self.journal: Disk | None = None
        self.no_disks = ""
        home = ground / "site"
        home.mkdir()
        home.chmod(0o711)
        try:
            self.data, self.journal = Disk(home, "disk"), Disk(home, "journal")
            (self.data.path / "data").mkdir(mode=0o700)
            (home / "data").symlink_to(self.data.path / "data")
        except NoDisk as reason:
            self.no_disks = str(reason)
        self._home = Home(home)
        self._home.remember_port(postgres=quiet_port())
        self.clock = clock
        self.postgres = EmbeddedPostgres(self._home)
        if clock is not None:
            self.postgres = timeless = PostgresOutOfTime(self._home)
            timeless.clock = clock
        beside = Home(ground / "doorbell")
        beside.remember_port(redis=quiet_port())
        self.redis = EmbeddedRedis.find(beside)
        self.crashes = 0

    def build(self) -> str:
        """Both servers, and a database at the newest schema. Returns the admin's key."""
        if self.journal is not None:
            self.postgres._create(postgres_programs(self.postgres.account, self._home.data))
            journal = self.postgres.cluster / "pg_wal"
            subprocess.run(["cp", "-a", journal, self.journal.path / "pg_wal"], check=True)
            subprocess.run(["rm", "-r", journal], check=True)
            journal.symlink_to(self.journal.path / "pg_wal")
        self.postgres.start()
        token = asyncio.run(self._prepare())
        for disk in (self.data, self.journal):
            if disk is not None:
                disk.flush()
        if self.redis is not None:
            self.redis.start()
        return token

    def tear_down(self) -> None:
        for part in (self.redis, self.postgres):
            if part is not None:
                part.stop(hurry=True)
        for disk in (self.data, self.journal):
            if disk is not None:
                disk.remove()

    def mend(self) -> None:
        """Whatever was left dead, frozen or full."""
        for disk in (self.data, self.journal):
            if disk is not None:
                disk.empty()
        self.thaw_postgres()
        self.revive_postgres()

    def kill_postgres(self, *, backends: bool = True, by: signal.Signals = signal.SIGKILL) -> None:
        """To the postmaster, and to every process of its. It stays away until it is started."""
        pid = self.postgres.pid
        for doomed in (pid, *(one for one in workers_in(self.postgres.cluster) if backends and one != pid)):
            with suppress(ProcessLookupError):  # the others go by themselves when they see that one is gone
                os.kill(doomed, by)
        assert wait_until(lambda: self.postgres.ended() is not None, 10.0), "PostgreSQL does not die"
        self.crashes += 1

    def freeze_postgres(self, stop: signal.Signals = signal.SIGSTOP) -> None:
        """Connections stay open, and nobody answers."""
        for pid in workers_in(self.postgres.cluster):
            os.kill(pid, stop)

    def thaw_postgres(self) -> None:
        self.freeze_postgres(signal.SIGCONT)

    def crash(self, *, backends: bool = True, by: signal.Signals = signal.SIGKILL) -> None:
        """`kill_postgres`, and start it again."""
        begun = time.monotonic()
        self.kill_postgres(backends=backends, by=by)
        self.postgres.start()
        _log.info("PostgreSQL accepts connections %.2f s after it was killed", time.monotonic() - begun)

    def revive_postgres(self) -> None:
        """Until it answers: by itself after a crash of one process, or started again when it has ended."""

        def answers() -> bool:
            if self.postgres.ended() is not None:
                with suppress(CannotStart):
                    self.postgres.start()
            return self.answers()

        assert wait_until(answers, 60.0), "PostgreSQL does not come back"

    def lose_power(self) -> None:
        """Everything that was not flushed to the disks is gone; then the machine is started again."""
        assert self.data is not None
        assert self.journal is not None
        for disk in (self.data, self.journal):
            disk.cut_power()
        self.kill_postgres()
        assert wait_until(lambda: not workers_in(self.postgres.cluster), 5.0)
        for disk in (self.data, self.journal):
            disk.restore_power()
        self.postgres.start()

    def answers(self) -> bool:
        try:
            return bool(self.ask("SELECT true"))
        except NEVER_MIND:
            return False

    def ask(self, question: str, *arguments: Any) -> Any:
        async def fetch() -> Any:
            connection = await asyncpg.connect(self.postgres.url(admin=True), timeout=5, command_timeout=20)
            try:
                return await connection.fetchval(question, *arguments)
            finally:
                connection.terminate()

        return asyncio.run(fetch())

    async def _prepare(self) -> str:
        await self.postgres.prepare()
        await migrate(self.postgres.url(admin=True))
        await install(self.postgres.url(admin=True))
        pool = await open_pool(self.postgres.url())
        token = await a_key(pool)
        await pool.close()
        return token
