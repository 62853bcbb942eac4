"""An export in columns has all that its lines have, typed, and is verified as they are."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pulseops.archive import alone, columns
from pulseops.archive.carrying import carry
from pulseops.cli.app import app as cli
from pulseops.db.pools import open_pool
from pulseops.eventstore.export import Wanted
from tests.carried import KEYS
from tests.conftest import Database
from tests.histories import report
from tests.integration.carried import exported, signed_up_to
from tests.integration.strange import STRANGE, store

NAME = "history.parquet"


def found(file: Path) -> str:
    try:
        alone.verify(file, alone.keys_of(f"{KEYS.signer.verifier}\n"), (), columns.Rows(file))
    except alone.Wrong as error:
        return str(error)
    return ""


async def test_columns_have_what_the_lines_have(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_ROWS", 100)
    for number, (data, meta) in enumerate(STRANGE):
        await store(app, data, meta, kind=f"\n\\ {number}")
    await report(app, 300, description="\u2028 😀")
    await signed_up_to(app, pool, 320)
    lines, _ = await exported(app, tmp_path)
    made = await carry(app, Wanted(), "default", tmp_path / NAME, shape=columns.write)
    assert (made.events, made.signed, found(tmp_path / NAME)) == (320, 320, "")
    assert [*columns.Rows(tmp_path / NAME)] == lines.lines()
    table: Any = pq.read_table(tmp_path / NAME)
    rows = await app.fetch("SELECT * FROM eventstore.event WHERE position <= 320 ORDER BY position")
    assert table.column("recorded_at").to_pylist() == [row["recorded_at"] for row in rows]
    assert table.column("data").to_pylist() == [row["data"] for row in rows]
    assert table.column("stream_id").to_pylist() == [str(row["stream_id"]) for row in rows]
    about = json.loads(table.schema.metadata[b"pulseops.export"])
    assert (about["upTo"], about["checkpoint"]) == (320, lines.told()["checkpoint"])
    assert pq.ParquetFile(tmp_path / NAME).metadata.num_row_groups == 4
    there = os.listdir(tmp_path)  # noqa: PTH208 -- in an async test
    assert sorted(name for name in there if NAME in name) == [NAME, f"{NAME}.hashes", f"{NAME}.manifest.json"]
    changed = table.set_column(
        table.schema.get_field_index("version"),
        table.schema.field("version"),
        pa.array([2] * 320, pa.int32()),
    )
    pq.write_table(changed, tmp_path / NAME)
    assert found(tmp_path / NAME).startswith("Line 1, position 1: hash of the event should be ")
    (tmp_path / NAME).write_bytes(b"PAR1 and so on")
    assert "is no export in columns" in found(tmp_path / NAME)
    monkeypatch.setattr(columns, "_ROWS", 50_000)
    made = await carry(
        app, Wanted(types=("RESOLVED",)), "default", tmp_path / "none.parquet", shape=columns.write
    )
    assert (made.events, found(tmp_path / "none.parquet")) == (0, "")


async def test_interrupted_between_lines_and_columns_it_comes_out_the_same(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await report(app, 30)
    await signed_up_to(app, pool, 30)

    def ending(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await carry(app, Wanted(), "default", tmp_path / NAME, shape=ending)
    assert not (tmp_path / NAME).exists()
    await carry(app, Wanted(), "default", tmp_path / NAME, shape=columns.write)
    await carry(app, Wanted(), "default", tmp_path / "other", shape=columns.write)
    assert (tmp_path / NAME).read_bytes() == (tmp_path / "other").read_bytes()
    assert len(os.listdir(tmp_path)) == 6  # noqa: PTH208


def test_from_the_command_line(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> None:
        connection, pool = await asyncpg.connect(database.app_url), await open_pool(database.app_url)
        await report(connection, 9)
        await signed_up_to(connection, pool, 9)
        await pool.close()
        await connection.close()

    asyncio.run(fill())
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    file, key = tmp_path / NAME, tmp_path / "audit.pub"
    key.write_text(f"{KEYS.signer.verifier}\n")

    def run(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            cli(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    assert run("events", "export", "--output", str(file))[0] == 0
    code, told = run("audit", "verify", str(file), "--key", str(key))
    assert (code, "9 events after position 0 up to 9" in told) == (0, True)
    assert run("events", "export", "--output", str(tmp_path / "o"), "--format", "parquet")[0] == 0
    assert columns.is_parquet(tmp_path / "o")
    assert run("events", "export", "--output", str(tmp_path / "p.parquet"), "--format", "lines")[0] == 0
    assert not columns.is_parquet(tmp_path / "p.parquet")

    def away(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(columns, "import_module", away)
    sentence = "Parquet needs another library: pip install 'pulseops[parquet]'."
    for tokens in (
        ("events", "export", "--output", str(tmp_path / "q.parquet")),
        ("audit", "verify", str(file), "--key", str(key)),
    ):
        code, told = run(*tokens)
        assert (code, told.replace("\n", " ").strip()) == (2, sentence)
    assert not (tmp_path / "q.parquet.part").exists()
