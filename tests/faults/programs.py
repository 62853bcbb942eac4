"""`pulseops api` and `pulseops worker` as processes that may be killed, and that never outlive the tests."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from pulseops.up.account import ourselves
from pulseops.up.home import Home
from pulseops.up.parts import Program
from pulseops.up.ports import free_port
from pulseops.up.processes import Child, Ladder

AT_ONCE = Ladder(((signal.SIGKILL, 5.0),))
"""Also what they get when the tests are killed: a frozen one would not hear anything else."""


class Killable(Program):
    """`planted` names a bug of `tests.faults.planted` that it has; usually none."""

    kills = 0

    def __init__(self, name: str, home: Home, environment: Mapping[str, str], *, planted: str = "") -> None:
        super().__init__(name, home, environment)
        self._module = ["-m", "tests.faults.planted", planted] if planted else ["-m", "pulseops"]

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        self.stop(hurry=True)
        self._child = Child(
            [sys.executable, "-P", *self._module, self.name],
            mark=self._mark,
            log=self.log,
            account=ourselves(),
            ladder=AT_ONCE,
            cwd=self._home.path,
            env=self.environment,
        )

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.stop(hurry=True)
        self.kills += 1

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def speaks_from(pid: int, port: int) -> bool:
    """Whether this process has a TCP connection whose own end is `port`."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    return any(one.laddr.port == port for one in connections)


def memory(pid: int) -> int:
    """Bytes."""
    found: int = psutil.Process(pid).memory_info().rss
    return found


def quiet_port() -> int:
    """One that no outgoing connection takes while its server is away."""
    while True:
        port = random.randint(15_000, 29_000)
        if free_port(port) == port:
            return port


def inherited(ground: Path) -> dict[str, str]:
    """Our environment, without settings, and with compiled modules: programs start often."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])  # the programs with a planted bug are here
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        environment["PYTHONPYCACHEPREFIX"] = str(ground / "pycache")
    return environment


def importing(environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Compiles for all programs what each of them would compile at its start."""
    return subprocess.Popen([sys.executable, "-c", "import pulseops.app, pulseops.worker"], env=environment)


def lives(url: str) -> bool:
    return status(f"{url}/health/live") == 200


def status(url: str) -> int | None:
    """None without an answer."""
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code
    except httpx.TransportError:
        return None
