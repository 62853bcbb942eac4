"""Where the API listens, and whether it answers."""

import errno
import http.client
import json
import socket
from ipaddress import ip_address
from typing import NamedTuple

from pulseops.settings import Settings
from pulseops.up.ports import free_port
from pulseops.up.processes import CannotStart

USUAL = Settings().port
LAST = 65_535


class Address(NamedTuple):
    host: str
    port: int

    @property
    def url(self) -> str:
        """As one would call it from this machine."""
        name = self.within
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    @property
    def within(self) -> str:
        try:
            anywhere = ip_address(self.host).is_unspecified
        except ValueError:
            return self.host
        return ("::1" if ":" in self.host else "127.0.0.1") if anywhere else self.host

    @property
    def open_to_others(self) -> bool:
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


def choose(host: str, port: int, *, insist: bool) -> Address:
    """The port if it is free; when nobody insists on it, another one if not.

    Raises:
        CannotStart: the port is taken, or there is no such address here.
    """
    if not 0 <= port <= LAST:
        raise CannotStart(f"There is no port {port}: it is a number from 0 to {LAST}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return Address(host, int(probe.getsockname()[1]))
    except PermissionError as error:
        raise CannotStart(f"You may not listen on port {port}: choose one above 1023.") from error
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        if taken and not insist:
            return Address(host, free_port(0))
        hint = "choose another with --port, or --port 0 for any free one."
        hint = hint if taken else "--host takes an address of this machine."
        raise CannotStart(f"Cannot listen on {host} port {port} ({error.strerror}): {hint}") from error


class Health(NamedTuple):
    status: str
    reasons: tuple[str, ...]


def health(address: Address) -> Health | None:
    """What /health/ready says, or None while nothing answers."""
    connection = http.client.HTTPConnection(address.within, address.port, timeout=3)
    try:
        connection.request("GET", "/health/ready")
        told = json.loads(connection.getresponse().read())
        return Health(str(told["status"]), tuple(map(str, told.get("reasons", ()))))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
