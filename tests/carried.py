"""An export in a folder of its own, changed as somebody might, and the verifier where PulseOps is not."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from pulseops.archive import alone
from pulseops.audit.notary import Keys
from pulseops.audit.note import Signer

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))
SAMPLES = Path(__file__).parent / "samples" / "export"


class Export(Struct, frozen=True):
    """Its file, and the public keys that are trusted."""

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
        del told["digest"]
        return told

    def tell(self, **changes: Any) -> None:
        self.manifest.write_text(alone.manifest_text(self.told() | changes))

    def refit(self) -> None:
        """A manifest that says of the files what they are."""
        lines, rows = self.file.read_bytes(), self.hashes.read_bytes()
        self.tell(bytes=len(lines), sha256=sha256(lines).hexdigest())
        self.tell(hashesBytes=len(rows), hashesSha256=sha256(rows).hexdigest())

    def lines(self) -> list[bytes]:
        return self.file.read_bytes().splitlines(keepends=True)

    def copied(self, folder: Path) -> "Export":
        folder.mkdir(exist_ok=True)
        for path in (self.file, self.hashes, self.manifest, self.keys):
            (folder / path.name).write_bytes(path.read_bytes())
        return Export(folder / self.file.name, folder / self.keys.name)

    def wrong(self, *kept: str) -> str:
        """What the verifier finds, in this process; or nothing."""
        try:
            alone.verify(self.file, alone.keys_of(self.keys.read_text()), kept)
        except alone.Wrong as error:
            return str(error)
        return ""

    def alone(self, *arguments: str | Path) -> tuple[int, str]:
        """What it says where there is nothing but it and Python's own library."""
        program = self.file.with_name("verify.py")
        shutil.copy(alone.__file__, program)
        done = subprocess.run(
            [sys.executable, "-I", "-S", program, *(arguments or (self.file, "--key", self.keys))],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"PATH": os.devnull},
        )
        return done.returncode, (done.stdout or done.stderr).strip()


def sample(name: str) -> Export:
    return Export(SAMPLES / name, SAMPLES / "audit.pub")
