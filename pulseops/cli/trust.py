"""Which keys are trusted, and what they signed: notes that somebody kept, or that the database has."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.note import NotAKey, NotSigned, Verifier, opened
from pulseops.audit.register import NotARegister, Register, is_register
from pulseops.cli.database import stop
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.settings import Settings, SettingsError


class Told(Struct, frozen=True):
    """What was signed of a log."""

    checkpoints: Sequence[Checkpoint]
    registers: Sequence[Register]

    @property
    def sizes(self) -> Sequence[Checkpoint]:
        """Of the log, whatever tells of it."""
        return [*self.checkpoints, *(one.log for one in self.registers)]


def key_path() -> Path:
    """Where the key lies that signs."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        raise stop(str(error), USAGE) from error
    return settings.audit_key or settings.home / "audit.key"


def trusted(path: Path | None) -> Sequence[Verifier]:
    """The public keys of a file, else those beside the key that signs."""
    chosen = path or keyfile.public(key_path())
    try:
        return tuple(map(Verifier.parsed, chosen.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError) as error:
        raise stop(
            f"{chosen} cannot be read ({type(error).__name__}): name the keys with --key.", USAGE
        ) from error
    except NotAKey as error:
        raise stop(f"{chosen} holds something else than keys of signed notes: {error}", USAGE) from error


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise stop(f"{path} cannot be read: {error.strerror}", USAGE) from error


def told(notes: Iterable[tuple[str, bytes]], verifiers: Sequence[Verifier]) -> Told:
    """What stands in the notes, each with whose it is; of one log, or this is the end."""
    found = Told([], [])
    checkpoints, registers = list[Checkpoint](), list[Register]()
    for whose, note in notes:
        try:
            text = opened(note, verifiers)
            if is_register(text):
                registers.append(register := Register.parsed(text))
                origin = register.log.origin
            else:
                checkpoints.append(checkpoint := Checkpoint.parsed(text))
                origin = checkpoint.origin
        except (NotSigned, NotACheckpoint, NotARegister) as error:
            raise stop(f"The checkpoint of {whose} is not to be trusted: {error}", REFUSED) from error
        found = Told(checkpoints, registers)
        if origin != (first := found.sizes[0].origin):
            raise stop(f"The checkpoint of {whose} is of {origin}, not of {first}.", REFUSED)
    return found
