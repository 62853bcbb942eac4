"""A wire to PostgreSQL, or to the API, that can be cut where it hurts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on. `lose_answers()`: the server still gets everything, the client hears nothing more."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._deaf = False
        self.asked = asyncio.Event()
        """Set when a client says something while answers are being lost."""
        self.answered = asyncio.Event()
        """Set when an answer is lost."""
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Relay"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = self._url.netloc.rpartition("@")[0]
        self.url = self._url._replace(netloc=f"{login}{'@' * bool(login)}127.0.0.1:{port}").geturl()
        yield self
        self.cut()
        server.close()
        await server.wait_closed()

    def lose_answers(self) -> None:
        self.asked.clear()
        self.answered.clear()
        self._deaf = True

    def cut(self) -> None:
        """End every connection; new ones work."""
        self._deaf = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        self._writers |= {writer, to_writer}
        await asyncio.gather(
            self._pass(reader, to_writer, answers=False), self._pass(to_reader, writer, answers=True)
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                if self._deaf and answers:
                    self.answered.set()
                    continue
                writer.write(data)
                if self._deaf:
                    self.asked.set()
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
