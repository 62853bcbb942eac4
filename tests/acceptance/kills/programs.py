"""`pulseops api` and `pulseops worker` as processes that may be killed, and that never outlive the tests."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from pulseops.up.account import ourselves
from pulseops.up.parts import Program
from pulseops.up.ports import free_port
from pulseops.up.processes import Child, Ladder

AT_ONCE = Ladder(((signal.SIGKILL, 5.0),))
"""Also what they get when the tests are killed: a frozen one would not hear anything else."""


class Killable(Program):
    kills = 0

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        self.stop(hurry=True)
        self._child = Child(
            [sys.executable, "-P", "-m", "pulseops", self.name],
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


def quiet_port() -> int:
    """One that no outgoing connection takes while its server is away."""
    while True:
        port = random.randint(15_000, 29_000)
        if free_port(port) == port:
            return port


def inherited(ground: Path) -> dict[str, str]:
    """Our environment, without settings, and with compiled modules: programs start often."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
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
