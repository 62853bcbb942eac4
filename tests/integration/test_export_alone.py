"""An export is verified alone, by nobody's word but the signature; what was altered is named."""

from pathlib import Path

import asyncpg

from pulseops.eventstore.export import Wanted
from tests.histories import report
from tests.integration.carried import exported, signed_up_to
from tests.integration.strange import STRANGE, store


async def test_whatever_history_holds_is_verified_alone(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await report(app, 600)
    for data, meta in STRANGE:
        await store(app, data, meta)
    size = 600 + len(STRANGE)
    await signed_up_to(app, pool, size)
    export, made = await exported(app, tmp_path)
    print(export.manifest.read_text())
    print(export.verdict())
    print(export.wrong())
    assert 0
