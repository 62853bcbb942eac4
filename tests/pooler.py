"""PgBouncer in transaction mode before the tests' PostgreSQL."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pulseops.up.home import Home
from pulseops.up.ports import free_port
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.processes import Child, Ladder, wait_until

_SERVERS = 3
"""Fewer than there are clients, so that they do take turns at them."""
_NOW = Ladder(((signal.SIGTERM, 2.0),))
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class Pooler:
    """`kill` is SIGKILL; `start` has it back at the same port."""

    def __init__(self, program: str, primary: EmbeddedPostgres, home: Home, *extra: str) -> None:
        self.port, self._primary, self._home = free_port(0), primary, home
        self._ini = home.data / f"pgbouncer-{self.port}.ini"
        self._argv: list[str | Path] = [program, self._ini]
        self._log = home.log(f"pgbouncer-{self.port}")
        self._child: Child | None = None
        password = urlsplit(primary.url()).password
        users = self._private(self._ini.with_suffix(".txt"), f'"pulseops" "{password}"\n')
        lines = [
            *(
                "[databases]",
                f"* = host=127.0.0.1 port={primary.port}",
                "[pgbouncer]",
                "pool_mode = transaction",
            ),
            *("listen_addr = 127.0.0.1", f"listen_port = {self.port}", "unix_socket_dir ="),
            *("auth_type = scram-sha-256", f"auth_file = {users}", "max_client_conn = 200"),
            *(f"default_pool_size = {_SERVERS}", *extra),
        ]
        self._private(self._ini, "\n".join(lines))

    def url(self, database: str) -> str:
        return self._primary.url(database).replace(f":{self._primary.port}/", f":{self.port}/")

    def start(self) -> None:
        self._child = Child(
            self._argv,
            mark=self._home.run / f"pgbouncer-{self.port}",
            log=self._log,
            account=self._home.account,
            ladder=_NOW,
            cwd=self._home.data,
        )
        assert wait_until(self._listens, 10), self._log.read_text()

    def kill(self) -> None:
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(time.sleep)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _private(self, path: Path, text: str) -> Path:
        path.write_text(text)
        path.chmod(0o600)
        shutil.chown(path, self._home.account.uid, self._home.account.gid)
        return path


@contextmanager
def pooling(primary: EmbeddedPostgres, home: Home, *extra: str) -> Iterator[Pooler]:
    """`extra` are lines of its configuration. Skips the test where there is no PgBouncer."""
    program = shutil.which("pgbouncer", path=_PLACES)
    if program is None:
        pytest.skip("there is no PgBouncer on this machine: the package is called pgbouncer")
    pooler = Pooler(program, primary, home, *extra)
    pooler.start()
    yield pooler
    pooler.stop()
