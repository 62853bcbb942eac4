"""What ten million events cost an append and a GET that a hundred thousand do not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.benchmarks import load
from tests.benchmarks.apart import apart
from tests.benchmarks.apis import Api, api
from tests.benchmarks.append import Callers, appending
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.filling import large
from tests.benchmarks.get import shows
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.load import Request
from tests.benchmarks.stage import Stage

_SMALL, _LARGE, _LARGE_QUICKLY = 100_000, 10_000_000, 300_000


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    small = await large(stage, _SMALL)
    huge = await large(stage, _LARGE_QUICKLY if stage.quick else _LARGE)
    if stage.quick:
        stage.notes.append(f"quick: {_LARGE_QUICKLY:,} events stand in for {_LARGE:,}")
    async with api(stage, small) as at_small, api(stage, huge) as at_huge:
        yield [
            _append(stage, "append, small", small),
            _append(stage, "append, large", huge),
            _show(stage, "GET, small", at_small, await shows(small)),
            _show(stage, "GET, large", at_huge, await shows(huge)),
        ]


def _append(stage: Stage, name: str, database: Database) -> Side:
    async def measure(seconds: float) -> Reading:
        reading = await apart(appending, Callers(database.url, 64, seconds, stage.ground.postmaster))
        database.acknowledged += round(reading.operations)
        return reading

    return Side(name, measure)


def _show(stage: Stage, name: str, server: Api, requests: Sequence[Request]) -> Side:
    async def measure(seconds: float) -> Reading:
        return await load.closed(stage, server, requests, connections=64, seconds=seconds, durable=False)

    return Side(name, measure)


GROWTH = Bench(
    name="growth",
    title="Append and GET at 10 million events, next to 100 thousand",
    lines=[
        Line(goal=GOALS["growth-append"], side="append, large", over="append, small", by="time_us"),
        Line(goal=GOALS["growth-get"], side="GET, large", over="GET, small", by="time_us"),
    ],
    sides=_sides,
    takes=230,
)
