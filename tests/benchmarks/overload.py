"""Twice as many reports as can be taken: some are answered in time, the rest is shed, none is lost."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from tests.benchmarks import load
from tests.benchmarks.apis import api
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.memory import remembered
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage

_CALM = 0.1
"""The share of the sustainable rate at which nobody waits for anybody."""
_TOO_MUCH = 2.0
_LOOK = 2.0
_LEAST = 4.0
"""Seconds: a queue has to fill before it can be too long."""


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database = await stage.database()
    async with api(stage, database) as server:
        stage.notes.append("sent by the suite's own client, which takes its share of the same cores")

        async def sustainable() -> float:
            """By 64 connections, just now: on a shared machine it is another one each minute."""
            known = await load.closed(
                stage, server, load.posts(), connections=64, seconds=_LOOK, events=EVENTS
            )
            database.acknowledged += round(known.operations) * EVENTS
            return known.value("rate")

        def at(name: str, share: float) -> Side:
            async def measure(seconds: float) -> Reading:
                rate = await sustainable() * share
                async with remembered(server) as seen:
                    reading = await load.opened(
                        stage,
                        server,
                        load.posts(),
                        rate=rate,
                        seconds=max(seconds, _LEAST),
                        database=database,
                    )
                database.acknowledged += round(reading.operations) * EVENTS
                return replace(reading, more={**reading.more, "most_mb": max(seen)})

            return Side(name, measure)

        yield [at("a tenth", _CALM), at("twice", _TOO_MUCH)]


OVERLOAD = Bench(
    name="overload",
    title="Reports at twice the sustainable rate, answered or not",
    lines=[
        Line(goal=GOALS["overload-p99"], side="twice", over="a tenth", by="p99_ms"),
        Line(goal=GOALS["overload-memory"], side="twice", by="most_mb"),
        Line(goal=GOALS["overload-lost"], side="twice", by="lost"),
    ],
    sides=_sides,
    seconds=5.0,
    takes=50,
)
