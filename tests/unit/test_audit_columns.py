"""An export in columns that somebody damaged, or made up: in words, and never for history."""

import json
import struct
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pulseops.archive import alone
from pulseops.archive.columns import Rows, write
from pulseops.cli.app import app as cli
from tests.carried import Export, sample


@pytest.fixture
def export(tmp_path: Path) -> Export:
    lines = sample("whole.ndjson").copied(tmp_path)
    made = Export(tmp_path / "whole.parquet", lines.keys)
    told = lines.told()
    write(lines.file, made.file, told)
    made.hashes.write_bytes(lines.hashes.read_bytes())
    made.manifest.write_text(alone.manifest_text(told))
    made.refit()
    return made


def found(export: Export) -> str:
    try:
        alone.verify(export.file, alone.keys_of(export.keys.read_text()), lines=Rows(export.file))
    except alone.Wrong as error:
        return str(error)
    return ""


def test_no_bit_changes_unnoticed_and_whatever_does_is_told_in_words(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "agrees", lambda *_: True)
    assert found(export) == ""
    whole = export.file.read_bytes()
    for at in range(0, len(whole), 11):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        export.file.write_bytes(changed)
        assert found(export) != "", at


def claimed(export: Export, name: str, old: int, new: int) -> None:
    """The statistics are changed, and the manifest made to fit."""
    whole = bytearray(export.file.read_bytes())
    [footer] = struct.unpack("<I", whole[-8:-4])
    at, many = len(whole) - 8 - footer, 0
    while (at := whole.find(struct.pack("<q", old), at)) >= 0:
        whole[at : at + 8], many = struct.pack("<q", new), many + 1
    assert many, name
    export.file.write_bytes(whole)
    export.refit()


def seen(export: Export, where: str) -> int:
    with duckdb.connect() as anew:  # one that has looked into the file before may go by what it saw
        [[count]] = anew.sql(f"SELECT count(*) FROM read_parquet('{export.file}') WHERE {where}").fetchall()
    return int(count)


def test_no_event_is_hidden_from_those_who_ask_for_it(export: Export) -> None:
    """A program passes by what a file says is not in it."""
    assert seen(export, "position = 30") == 1
    claimed(export, "position", 36, 5)
    assert seen(export, "position = 30") == 0
    assert found(export).startswith("whole.parquet tells of position what is not so: least, greatest, nulls")


def test_nothing_is_told_that_would_have_to_be_believed(export: Export) -> None:
    table = pq.read_table(export.file)
    pq.write_table(table, export.file, write_statistics=["position", "type"])
    export.refit()
    assert found(export) == "whole.parquet tells more of type than an export does."
    pq.write_table(table, export.file, write_statistics=["position"], write_page_index=True)
    export.refit()
    assert found(export) == "whole.parquet tells more of position than an export does."
    pq.write_table(table, export.file, write_statistics=False, row_group_size=7)
    export.refit()
    assert found(export) == ""


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("recorded_at", pa.array(["yesterday"])),
        ("occurred_at", pa.array([1 << 62], pa.timestamp("us", tz="UTC"))),
        ("occurred_at", pa.array([1], pa.timestamp("ns", tz="UTC"))),
        ("occurred_at", pa.array([None], pa.timestamp("us", tz="UTC"))),
        ("meta", pa.array([7])),
        ("data", pa.array([b"\xff"], pa.binary())),
        ("data", pa.array([["a"]])),
        ("version", pa.array([None], pa.int32())),
        ("type", pa.array(["A\nB"])),
        ("stream_id", None),
    ],
)
def test_columns_of_other_kinds_are_none_of_an_export(export: Export, name: str, values: Any) -> None:
    table = pq.read_table(export.file).slice(0, 1)
    place = table.column_names.index(name)
    table = table.remove_column(place) if values is None else table.set_column(place, name, values)
    pq.write_table(table, export.file)
    export.refit()
    assert found(export).startswith(("whole.parquet is no export in columns: ", "Line 1")), found(export)


@pytest.mark.parametrize("about", [None, b"", b"[]", b"{}", b"7", b"\xff", b'{"source": 7}'])
def test_a_file_that_says_nothing_of_itself_is_none(export: Export, about: bytes | None) -> None:
    table = pq.read_table(export.file)
    pq.write_table(
        table.replace_schema_metadata(None if about is None else {b"pulseops.export": about}), export.file
    )
    export.refit()
    assert found(export).startswith(("whole.parquet is no export in columns: ", "Line 1")), found(export)


def test_what_is_damaged_is_told_in_words_on_the_command_line(
    export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    export.file.write_bytes(export.file.read_bytes()[:200])
    for more in ((), ("--json",)):
        with pytest.raises(SystemExit) as stopped:
            cli(["audit", "verify", str(export.file), "--key", str(export.keys), *more])
        said = capsys.readouterr()
        told = json.loads(said.out)["why"] if more else said.err
        assert (stopped.value.code, "is no export in columns" in told) == (1, True)
