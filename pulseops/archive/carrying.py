"""An export that can be carried away and verified alone (`alone.py`): its lines, their hashes, a manifest."""

import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
from msgspec import Struct

from pulseops.archive.alone import FORMAT, manifest_text
from pulseops.archive.hashes import Find, rows
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.merkle import Run
from pulseops.audit.notary import newest_note
from pulseops.audit.sealing import tiles_at
from pulseops.audit.tiles import Place, Tiles
from pulseops.eventstore.cloudevents import position_of
from pulseops.eventstore.export import Wanted, export, positions
from pulseops.eventstore.history import newest
from pulseops.eventstore.part import own

Tell = Callable[[str, int, int], None]
"""What is being written (`events`, `hashes`), how far that is, and how far it goes."""

_PIECE = 1 << 20  # bytes


Shape = Callable[[Path, Path, Mapping[str, Any]], None]
"""Makes of lines another file, with what is told of them."""


class Carried(Struct, frozen=True, rename="camel"):
    """So many events, after a position up to another. Of the log the first `signed` are signed, if any.

    `path` is what shall take the file's name.
    """

    path: Path
    events: int
    after: int
    up_to: int
    signed: int | None


class Origin(Struct, frozen=True):
    """Where an export comes from: the log by its name and by its number, and what is signed of it."""

    log: str
    log_id: int
    note: str | None

    @property
    def signed(self) -> Checkpoint | None:
        """Raises NotACheckpoint."""
        return None if self.note is None else Checkpoint.parsed(self.note.rpartition("\n\n")[0] + "\n")


async def carry(
    connection: asyncpg.Connection,
    wanted: Wanted,
    log: str,
    file: Path,
    *,
    tell: Tell = lambda *_: None,
    shape: Shape | None = None,
) -> Carried:
    """Write `file`, `file`.hashes and `file`.manifest.json. `file` has its name when all is there.

    Without `up_to` it ends with what is signed, where something is. What ends beyond has no hashes, and a
    manifest that says so. Raises what `export` raises, CannotSeal when the tree has lost what is needed, and
    NotACheckpoint.
    """
    asked = wanted.asked
    origin = Origin(log, wanted.log_id, await newest_note(connection, wanted.log_id))
    signed = origin.signed
    limit = signed.size if signed and wanted.up_to is None else await newest(connection, wanted.log_id)
    wanted = await positions(connection, wanted, limit)
    made: Carried | None = None

    async def find(places: Iterable[Place]) -> Tiles:
        return await tiles_at(connection, wanted.log_id, places)

    async def whole(part: Path) -> Path:
        nonlocal made
        made = await prove(origin, wanted, part, file, find=find, tell=tell, shape=shape)
        return made.path

    await export(
        connection,
        wanted,
        file,
        asked=asked,
        progress=lambda at, last: tell("events", at, last),
        whole=whole,
    )
    assert made is not None  # noqa: S101 -- an export ends with it
    return made


async def prove(
    origin: Origin,
    wanted: Wanted,
    part: Path,
    file: Path,
    *,
    find: Find,
    tell: Tell = lambda *_: None,
    shape: Shape | None = None,
) -> Carried:
    """Put hashes and manifest beside `file`, whose lines are in `part`. `wanted` has both its positions.

    Raises CannotSeal and NotACheckpoint.
    """
    up_to, signed = wanted.up_to or 0, origin.signed
    if signed is not None and signed.size < up_to:
        signed = None
    lines, hashes, length = _Lines(part, wanted), sha256(), 0
    owned = lines.runs()
    if signed is None:
        _beside(file, "hashes").unlink(missing_ok=True)  # of an export that was here before
        for _ in owned:
            pass
    else:
        with _put(_beside(file, "hashes")) as out:
            async for piece in rows(find, owned, signed.size):
                out.write(piece)
                hashes.update(piece)
                length += len(piece)
                tell("hashes", lines.position, up_to)
    told: dict[str, Any] = {
        "format": FORMAT,
        "log": origin.log,
        "source": f"/pulseops/logs/{origin.log_id}",
        "after": wanted.after,
        "upTo": up_to,
        "since": wanted.since and wanted.since.astimezone(UTC).isoformat(),
        "until": wanted.until and wanted.until.astimezone(UTC).isoformat(),
        "types": [*wanted.types],
        "incidents": [str(one) for one in wanted.streams],
        "events": lines.count,
        "bytes": lines.bytes,
        "sha256": lines.digest.hexdigest(),
        "hashesBytes": length,
        "hashesSha256": hashes.hexdigest(),
        "size": None if signed is None else signed.size,
        "root": None if signed is None else b64encode(signed.root).decode(),
        "checkpoint": None if signed is None else origin.note,
    }
    path = part
    if shape is not None:
        path = part.with_suffix(".shape")
        told |= _shaped(shape, part, path, told)
    with _put(_beside(file, "manifest.json")) as out:
        out.write(manifest_text(told).encode())
    size = None if signed is None else signed.size
    return Carried(path=path, events=lines.count, after=wanted.after, up_to=up_to, signed=size)


def _shaped(shape: Shape, part: Path, path: Path, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is to be told otherwise. The file is on disk."""
    path.unlink(missing_ok=True)  # of an export that was interrupted, or a link to somewhere
    path.touch(0o600, exist_ok=False)
    shape(part, path, told)
    with path.open("rb+") as made:
        digest = file_digest(made, "sha256").hexdigest()
        os.fsync(made.fileno())
    return {"bytes": path.stat().st_size, "sha256": digest}


class _Lines:
    """What is written of an export, gone through once: which positions, and its measure."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path, self._wanted = path, wanted
        self.count = self.bytes = 0
        self.position = wanted.after
        self.digest = sha256()

    def runs(self) -> Iterator[Run]:
        """Its events as leaves of the tree, in order."""
        with self._path.open("rb") as lines:
            if self._wanted.types or self._wanted.streams:
                for line in lines:
                    self._measure(line)
                    self.count += 1
                    self.position = position_of(line)
                    yield Run(self.position - 1, self.position)
            else:
                for piece in iter(lambda: lines.read(_PIECE), b""):
                    self._measure(piece)
                self.position = self._wanted.up_to or 0
                self.count = self.position - self._wanted.after
                if self.count:
                    yield Run(self._wanted.after, self.position)

    def _measure(self, piece: bytes) -> None:
        self.bytes += len(piece)
        self.digest.update(piece)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}.{suffix}")


@contextmanager
def _put(path: Path) -> Iterator[BinaryIO]:
    """Whole and on disk, or not at all."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        with own(fresh, os.O_WRONLY | os.O_TRUNC) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
