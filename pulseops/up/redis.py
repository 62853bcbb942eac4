"""A Valkey or Redis server as doorbell: it carries wake-ups and no data, so it writes nothing to disk."""

import signal
import time
from pathlib import Path
from typing import Self

from pulseops.up.binaries import redis_program
from pulseops.up.home import Home, Servers
from pulseops.up.ports import free_port, tail
from pulseops.up.processes import CannotStart, Child, Ladder, Rest, stop_leftover, wait_until

GENTLE = Ladder(((signal.SIGTERM, 3.0),))
HURRY = Ladder(())
READY = b"Ready to accept connections"

# Read from stdin: the password is in no file and in no other user's sight.
# noeviction: an evicted queue is a silently lost queue, a refused write is an error that is seen.
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
maxmemory 128mb
maxmemory-policy noeviction
save ""
appendonly no
daemonize no
dir {folder}
"""


class EmbeddedRedis:
    """One server in a home. Blocks, and belongs on the main thread."""

    name = "redis"

    def __init__(self, home: Home, program: Path, *, rest: Rest = time.sleep) -> None:
        self._home, self._program, self._rest = home, program, rest
        self.log = home.log("redis")
        self._mark = home.run / "redis"
        self._servers: Servers = home.servers()
        self._child: Child | None = None

    @classmethod
    def find(cls, home: Home, *, rest: Rest = time.sleep) -> Self | None:
        """None when this machine has no such program: PulseOps then polls."""
        program = redis_program(home.account, home.data)
        return None if program is None else cls(home, program, rest=rest)

    @property
    def port(self) -> int:
        return self._servers.redis_port

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("Redis has not been started.")
        return self._child.pid

    @property
    def url(self) -> str:
        return f"redis://:{self._servers.redis_password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it accepts connections.

        Raises:
            CannotStart: with the last lines of the log.
        """
        self.stop()
        stop_leftover(self._mark, GENTLE, self._rest)
        usual = self._servers.redis_port
        try:
            for _ in range(3):
                self._servers.redis_port = free_port(self._servers.redis_port)
                if self._launch():
                    usual = self.port
                    self._home.remember_port(redis=usual)
                    return
                self._servers.redis_port = 0
        finally:
            self._servers.redis_port = usual
        raise CannotStart(f"Redis did not start. The end of {self.log}:\n{tail(self.log)}")

    def ended(self) -> int | None:
        """The exit code when it has died by itself."""
        return None if self._child is None else self._child.ended()

    def stop(self, *, hurry: bool = False) -> None:
        if self._child is not None:
            self._child.stop(self._rest, HURRY if hurry else None)
            self._child = None

    def _launch(self) -> bool:
        written = self.log.stat().st_size if self.log.exists() else 0
        config = CONFIG.format(
            port=self.port, password=self._servers.redis_password, folder=_quoted(self._home.data)
        )
        child = Child(
            [self._program, "-"],
            mark=self._mark,
            log=self.log,
            account=self._home.account,
            ladder=GENTLE,
            cwd=self._home.data,
            stdin=config.encode(),
        )
        self._child = child

        def ready() -> bool:
            with self.log.open("rb") as log:
                log.seek(written)
                return READY in log.read()

        wait_until(lambda: child.ended() is not None or ready(), 10.0, self._rest)
        return child.ended() is None and ready()


def _quoted(folder: Path) -> str:
    """As one word of its configuration, whatever is in its name."""
    word = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"'
