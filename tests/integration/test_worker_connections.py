"""A worker takes as many connections as operators are told to reckon with."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pulseops.audit import keyfile
from pulseops.db.ground import open_ground
from pulseops.db.pools import open_pool
from pulseops.settings import Settings
from pulseops.worker import working
from tests.conftest import Database

DOCS = Path(__file__).parents[2] / "docs"


async def test_beside_its_pool_it_has_five_and_both_pages_say_so(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = list[int]()

    def counted(opening: Any) -> Any:
        async def opened(url: str, **options: Any) -> asyncpg.Pool:
            taken.append(options["size"])
            return await opening(url, **options)

        return opened

    monkeypatch.setattr("pulseops.worker.open_ground", counted(open_ground))
    monkeypatch.setattr("pulseops.worker.open_pool", counted(open_pool))
    keyfile.make(tmp_path / "audit.key")
    settings = Settings(
        database_url=database.app_url,
        pool_size=4,
        audit_key=tmp_path / "audit.key",
        audit_publish=str(tmp_path),
    )
    async with working(settings):
        assert sum(taken) - settings.pool_size == 5
    for page in ("operations.md", "scaling.md"):
        assert re.search(r"a worker (has `PULSEOPS_POOL_SIZE` and )?five", (DOCS / page).read_text()), page
