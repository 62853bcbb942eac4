"""A history that is sealed and signed, exports of it, and the verifier on a machine without PulseOps."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from pulseops.audit import alone
from pulseops.audit.carrying import Carried, carry
from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer
from pulseops.eventstore.export import Wanted
from tests.integration.sealing import sealed_up_to

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))


async def signed_up_to(app: asyncpg.Connection, pool: asyncpg.Pool, size: int, keys: Keys = KEYS) -> None:
    await sealed_up_to(app, size)
    await Notary(pool, keys).sign()


class Export(Struct, frozen=True):
    """Three files, and the public keys."""

    file: Path
    keys: Path

    @property
    def hashes(self) -> Path:
        return self.file.with_name(f"{self.file.name}.hashes")

    @property
    def manifest(self) -> Path:
        return self.file.with_name(f"{self.file.name}.manifest.json")

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.manifest.read_text())
        return told

    def tell(self, **changes: Any) -> None:
        """A manifest that somebody made to fit."""
        told = {name: value for name, value in (self.told() | changes).items() if name != "digest"}
        self.manifest.write_text(alone.manifest_text(told))

    def refit(self) -> None:
        """The measures of the files as they are now."""
        for name, path in (("", self.file), ("hashes", self.hashes)):
            digest = alone.sha256(path.read_bytes()).hexdigest()
            size = path.stat().st_size
            self.tell(
                **(
                    {"hashesBytes": size, "hashesSha256": digest}
                    if name
                    else {"bytes": size, "sha256": digest}
                )
            )

    def copied(self, folder: Path) -> "Export":
        folder.mkdir(exist_ok=True)
        for path in (self.file, self.hashes, self.manifest, self.keys):
            shutil.copy(path, folder)
        return Export(folder / self.file.name, folder / self.keys.name)

    def verdict(self, *more: str) -> tuple[int, str]:
        """Of the file that is carried away, in a Python that has nothing but its own library."""
        program = self.file.parent / "verify.py"
        shutil.copy(alone.__file__, program)
        done = subprocess.run(
            [sys.executable, "-I", "-S", program, self.file, "--key", self.keys, *more],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"PATH": os.devnull, "LC_ALL": "C"},
        )
        return done.returncode, (done.stdout or done.stderr).strip()

    def wrong(self) -> str:
        """What is wrong with it, as the same verifier says in this process; or nothing."""
        try:
            alone.verify(self.file, alone.keys_of(self.keys.read_text()))
        except alone.Wrong as error:
            return str(error)
        return ""


async def exported(
    app: asyncpg.Connection,
    folder: Path,
    wanted: Wanted | None = None,
    name: str = "history.ndjson",
    keys: Sequence[Any] = KEYS.verifiers,
) -> tuple[Export, Carried]:
    folder.mkdir(exist_ok=True)
    trusted = folder / "audit.pub"
    trusted.write_text("".join(f"{one}\n" for one in keys))
    made = await carry(app, wanted or Wanted(), "default", folder / name)
    return Export(folder / name, trusted), made
