"""What is vouched for of an export that comes in: what it was, by its manifest, and what was signed of it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from pulseops.archive.alone import manifest_of
from pulseops.archive.growing import Growing
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import leaf_hash
from pulseops.audit.note import Verifier, opened
from pulseops.audit.register import speakers
from pulseops.kernel.errors import PulseOpsError


class NotAsWritten(PulseOpsError):
    """The file is not what was written."""

    code = "not-as-written"


class _Manifest(Struct, rename="camel"):
    """What is to be held against an export, of the manifest beside it."""

    after: int
    up_to: int
    events: int
    sha256: str
    types: list[str]
    incidents: list[str]
    since: str | None
    until: str | None
    size: int | None
    root: str | None
    checkpoint: str | None


class Vouching:
    """Hears each line and row of an export, and then agrees with all of it, or does not.

    Without a manifest there is nothing to agree with. With `keys` the checkpoint has to be there, and to be
    signed by one of them. Raises NotAsWritten where this is already known to be impossible, Wrong where the
    manifest is none, NotSigned and NotACheckpoint.
    """

    def __init__(self, manifest: Path | None, keys: Sequence[Verifier] | None = None) -> None:
        self._tree, self._digest = Growing(), sha256()
        self._manifest = None if manifest is None else _read(manifest)
        self._signed = self._sealed(keys)

    def _sealed(self, keys: Sequence[Verifier] | None) -> Checkpoint | None:
        told = self._manifest
        if keys is None:
            return None
        if told is None:
            raise NotAsWritten("There is no manifest beside the file, and so nothing that a key has signed.")
        if told.checkpoint is None:
            raise NotAsWritten("Nothing of this export was signed: its manifest has no checkpoint.")
        note = told.checkpoint.encode()
        signed = Checkpoint.parsed(opened(note, speakers(note, keys)))
        if signed.size != told.events:
            raise NotAsWritten(
                f"The checkpoint in the manifest is of {signed.size} events, the export has {told.events}: "
                "`pulseops audit verify FILE` can tell whether these are among them."
            )
        return signed

    def hear(self, line: bytes, row: Mapping[str, Any]) -> None:
        self._digest.update(line)
        self._tree.add(leaf_hash(sealed(row)))

    @property
    def root(self) -> bytes:
        """Of the tree of all that was heard."""
        return self._tree.root()

    def agree(self) -> None:
        """Raises NotAsWritten."""
        told, size = self._manifest, self._tree.size
        if told is None:
            return
        if size != told.events:
            raise NotAsWritten(f"The file has {size} events, and had {told.events} when it was written.")
        root = b64encode(self.root).decode()
        if told.size == size and told.root not in {None, root}:
            raise NotAsWritten(f"The events hash to {root}, and what was sealed to {told.root}.")
        if self._signed is not None and self._signed.root != self.root:
            signed = b64encode(self._signed.root).decode()
            raise NotAsWritten(f"The events hash to {root}, and what was signed to {signed}.")
        if self._digest.hexdigest() != told.sha256:
            raise NotAsWritten("Its SHA-256 is not the one in its manifest, though its events are.")


def _read(path: Path) -> _Manifest:
    told = msgspec.convert(manifest_of(path), _Manifest)
    if told.after or told.types or told.incidents or told.since or told.until or told.events != told.up_to:
        raise NotAsWritten(f"{path.name} says that this is a part of a log. An import takes a whole one.")
    return told
