"""PostgreSQL 18 from the wheel's programs: our own launcher.

Loopback TCP only (no socket file: nothing stale, no path limit), scram passwords, the builtin C.UTF-8 locale
(the same order on every machine), and never a change to a folder that is not ours. Durability is as shipped:
nothing here touches `fsync`.
"""

import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

import asyncpg

from pulseops.up.account import Account
from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home, Servers, write_private
from pulseops.up.ports import free_port, tail
from pulseops.up.processes import CannotStart, Child, Ladder, Rest, stop_leftover, wait_until

MAJOR = "18"
DATABASE = "pulseops"
ROLES = Path(__file__).with_name("sql") / "roles.sql"

FAST = Ladder(((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0)))
"""Roll back and checkpoint; then drop everything, which the next start recovers from."""

HURRY = Ladder(((signal.SIGQUIT, 5.0),))
ORPHAN = Ladder(((signal.SIGINT, 2.0), (signal.SIGQUIT, 2.0)))
"""A server without a mark, or a query whose server was killed and which has not noticed."""

RECOVERY = 600.0  # seconds that replaying the log after a crash may take
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


class EmbeddedPostgres:
    """One cluster in a home. Everything blocks and belongs on the main thread, except `prepare`."""

    name = "postgres"

    def __init__(self, home: Home, *, rest: Rest = time.sleep) -> None:
        self._home, self._rest = home, rest
        self.cluster = home.data / f"pg{MAJOR}"
        self.log = home.log("postgres")
        self.account: Account = home.account
        self._mark = home.run / "postgres"
        self._servers: Servers = home.servers()
        self._child: Child | None = None

    @property
    def port(self) -> int:
        return self._servers.postgres_port

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("PostgreSQL has not been started.")
        return self._child.pid

    def url(self, database: str = DATABASE, *, admin: bool = False) -> str:
        """As the login `pulseops`, or for migrations as the superuser."""
        user, password = "pulseops", self._servers.password
        if admin:
            user, password = "postgres", self._servers.superuser_password
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it accepts connections, which after a crash is when it has recovered.

        Raises:
            CannotStart: with the last lines of the log.
        """
        programs = postgres_programs(self.account, self._home.data)
        self.stop()
        self.clear_leftovers()
        if not self.cluster.exists():
            self._create(programs)
        self._check_version()
        usual = self._servers.postgres_port
        try:
            for _ in range(3):  # between finding a free port and taking it somebody else may
                self._servers.postgres_port = free_port(self._servers.postgres_port)
                if self._launch(programs):
                    usual = self.port
                    self._home.remember_port(postgres=usual)
                    return
                self._servers.postgres_port = 0
        finally:
            # Where it did not start the API waits for it at the usual one, and goes on answering meanwhile.
            self._servers.postgres_port = usual
        raise CannotStart(f"PostgreSQL did not start. The end of {self.log}:\n{tail(self.log)}")

    async def prepare(self) -> None:
        """The roles, the login and the database, where they are missing."""
        connection = await asyncpg.connect(self.url("postgres", admin=True))
        try:
            await connection.execute(
                "SELECT set_config('pulseops.password', $1, false)", self._servers.password
            )
            await connection.execute(ROLES.read_text())
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute("CREATE DATABASE pulseops OWNER pulseops_owner")
        finally:
            await connection.close()

    def ended(self) -> int | None:
        """The exit code when it has died by itself."""
        return None if self._child is None else self._child.ended()

    def stop(self, *, hurry: bool = False) -> None:
        """In a hurry it leaves the checkpoint to the recovery of the next start."""
        if self._child is not None:
            self._child.stop(self._rest, HURRY if hurry else None)
            self._child = None

    def clear_leftovers(self) -> None:
        """What a killed `up` left: its server, orphans of that server, the pid file, a half-made cluster.

        PostgreSQL refuses to start when the number in its pid file lives again as some other process or as a
        zombie. Removing that file is safe only when no process works in the cluster, so that comes first.
        """
        stop_leftover(self._mark, FAST, self._rest)
        for pid in workers_in(self.cluster):
            ORPHAN.climb(pid, partial(_has_left, self.cluster, pid), self._rest)
        if sys.platform == "linux":
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        shutil.rmtree(self._half_made, ignore_errors=True)

    @property
    def _half_made(self) -> Path:
        return self.cluster.with_name(f"{self.cluster.name}.partial")

    def _create(self, programs: Path) -> None:
        """In a folder beside, then renamed: a kill midway leaves nothing that looks like a cluster."""
        password = self._home.data / "password"
        write_private(password, self._servers.superuser_password.encode(), owner=self.account)
        locale = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        login = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}"]
        initdb = Child(
            [programs / "initdb", "-D", self._half_made, *locale, *login],
            mark=self._mark,
            log=self.log,
            account=self.account,
            ladder=FAST,
            cwd=self._home.data,
        )
        try:
            wait_until(lambda: initdb.ended() is not None, RECOVERY, self._rest)
        finally:
            initdb.stop()
            password.unlink()
        if initdb.ended() != 0:
            raise CannotStart(f"initdb failed. The end of {self.log}:\n{tail(self.log)}")
        self._half_made.rename(self.cluster)

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise CannotStart(f"{self.cluster} was written by PostgreSQL {found}, not {MAJOR}.")

    def _launch(self, programs: Path) -> bool:
        settings = [f"--{name}={value}" for name, value in {**SETTINGS, "port": self.port}.items()]
        child = Child(
            [programs / "postgres", "-D", self.cluster, *settings],
            mark=self._mark,
            log=self.log,
            account=self.account,
            ladder=FAST,
            cwd=self._home.data,
        )
        self._child = child
        wait_until(lambda: child.ended() is not None or self._is_ready(child), RECOVERY, self._rest)
        return child.ended() is None

    def _is_ready(self, child: Child) -> bool:
        """By the pid file, as pg_ctl does: asking over TCP would need a password and fill the log."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(child.pid) and lines[7].strip() == "ready"  # noqa: PLR2004  # its 8th line


def _has_left(cluster: Path, pid: int) -> bool:
    return pid not in workers_in(cluster)


def workers_in(cluster: Path) -> list[int]:
    """PostgreSQL processes that work in this cluster: all of them have it as their folder. Linux only."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == cluster and (entry / "exe").readlink().name == "postgres":
                found.append(int(entry.name))
        except OSError:  # gone, a zombie, or another user's
            continue
    return found
