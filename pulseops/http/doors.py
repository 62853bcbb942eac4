"""uvicorn with several doors to one port."""

import asyncio
import os
import socket
from functools import partial

import uvicorn

from pulseops.http.protocol import PatientProtocol

_DOORS = 16
"""New connections that can be taken each time the loop goes round."""


class Server(uvicorn.Server):
    """uvloop takes one new connection from a listener each time it goes round.

    A crowd that has just come would stand in the kernel for seconds, where nobody counts it and nobody can
    refuse it.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        protocol = partial(
            PatientProtocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        listening = [one for listener in self.servers for one in listener.sockets]
        for one in listening:
            for _ in range(_DOORS - 1):
                door = socket.socket(fileno=os.dup(one.fileno()))
                opened = await loop.create_server(protocol, sock=door, backlog=self.config.backlog)
                self.servers.append(opened)
