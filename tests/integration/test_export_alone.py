"""Every kind of export is verified alone, by nobody's word but the signature's."""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from pulseops.archive import alone
from pulseops.audit.notary import Keys
from pulseops.audit.note import Signer
from pulseops.audit.sealing import CannotSeal
from pulseops.cli.app import app as cli
from pulseops.db.pools import open_pool
from pulseops.eventstore.export import Wanted
from tests.carried import KEYS
from tests.conftest import Database
from tests.histories import report
from tests.integration.carried import exported, signed_up_to
from tests.integration.strange import STRANGE, store

SIZE = 640
_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pulseops.archive.carrying import carry
from pulseops.db.pools import open_connection
from pulseops.eventstore import export
from pulseops.eventstore.part import Part

export._WINDOW = 40
what, left, url, file = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])

def die(heard):
    global left
    left -= heard == what
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    connection = await open_connection(url)
    await carry(connection, export.Wanted(), "default", file, tell=lambda heard, *_: die(heard))

Part.finish = lambda *_: die("whole")
asyncio.run(main())
"""


@pytest.fixture
async def history(app: asyncpg.Connection, pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """Of `SIZE` events, all signed."""
    for data, meta in STRANGE:
        await store(app, data, meta)
    while (left := SIZE - await app.fetchval("SELECT max(position) FROM eventstore.event")) > 0:
        await report(app, min(left, 100))
    await signed_up_to(app, pool, SIZE)
    rows: list[asyncpg.Record] = await app.fetch("SELECT * FROM eventstore.event ORDER BY position")
    return rows


async def test_every_kind_of_export_is_verified_alone(
    app: asyncpg.Connection, history: list[asyncpg.Record], tmp_path: Path
) -> None:
    def recorded(position: int) -> datetime:
        moment: datetime = history[position - 1]["recorded_at"]
        return moment

    incidents = tuple(row["stream_id"] for row in history if row["position"] in (1, 300, 301, 302, 600))
    kinds = {
        "all": (Wanted(), SIZE),
        "up to the end of a tile": (Wanted(up_to=512), 512),
        "in the middle": (Wanted(after=3, up_to=517), 514),
        "one": (Wanted(after=255, up_to=256), 1),
        "the last": (Wanted(after=SIZE - 1), 1),
        "none": (Wanted(after=77, up_to=77), 0),
        "none of a type": (Wanted(types=("RESOLVED",)), 0),
        "a type": (Wanted(types=("STRANGE",)), len(STRANGE)),
        "incidents": (Wanted(streams=incidents), 5),
        "incidents of a type in a range": (Wanted(streams=incidents, types=("CREATED",), after=300), 3),
        "since": (Wanted(since=recorded(600)), None),
        "until": (Wanted(until=recorded(100)), None),
        "at a time": (Wanted(since=recorded(100), until=recorded(SIZE), types=("CREATED",)), None),
        "later than ever": (Wanted(since=datetime.fromisoformat("2999-01-01T00:00:00Z")), 0),
    }
    for name, (wanted, count) in kinds.items():
        (tmp_path / name).mkdir()
        export, made = await exported(app, tmp_path / name, wanted)
        expected = [
            row["position"]
            for row in history
            if wanted.after < row["position"] <= (wanted.up_to or SIZE)
            and (not wanted.types or row["type"] in wanted.types)
            and (not wanted.streams or row["stream_id"] in wanted.streams)
            and (wanted.since is None or row["recorded_at"] >= wanted.since)
            and (wanted.until is None or row["recorded_at"] < wanted.until)
        ]
        rows = [row.split()[0] for row in export.hashes.read_text().splitlines()]
        assert [int(row) for row in rows if "-" not in row] == expected, name
        assert (export.wrong(), made.events, made.signed) == ("", len(expected), SIZE), name
        assert count in (None, made.events), name
        assert len(rows) < 2 * 10 * (len(expected) + 1), "of what was left out there is little"
        if name in ("all", "a type", "later than ever"):
            code, told = export.alone()
            assert (code, f"history.ndjson: {made.events} events" in told) == (0, True), told


async def test_what_the_database_hides_is_found(
    app: asyncpg.Connection, admin: asyncpg.Connection, history: list[asyncpg.Record], tmp_path: Path
) -> None:
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.execute('UPDATE eventstore.event_p0000 SET data = \'{"title": "x"}\' WHERE position = 300')
    (tmp_path / "changed").mkdir()
    export, _ = await exported(app, tmp_path / "changed")
    assert export.wrong().startswith("Line 300, position 300: hash of the event should be ")
    await admin.execute("DELETE FROM eventstore.event_p0000 WHERE position = 290")
    (tmp_path / "taken").mkdir()
    export, _ = await exported(app, tmp_path / "taken")
    assert export.wrong() == "Line 290, position 291: position should be 290, and is 291."
    await admin.execute("DELETE FROM audit.tile WHERE level = 0 AND index = 1")
    with pytest.raises(CannotSeal, match="lost a tile"):
        await exported(app, tmp_path)
    left = sorted(os.listdir(tmp_path))  # noqa: PTH208 -- in an async test
    part = "history.ndjson.part"
    assert left == ["audit.pub", "changed", part, f"{part}.begun", "taken"]


async def test_it_ends_with_what_is_signed_unless_it_is_told(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await report(app, 9)
    for name in ("unsigned", "signed", "beyond"):
        (tmp_path / name).mkdir()
    export, made = await exported(app, tmp_path / "unsigned")
    assert (made.events, made.signed, export.hashes.exists()) == (9, None, False)
    assert export.wrong().startswith("Nothing of this export was signed")
    await signed_up_to(app, pool, 7)
    export, made = await exported(app, tmp_path / "signed")
    assert (made.events, made.signed, export.wrong()) == (7, 7, "")
    export, made = await exported(app, tmp_path / "beyond", Wanted(up_to=8))
    assert (made.events, made.signed) == (8, None)
    assert export.wrong().startswith("Nothing of this export was signed")


async def test_killed_anywhere_and_begun_again_it_comes_out_the_same(
    app: asyncpg.Connection, database: Database, history: list[asyncpg.Record], tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    whole, _ = await exported(app, tmp_path / "whole")

    async def killed(what: str, left: int) -> None:
        folder = tmp_path / f"{what}-{left}"
        folder.mkdir()
        arguments = (what, str(left), database.app_url, str(folder / whole.file.name))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, *arguments)
        assert await process.wait() == -signal.SIGKILL
        assert not (folder / whole.file.name).exists()
        again, _ = await exported(app, folder)
        for name in ("file", "hashes", "manifest"):
            assert getattr(again, name).read_bytes() == getattr(whole, name).read_bytes()
        assert len(list(folder.iterdir())) == 4

    for what, left in (("events", 7), ("hashes", 0), ("whole", 0)):
        await killed(what, left)


def test_from_the_command_line(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> UUID:
        connection, pool = await asyncpg.connect(database.app_url), await open_pool(database.app_url)
        await report(connection, 9)
        await signed_up_to(connection, pool, 9)
        incident: UUID = await connection.fetchval(
            "SELECT stream_id FROM eventstore.event WHERE position = 4"
        )
        await pool.close()
        await connection.close()
        return incident

    incident = asyncio.run(fill())
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            cli(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    file, key = tmp_path / "one.ndjson", tmp_path / "audit.pub"
    key.write_text(f"{KEYS.signer.verifier}\n")
    told = run("events", "export", "--output", str(file), "--incident", str(incident), "--since", "1h")
    assert told == (0, f"{file} has 1 event, and with 9 that are signed it can be verified alone.\n")
    assert run("events", "export", "--output", "x", "--since", "yesterday")[0] == 2
    assert run("events", "export", "--output", "x", "--until", "2026-01-01T00:00:00")[0] == 2
    monkeypatch.delenv("PULSEOPS_DATABASE_URL")
    verify = ("audit", "verify", str(file), "--key", str(key))
    code, said = run(*verify)
    assert (
        code,
        said.startswith("one.ndjson: 1 events after position 0 up to 9 are what pulseops/test"),
    ) == (0, True)
    assert run(*verify, "--json") == (0, '{"events":1,"why":null,"divergence":null}\n')
    kept = tmp_path / "kept"
    kept.write_text(json.loads(file.with_name("one.ndjson.manifest.json").read_text())["checkpoint"])
    assert run(*verify, "--against", str(kept))[0] == 0
    assert run(*verify, "--published")[0] == 2
    file.write_bytes(file.read_bytes().replace(b"Incident", b"Accident"))
    code, said = run(*verify)
    assert (code, said.startswith("Line 1, position 4: hash of the event should be ")) == (1, True)
    code, said = run(*verify, "--json")
    assert (code, json.loads(said)["divergence"]["field"]) == (1, "hash of the event")
    assert run("audit", "verify", str(file), "--key", str(file))[0] == 2
    assert run("audit", "verify", "nowhere", "--key", str(key)) == (
        2,
        "nowhere cannot be read: No such file or directory\n",
    )
    assert run("audit", "verifier") == (0, Path(alone.__file__).read_text())


async def test_a_key_may_be_another_than_before(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await report(app, 9)
    await signed_up_to(app, pool, 5)
    keys = Keys(signer=Signer("pulseops/test", bytes(range(7, 39))), earlier=(KEYS.signer.verifier,))
    (tmp_path / "before").mkdir()
    before, _ = await exported(app, tmp_path / "before", keys=keys)
    await signed_up_to(app, pool, 9, keys)
    export, _ = await exported(app, tmp_path, keys=keys)
    assert (before.wrong(), export.wrong(before.told()["checkpoint"])) == ("", "")
    export.keys.write_text(f"{KEYS.signer.verifier}\n")
    assert "not signed by a key that is trusted" in export.wrong()
