"""Whose signatures are believed, and what is read from files to be held against them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.note import NotAKey, NotSigned, Verifier, opened
from pulseops.audit.register import NotARegister, Register, is_register, speakers
from pulseops.cli.database import stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.cli.words import harmless
from pulseops.kernel.reasons import reason
from pulseops.settings import Settings, SettingsError


class Told(Struct, frozen=True):
    """What was signed of a log: `sizes` are of all of it, also those that registers are about.

    `own`: the first of the registers is the database's.
    """

    checkpoints: Sequence[Checkpoint]
    registers: Sequence[Register]
    own: bool = False

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
    except OSError as error:
        raise stop(f"{chosen} cannot be read: {reason(error)}. Name the keys with --key.", USAGE) from error
    except UnicodeDecodeError as error:
        raise stop(f"{chosen} holds something else than keys of signed notes.", USAGE) from error
    except NotAKey as error:
        raise stop(f"{chosen} holds something else than keys of signed notes: {error}", USAGE) from error


def taken(path: Path) -> bytes:
    """What is in the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise stop(f"{path} cannot be read: {reason(error)}", USAGE) from error


def told(
    kept: Iterable[tuple[str, bytes]], believed: Sequence[Verifier], own: Sequence[tuple[str, bytes]] = ()
) -> Told:
    """What stands in the notes, each with whose it is: one log of each place, else this is the end.

    `own` are the database's, and come first; they are left aside where it has taken history in and signed it
    with a key that nobody asked about. What was kept is held against history all the same.
    """
    found = [(whose, _opened(whose, note, believed)) for whose, note in kept]
    aside = _of_another_place(own, [one for _, one in found], believed)
    mine = [] if aside else [(whose, _opened(whose, note, believed)) for whose, note in own]
    found = [*mine, *found]
    origins = dict[str, str]()
    for whose, one in found:
        origin = origins.setdefault(_place(one), _log(one).origin)
        if _log(one).origin != origin:
            raise stop(f"The checkpoint of {whose} is of {_log(one).origin}, not of {origin}.", REFUSED)
    return Told(
        checkpoints=[one for _, one in found if isinstance(one, Checkpoint)],
        registers=[one for _, one in found if isinstance(one, Register)],
        own=any(isinstance(one, Register) for _, one in mine),
    )


def _opened(whose: str, note: bytes, believed: Sequence[Verifier]) -> Checkpoint | Register:
    try:
        return _parsed(opened(note, speakers(note, believed)))
    except (NotSigned, NotACheckpoint, NotARegister) as error:
        raise stop(f"The checkpoint of {whose} is not to be trusted: {error}", REFUSED) from error


def _parsed(text: str) -> Checkpoint | Register:
    return Register.parsed(text) if is_register(text) else Checkpoint.parsed(text)


def _of_another_place(
    own: Sequence[tuple[str, bytes]], kept: Sequence[Checkpoint | Register], believed: Sequence[Verifier]
) -> bool:
    """Whether this place signs with a key that nobody asked about; and say so."""
    if not own or not kept:
        return False
    try:
        says = _parsed(own[0][1].decode().rpartition("\n\n")[0] + "\n")
    except (NotACheckpoint, NotARegister, UnicodeDecodeError):
        return False
    if _place(says) in {*map(_place, kept), *(one.name for one in believed)}:
        return False
    origin = _log(says).origin
    aside = f"The database's own checkpoint, of {origin}, is left aside: none of the keys is of that name."
    say(harmless(aside), stderr=True)
    return True


def _log(one: Checkpoint | Register) -> Checkpoint:
    return one.log if isinstance(one, Register) else one


def _place(one: Checkpoint | Register) -> str:
    return _log(one).origin.rpartition("/")[0]
