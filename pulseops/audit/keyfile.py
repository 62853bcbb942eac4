"""Where the key lies that signs checkpoints: outside of the database, so that whoever has that has not this.

audit.key   the key (0600); below it, the public halves of those that signed before
audit.pub   the public halves, the newest first: for auditors
"""

import os
from pathlib import Path
from uuid import uuid4

from pulseops.audit.notary import Keys
from pulseops.audit.note import NotAKey, Signer, Verifier
from pulseops.kernel.errors import PulseOpsError


class KeyUnusable(PulseOpsError):
    """The key that signs history cannot be used."""

    code = "key-unusable"


def read(path: Path) -> Keys:
    """Raises KeyUnusable, which names the file and nothing in it."""
    try:
        first, *earlier = path.read_text(encoding="utf-8").split()
        found = Keys(signer=Signer.parsed(first), earlier=tuple(map(Verifier.parsed, earlier)))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise KeyUnusable(f"{path} cannot be read: {type(error).__name__}.") from None
    except NotAKey as error:
        raise KeyUnusable(f"{path} holds no key for signed notes: {error}") from None
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} can be read by others: chmod 600 {path}")
    return found


def make(path: Path) -> Keys:
    """A new key, where there is none: who comes second takes that of the first."""
    keys = Keys(signer=Signer.new(f"pulseops/{uuid4().hex[:16]}"))
    try:
        _write(path, keys, exclusively=True)
    except FileExistsError:
        return read(path)
    return keys


def rotate(path: Path) -> Keys:
    """A new key of the same name, beside what the one before has signed. Raises KeyUnusable."""
    before = read(path)
    keys = Keys(signer=Signer.new(before.signer.name), earlier=tuple(before.verifiers))
    _write(path, keys, exclusively=False)
    return keys


def public(path: Path) -> Path:
    """Where the public halves lie."""
    return path.with_suffix(".pub")


def _write(path: Path, keys: Keys, *, exclusively: bool) -> None:
    """Whole or not at all, and on disk when it returns. Raises FileExistsError."""
    told = "".join(f"{one}\n" for one in keys.verifiers)
    earlier = "".join(f"{one}\n" for one in keys.earlier)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:  # noqa: PTH123
        sink.write(f"{keys.signer.kept()}\n{earlier}")
        sink.flush()
        os.fsync(sink.fileno())
    try:
        if exclusively:
            path.hardlink_to(fresh)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    public(path).write_text(told, encoding="utf-8")
