"""Where the key lies that signs checkpoints: outside of the database, so that whoever has that has not this.

audit.key   the key (0600); below it, the public halves of those that signed before
audit.pub   the public halves, the newest first: for auditors
"""

from pathlib import Path
from shlex import quote
from uuid import uuid4

from pulseops.audit.disk import put
from pulseops.audit.notary import Keys
from pulseops.audit.note import NotAKey, Signer, Verifier
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason


class KeyUnusable(PulseOpsError):
    """The key that signs history cannot be used."""

    code = "key-unusable"


def read(path: Path) -> Keys:
    """Raises KeyUnusable, which names the file and nothing in it."""
    try:
        first, *earlier = path.read_text(encoding="utf-8").split()
        found = Keys(signer=Signer.parsed(first), earlier=tuple(map(Verifier.parsed, earlier)))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError | UnicodeError) else "It holds no key"
        raise KeyUnusable(f"{path} cannot be read: {why}") from None
    except NotAKey as error:
        raise KeyUnusable(f"{path} holds no key for signed notes: {error}") from None
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} can be read by others: chmod 600 {quote(str(path))}")
    return found


def make(path: Path) -> Keys:
    """The key that is there, or a new one: who comes second takes that of the first. Raises KeyUnusable."""
    keys = Keys(signer=Signer.new(f"pulseops/{uuid4().hex[:16]}"))
    try:
        put(path, _private(keys).encode(), 0o600, exclusively=True)
    except FileExistsError:
        keys = read(path)
    _publish(path, keys)
    return keys


def rotate(path: Path) -> Keys:
    """A new key of the same name, beside what the one before has signed. Raises KeyUnusable."""
    before = read(path)
    keys = Keys(signer=Signer.new(before.signer.name), earlier=tuple(before.verifiers))
    # Nobody is misled by a key that has signed nothing yet.
    _publish(path, keys)
    put(path, _private(keys).encode(), 0o600)
    return keys


def public(path: Path) -> Path:
    """Where the public halves lie."""
    return path.with_suffix(".pub")


def _private(keys: Keys) -> str:
    return "".join(f"{one}\n" for one in (keys.signer.kept(), *keys.earlier))


def _publish(path: Path, keys: Keys) -> None:
    told, where = "".join(f"{one}\n" for one in keys.verifiers), public(path)
    if not where.exists() or where.read_text(encoding="utf-8") != told:
        put(where, told.encode())
