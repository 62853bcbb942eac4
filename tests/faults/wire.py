"""A wire between the application and PostgreSQL that can be cut, held, slowed, and that can lose answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Wire:
    """Forwards a port of its own to `target`, on loopback."""

    def __init__(self, target: int) -> None:
        self._target, self.port = target, 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passable = asyncio.Event()
        self._passable.set()
        self._to_lose: set[asyncio.StreamWriter] = set()
        self._origins: dict[int, int] = {}
        self.deaf = False
        """Whether answers are swallowed: what was sent arrives, and nobody hears of it."""
        self.delay = 0.0
        """Seconds that each piece is under way."""

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Every connection is reset and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def hold(self) -> None:
        """Nothing arrives, either way, until `release`: then all of it does, awaited or not.

        So a network behaves that drops packets for a while: they are sent again.
        """
        self._passable.clear()

    def release(self) -> None:
        self._passable.set()

    def lose_answers(self) -> None:
        """The next answer on each connection is lost, and the connection is reset in its place."""
        self._to_lose = set(self._writers)

    def origin(self, port: int) -> int | None:
        """The port of the client whose connection leaves here from `port`."""
        return self._origins.get(port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._origins[back.get_extra_info("sockname")[1]] = writer.get_extra_info("peername")[1]
        self._writers |= {writer, back}
        for source, sink, answers in ((reader, back, False), (there, writer, True)):
            task = asyncio.create_task(self._forward(source, sink, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(65536):
                    await self._passable.wait()
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    if answers and sink in self._to_lose:
                        sink.transport.abort()
                        break
                    if not (answers and self.deaf):
                        sink.write(data)
                        await sink.drain()
            await self._passable.wait()
            sink.close()  # after what was written, unlike abort
        finally:
            self._writers.discard(sink)
            self._to_lose.discard(sink)


@asynccontextmanager
async def wire(target: int) -> AsyncIterator[Wire]:
    made = Wire(target)
    await made.mend()
    try:
        yield made
    finally:
        await made.cut()


class Exchange:
    """A thread for wires, so that the thread that breaks things may wait for their effects."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._wires: list[Wire] = []

    def lay(self, target: int) -> Wire:
        """A wire that works. Its `cut` and `mend` go through `do`, the rest may be called from anywhere."""
        made = Wire(target)
        self.do(made.mend())
        self._wires.append(made)
        return made

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(10.0)

    def call(self, step: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(step)

    def close(self) -> None:
        for one in self._wires:
            self.do(one.cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
