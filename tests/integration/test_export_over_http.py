"""An auditor with an API key alone takes the same three files, to the byte, as with the database."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from pulseops.cli.app import app as cli
from pulseops.cli.history.fetching import fetch
from pulseops.client import AsyncPulseOps, PulseOps
from pulseops.eventstore.export import Wanted
from pulseops.eventstore.part import NotItsPart
from tests.carried import Export
from tests.conftest import Database
from tests.histories import report
from tests.integration.carried import begun, exported, signed_up_to
from tests.integration.strange import STRANGE, store
from tests.integration.streaming import hosting

SIZE = 1_100


async def test_what_comes_over_http_is_what_the_database_has(
    app: asyncpg.Connection, pool: asyncpg.Pool, database: Database, tmp_path: Path
) -> None:
    for data, meta in STRANGE:
        await store(app, data, meta)
    await report(app, SIZE + 20 - len(STRANGE))
    await signed_up_to(app, pool, SIZE)
    one = await app.fetchrow("SELECT stream_id, recorded_at FROM eventstore.event WHERE position = 400")
    kinds = {
        "all": Wanted(),
        "some": Wanted(after=5, up_to=500),
        "a type": Wanted(types=("STRANGE",)),
        "an incident": Wanted(streams=(one["stream_id"],)),
        "since": Wanted(since=one["recorded_at"]),
        "until": Wanted(until=one["recorded_at"], types=("STRANGE", "CREATED")),
        "beyond": Wanted(up_to=SIZE + 10),
        "none": Wanted(types=("RESOLVED",)),
    }
    async with hosting(database.app_url) as host:
        url = f"http://127.0.0.1:{host.port}"

        def fetched(wanted: Wanted, folder: Path) -> Export:
            with PulseOps(url, host.token) as client:
                fetch(client, wanted, folder / "history.ndjson", lambda *_: None)
            return Export(folder / "history.ndjson", folder / "audit.pub")

        for name, wanted in kinds.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "http").mkdir()
            expected, _ = await exported(app, tmp_path / name, wanted)
            found = await asyncio.to_thread(fetched, wanted, tmp_path / name / "http")
            assert found.file.read_bytes() == expected.file.read_bytes(), name
            if name == "beyond":
                assert "Nothing of this export was signed" in expected.wrong()
                continue
            assert found.hashes.read_bytes() == expected.hashes.read_bytes(), name
            told = expected.told() | ({"source": "/pulseops/logs/0"} if name == "none" else {})
            assert found.told() == told, name
        lines = (tmp_path / "all" / "history.ndjson").read_bytes()
        begun(tmp_path / "history.ndjson", lines[:150_000])
        assert (await asyncio.to_thread(fetched, Wanted(), tmp_path)).file.read_bytes() == lines
        (tmp_path / "history.ndjson").unlink()
        begun(tmp_path / "history.ndjson", lines)
        with pytest.raises(NotItsPart):
            await asyncio.to_thread(fetched, Wanted(up_to=500), tmp_path)
        async with AsyncPulseOps(url, host.token) as client:
            streamed = [line async for line in client.history.lines(after=90, type="CREATED", limit=100)]
        assert b"".join(line + b"\n" for line in streamed) == b"".join(lines.splitlines(keepends=True)[90:])


async def test_from_the_command_line(
    app: asyncpg.Connection,
    pool: asyncpg.Pool,
    database: Database,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await report(app, 9)
    await signed_up_to(app, pool, 9)
    async with hosting(database.app_url) as host:
        monkeypatch.setenv("PULSEOPS_API_KEY", host.token)
        file = tmp_path / "o"

        def run(*tokens: str) -> tuple[object, str, str]:
            with pytest.raises(SystemExit) as stopped:
                cli(("events", "export", "--output", str(file), *tokens))
            captured = capsys.readouterr()
            return stopped.value.code, captured.out, captured.err

        url = ("--url", f"http://127.0.0.1:{host.port}")
        assert (await asyncio.to_thread(run, *url, "--log", "acme"))[0] == 2
        code, told, _ = await asyncio.to_thread(run, *url, "--json")
        assert (code, json.loads(told)) == (
            0,
            {"output": str(file), "events": 9, "after": 0, "upTo": 9, "signed": 9},
        )
        assert (await asyncio.to_thread(run, *url))[0] == 1, "it is there already"
        monkeypatch.setenv("PULSEOPS_API_KEY", host.token[:-1] + "x")
        file = tmp_path / "p"
        assert (await asyncio.to_thread(run, *url))[0] == 1
        assert not file.exists()
