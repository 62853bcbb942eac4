"""arq, whatever is wrong with it: it is spoken of, and made anew."""

import asyncio
from typing import Any

import pytest
from arq import Worker
from structlog.testing import capture_logs

from pulseops import worker
from pulseops.settings import Settings
from pulseops.worker import doorbell_of_arq, working
from tests.conftest import Database
from tests.integration.appending import until


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("made", "arq stopped, and is started again until it stays"),
        ("closed", "the connections of arq could not be closed"),
    ],
)
async def test_an_arq_that_cannot_even_be_made_or_closed_is_spoken_of_and_made_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch, broken: str, told: str
) -> None:
    made = asyncio.Semaphore(0)

    async def refuse(**_: bool) -> None:
        raise ValueError(broken)

    def doorbell(*given: Any) -> Worker:
        made.release()
        if broken == "made":
            raise ValueError(broken)
        bell = doorbell_of_arq(*given)
        monkeypatch.setattr(bell.pool, "aclose", refuse)
        return bell

    async def spoken_of() -> bool:
        return told in [one["event"] for one in lines]

    monkeypatch.setattr(worker, "doorbell_of_arq", doorbell)
    monkeypatch.setattr(worker, "_AGAIN", 0.05)
    settings = Settings(database_url=database.app_url, redis_url="redis://127.0.0.1:1", pool_size=4)
    with capture_logs() as lines:
        async with asyncio.timeout(20), working(settings):
            for _ in range(3):
                await made.acquire()
            await until(spoken_of)
