"""What a bench is given: databases, programs, and a place to say what it is doing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.benchmarks.bench import Reading, Side
from tests.benchmarks.ground import Database, Ground, watched


class Stage:
    """For one bench, from its first to its last measurement.

    `say` changes the line beside the bar; `notes` are sentences that stand under the bench's figures.
    """

    def __init__(
        self, ground: Ground, stack: AsyncExitStack, *, quick: bool, say: Callable[[str], None]
    ) -> None:
        self.ground, self.quick, self.say = ground, quick, say
        self.notes: list[str] = []
        self._stack = stack

    async def database(self) -> Database:
        """One that lives as long as the bench; it is checked at the end."""
        return await self._stack.enter_async_context(self.ground.database())

    async def look_after(self, database: Database) -> None:
        """Checks a database at the end of the bench that is not the bench's own."""
        await self._stack.enter_async_context(watched(database))

    def from_empty(self, name: str, measure: Callable[[Database, float], Awaitable[Reading]]) -> Side:
        """A side that begins each time with an empty log."""

        async def fresh(seconds: float) -> Reading:
            async with self.ground.database() as database:
                reading = await measure(database, seconds)
                database.acknowledged += round(reading.operations * reading.events)
                return reading

        return Side(name, fresh)


@asynccontextmanager
async def stage(ground: Ground, *, quick: bool, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(ground, stack, quick=quick, say=say)
