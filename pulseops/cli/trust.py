"""Whose signatures are believed, and what is read from files to be held against them."""

import os
from collections.abc import Sequence
from pathlib import Path

from pulseops.audit import keyfile
from pulseops.audit.note import NotAKey, Verifier
from pulseops.cli.database import stop
from pulseops.cli.speak import USAGE
from pulseops.settings import Settings, SettingsError


def own_key() -> Path:
    """Where this installation's key is, or would be."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        raise stop(str(error), USAGE) from error
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
