"""Whose signatures are believed, and what is read from files to be held against them."""

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
    """What was signed of a log: `sizes` are of all of it, also those that registers are about."""

    checkpoints: Sequence[Checkpoint]
    registers: Sequence[Register]

    @property
    def sizes(self) -> Sequence[Checkpoint]:
        return [*self.checkpoints, *(one.log for one in self.registers)]


def own_settings() -> Settings:
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        raise stop(str(error), USAGE) from error


def own_key() -> Path:
    """Where this installation's key is, or would be."""
    settings = own_settings()
    return settings.audit_key or settings.home / "audit.key"


def trusted(path: Path | None) -> Sequence[Verifier]:
    """The public keys in this file, else in the home's."""
    chosen = path or keyfile.public(own_key())
    try:
        return tuple(map(Verifier.parsed, chosen.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError) as error:
        raise stop(
            f"{chosen} cannot be read ({type(error).__name__}): name the keys with --key.", USAGE
        ) from error
    except NotAKey as error:
        raise stop(f"{chosen} holds something else than keys of signed notes: {error}", USAGE) from error


def taken(path: Path) -> bytes:
    """What is in the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise stop(f"{path} cannot be read: {error.strerror}", USAGE) from error


def told(notes: Iterable[tuple[str, bytes]], believed: Sequence[Verifier]) -> Told:
    """What stands in the notes, each with whose it is: all of one log, else this is the end."""
    checkpoints, registers, first = list[Checkpoint](), list[Register](), ""
    for whose, note in notes:
        try:
            text = opened(note, believed)
            if is_register(text):
                registers.append(Register.parsed(text))
                origin = registers[-1].log.origin
            else:
                checkpoints.append(Checkpoint.parsed(text))
                origin = checkpoints[-1].origin
        except (NotSigned, NotACheckpoint, NotARegister) as error:
            raise stop(f"The checkpoint of {whose} is not to be trusted: {error}", REFUSED) from error
        first = first or origin
        if origin != first:
            raise stop(f"The checkpoint of {whose} is of {origin}, not of {first}.", REFUSED)
    return Told(checkpoints, registers)
