"""Programs that are killed at a known place in their work, where PostgreSQL has stopped them."""

import asyncio
from functools import partial

from tests.faults.fault import Fault, Scene
from tests.faults.points import POINTS, Point, stopped


def kill_at(point: Point, scene: Scene) -> None:
    if point.due:
        scene.stack.ask(point.due)

    async def meet() -> None:
        async with stopped(scene.stack.site.postgres.url(admin=True), point) as port:
            doomed = scene.stack.at(port)
            doomed.kill()
        doomed.start()

    asyncio.run(meet())


_IN_DOUBT = "commit"
"""Where the outcome is open is the hardest place: these are in every test run."""

STOPS = tuple(
    Fault(name=f"{point.name}, killed", strike=partial(kill_at, point), quick=point.name.endswith(_IN_DOUBT))
    for point in POINTS
)
