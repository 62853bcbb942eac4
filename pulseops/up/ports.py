"""Small questions to the machine: which port is free, what does a log end with."""

import socket
from pathlib import Path

from pulseops.up.processes import CannotStart


def free_port(preferred: int) -> int:
    """The preferred one (0: any) when it is free on loopback, any other otherwise."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            taken: int = probe.getsockname()[1]
            return taken
    raise CannotStart("This machine has no free port on 127.0.0.1.")


def tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
