"""An export in columns (Parquet), made of its lines; each row gives its line again, to the byte.

Needs the extra `parquet`. Little memory whatever its size: a row group at a time.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from pulseops.archive.alone import LINE, Lines, Wrong
from pulseops.kernel.errors import PulseOpsError

_ROWS, _BYTES = 50_000, 32 << 20
"""Of a row group."""
_MEASURED = ("position", "recorded_at")
"""Columns whose least and greatest values are told of each row group, so that a query passes by others."""
_ABOUT = b"pulseops.export"
_PIECE = 1 << 20  # bytes
_OTHERWISE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
"""What comes of reading what is none of ours: a library's word for it, or a value of another kind."""


class NoParquet(PulseOpsError):
    """Parquet needs another library: pip install 'pulseops[parquet]'."""

    code = "no-parquet"


def arrow() -> tuple[Any, Any]:
    """The library and its Parquet, when they are wanted: loading them takes a while. Raises NoParquet."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise NoParquet from None


def is_parquet(file: Path) -> bool:
    """As it begins."""
    with file.open("rb") as begins:
        return begins.read(4) == b"PAR1"


def _schema(pa: Any, about: Mapping[str, Any]) -> Any:
    text, when = pa.string(), pa.timestamp("us", tz="UTC")
    kinds = {
        "position": pa.int64(),
        "recorded_at": when,
        "occurred_at": when,
        "type": text,
        "stream_id": text,
        "version": pa.int32(),
        "schema_version": pa.int16(),
        "event_id": text,
        "command_id": text,
        "actor": text,
        "correlation_id": text,
        "causation_id": text,
        "data": text,
        "meta": text,
    }
    maybe = {"actor", "correlation_id", "causation_id", "meta"}
    fields = [pa.field(name, kind, nullable=name in maybe) for name, kind in kinds.items()]
    return pa.schema(fields, metadata={_ABOUT: json.dumps(about).encode()})


def write(lines: Path, file: Path, about: Mapping[str, Any]) -> None:
    """Raises NoParquet. `about` goes with the file, under `pulseops.export`."""
    pa, pq = arrow()
    schema = _schema(pa, about)
    writer = pq.ParquetWriter(file, schema, compression="zstd", write_statistics=[*_MEASURED])
    with lines.open("rb") as source, writer as sink:
        for rows in _groups(source):
            sink.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))


def _groups(lines: Iterable[bytes]) -> Iterator[list[dict[str, Any]]]:
    rows, size = list[dict[str, Any]](), 0
    for line in lines:
        rows.append(_row(line.decode()))
        size += len(line)
        if len(rows) == _ROWS or size >= _BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _row(line: str) -> dict[str, Any]:
    found = LINE.fullmatch(line)
    assert found is not None  # noqa: S101 -- PostgreSQL wrote it
    event_id, _, kind, stream, occurred_at, position, recorded_at, *more = found.groups()
    version, schema_version, command, actor, correlation, causation, meta, data = more
    texts = (None if text is None else json.loads(text) for text in (kind, actor, correlation, causation))
    names = ("type", "actor", "correlation_id", "causation_id")
    return {
        "position": int(position),
        "recorded_at": datetime.fromisoformat(recorded_at),
        "occurred_at": datetime.fromisoformat(occurred_at),
        "stream_id": stream,
        "version": int(version),
        "schema_version": int(schema_version),
        "event_id": event_id,
        "command_id": command,
        "data": data,
        "meta": None if meta is None else b64decode(meta).decode(),
        **dict(zip(names, texts, strict=True)),
    }


class Rows(Lines):
    """The lines that a file was made of. Its measure is that of the file.

    What it tells a program of rows, so that these are not read, must be so: else a query would not see them.
    """

    def __iter__(self) -> Iterator[bytes]:
        """Raises NoParquet, and Wrong for what is no export in columns."""
        pa, pq = arrow()
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE):
                self.bytes += len(piece)
                self.digest.update(piece)
        try:
            with pq.ParquetFile(self.path) as columns:
                source = json.loads(columns.schema_arrow.metadata[_ABOUT])["source"]
                count = 0
                for group in range(columns.num_row_groups):
                    seen = _Seen()
                    for batch in columns.iter_batches(batch_size=1_000, row_groups=[group]):
                        self.heard(batch.nbytes)
                        for row in batch.to_pylist():
                            seen.add(row)
                            yield _line(row, source)
                    seen.must_be(columns.metadata.row_group(group), self.path.name)
                    count += seen.count
                if count != columns.metadata.num_rows:
                    raise Wrong(self.path.name, 0, "number of rows", count, columns.metadata.num_rows)
        except (pa.ArrowException, *_OTHERWISE) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # it is the file that cannot be read, and not what is in it
            raise Wrong(f"{self.path.name} is no export in columns: {error}") from error


class _Seen:
    """What there really is in a row group."""

    def __init__(self) -> None:
        self.count = 0
        self._bounds = dict[str, tuple[Any, Any]]()

    def add(self, row: Mapping[str, Any]) -> None:
        self.count += 1
        for name in _MEASURED:
            least, most = self._bounds.get(name, (row[name], row[name]))
            self._bounds[name] = min(least, row[name]), max(most, row[name])

    def must_be(self, told: Any, file: str) -> None:
        """As the file tells of it. Raises Wrong."""
        if told.num_rows != self.count:
            raise Wrong(file, 0, "number of rows of a group", self.count, told.num_rows)
        for column in map(told.column, range(told.num_columns)):
            name, measure = column.path_in_schema, column.statistics
            if column.has_column_index or (measure is not None and name not in _MEASURED):
                raise Wrong(f"{file} tells more of {name} than an export does.")
            if measure is None or not self.count:
                continue
            found = measure.min, measure.max, measure.null_count
            if found != (expected := (*self._bounds[name], 0)):
                raise Wrong(
                    f"{file} tells of {name} what is not so", 0, "least, greatest, nulls", expected, found
                )


def _line(row: Mapping[str, Any], source: str) -> bytes:
    def text(name: str) -> str:
        return json.dumps(row[name], ensure_ascii=False)

    if row["meta"] is None:
        cause = "" if row["causation_id"] is None else f',"causationid":{text("causation_id")}'
        meta = f'"actor":{text("actor")},"correlationid":{text("correlation_id")}{cause}'
    else:
        meta = f'"meta":"{b64encode(row["meta"].encode()).decode()}"'
    return (
        f'{{"specversion":"1.0","id":"{row["event_id"]}","source":"{source}","type":{text("type")},'
        f'"subject":"{row["stream_id"]}","time":"{_time(row["occurred_at"])}",'
        f'"datacontenttype":"application/json","position":"{row["position"]}",'
        f'"recordedtime":"{_time(row["recorded_at"])}","version":{row["version"]},'
        f'"schemaversion":{row["schema_version"]},"commandid":"{row["command_id"]}",{meta},"data":{row["data"]}}}\n'
    ).encode()


def _time(moment: datetime) -> str:
    """As PostgreSQL writes it in UTC: without zeros at the end of a second's fraction."""
    whole, dot, fraction = moment.replace(tzinfo=None).isoformat().partition(".")
    return f"{whole}{dot}{fraction.rstrip('0')}+00:00"
