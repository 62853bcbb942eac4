"""`pulseops audit` in this process, and a log that is sealed and signed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from pulseops.audit import keyfile
from pulseops.audit.notary import Keys, Notary
from pulseops.cli.audit.audit import audit
from tests.conftest import Database
from tests.integration.sealing import grow, sealed_up_to


def run(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stopped:
        audit(tokens)
    told = capsys.readouterr()
    return stopped.value.code, told.out, told.err


@pytest.fixture
def key(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As an operator sets it up."""
    path = tmp_path / "audit.key"
    keyfile.make(path)
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    monkeypatch.setenv("PULSEOPS_AUDIT_KEY", str(path))
    return path


def within(database: Database, work: Callable[[asyncpg.Pool], Awaitable[object]]) -> None:
    """`work` in the database, as whoever has it."""

    async def done() -> None:
        async with asyncpg.create_pool(database.admin_url, min_size=1, max_size=1) as pool:
            await work(pool)

    asyncio.run(done())


def sign(database: Database, keys: Keys, *, events: int, size: int) -> None:
    """So many events more, and what is then sealed and signed."""

    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            if events:
                await grow(connection, events)
            await sealed_up_to(connection, size)
            await connection.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
        await Notary(pool, keys).sign()

    within(database, work)
