"""An export that can be carried away and verified alone (`alone.py`): its lines, their hashes, a manifest."""

import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import asyncpg
from msgspec import Struct

from pulseops.audit.alone import FORMAT, manifest_text
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.hashes import rows
from pulseops.audit.merkle import Run
from pulseops.audit.notary import newest_note
from pulseops.eventstore.export import Wanted, export, positions
from pulseops.eventstore.history import newest

Tell = Callable[[str, int, int], None]
"""What is being written (`events`, `hashes`), how far that is, and how far it goes."""

_PIECE = 1 << 20  # bytes
_POSITION = re.compile(rb',"position":"([0-9]+)"')


class Carried(Struct, frozen=True, rename="camel"):
    """So many events, after a position up to another. Of the log the first `signed` are signed, if any."""

    events: int
    after: int
    up_to: int
    signed: int | None


async def carry(
    connection: asyncpg.Connection,
    wanted: Wanted,
    log: str,
    file: Path,
    *,
    tell: Tell = lambda *_: None,
) -> Carried:
    """Write `file`, `file`.hashes and `file`.manifest.json. `file` has its name when all is there.

    Without `up_to` it ends with what is signed, where something is. What ends beyond has no hashes, and a
    manifest that says so. Raises what `export` raises, CannotSeal when the tree has lost what is needed, and
    NotACheckpoint.
    """
    note = await newest_note(connection, wanted.log_id)
    signed = None if note is None else Checkpoint.parsed(note.rpartition("\n\n")[0] + "\n")
    limit = signed.size if signed and wanted.up_to is None else await newest(connection, wanted.log_id)
    wanted = await positions(connection, wanted, limit)
    up_to = wanted.up_to or 0
    if signed is not None and signed.size < up_to:
        signed = note = None
    size = None if signed is None else signed.size

    async def prove(part: Path) -> None:
        lines, hashes = _Lines(part, wanted), sha256()
        owned, length = lines.runs(), 0
        if signed is None:
            for _ in owned:
                pass
        else:
            with _put(_beside(file, "hashes")) as out:
                async for piece in rows(connection, wanted.log_id, owned, signed.size):
                    out.write(piece)
                    hashes.update(piece)
                    length += len(piece)
                    tell("hashes", lines.position, up_to)
        told = {
            "format": FORMAT,
            "log": log,
            "source": f"/pulseops/logs/{wanted.log_id}",
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
            "size": size,
            "root": signed and b64encode(signed.root).decode(),
            "checkpoint": note,
        }
        with _put(_beside(file, "manifest.json")) as out:
            out.write(manifest_text(told).encode())

    events = await export(
        connection, wanted, file, progress=lambda at, last: tell("events", at, last), whole=prove
    )
    return Carried(events=events, after=wanted.after, up_to=up_to, signed=size)


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
                    found = _POSITION.search(line)
                    self.position = int(found[1]) if found else 0
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
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=_PIECE) as out:
            yield out
            out.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
