"""A hundred incidents in one request, next to a request each."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.benchmarks import load, reports
from tests.benchmarks.apis import api
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.goals import GOALS
from tests.benchmarks.load import Request
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage

_ITEMS = 100
_CONNECTIONS = 8
"""Enough that the next batch is there when one is answered; each is a hundred singles."""
_LEAST = 2.0
"""Seconds: there are not many batches in one."""


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    database = await stage.database()
    batches = [
        Request(
            "POST",
            "/incidents:batch",
            b"[" + b",".join(reports.body(_ITEMS * number + item) for item in range(_ITEMS)) + b"]",
        )
        for number in range(10)
    ]
    async with api(stage, database) as real:

        def by(name: str, requests: Sequence[Request], connections: int, incidents: int) -> Side:
            async def measure(seconds: float) -> Reading:
                reading = await load.closed(
                    stage,
                    real,
                    requests,
                    connections=connections,
                    seconds=max(seconds, _LEAST),
                    events=EVENTS * incidents,
                )
                database.acknowledged += round(reading.operations * reading.events)
                return reading

            return Side(name, measure)

        yield [
            by("single POSTs", load.posts(), 64, 1),
            by(f"batches of {_ITEMS}", batches, _CONNECTIONS, _ITEMS),
        ]


BATCH = Bench(
    name="batch",
    title="POST /incidents:batch of a hundred, next to single POSTs",
    lines=[Line(goal=GOALS["batch"], side=f"batches of {_ITEMS}", over="single POSTs", by="events")],
    sides=_sides,
    takes=32,
)
