"""Whom an operator of the audit trusts: the keys of the home, or those of a file."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.note import NotAKey, NotSigned, Verifier, opened
from pulseops.cli.database import stop
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.settings import Settings, SettingsError


def own_settings() -> Settings:
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        raise stop(str(error), USAGE) from error


def key_file() -> Path:
    settings = own_settings()
    return settings.audit_key or settings.home / "audit.key"


def trusted_keys(path: Path | None) -> Sequence[Verifier]:
    """Those of the file, else of the home's audit.pub."""
    chosen = path or keyfile.public(key_file())
    try:
        return tuple(map(Verifier.parsed, chosen.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError) as error:
        raise stop(
            f"{chosen} cannot be read ({type(error).__name__}): name the keys with --key.", USAGE
        ) from error
    except NotAKey as error:
        raise stop(f"{chosen} holds something else than keys of signed notes: {error}", USAGE) from error


def signed_by(notes: Iterable[tuple[str, bytes]], trusted: Sequence[Verifier]) -> list[Checkpoint]:
    """All of one log; else the end."""
    found = list[Checkpoint]()
    for whose, note in notes:
        try:
            found.append(Checkpoint.parsed(opened(note, trusted)))
        except (NotSigned, NotACheckpoint) as error:
            raise stop(f"The checkpoint of {whose} is not to be trusted: {error}", REFUSED) from error
        if found[-1].origin != found[0].origin:
            raise stop(
                f"The checkpoint of {whose} is of {found[-1].origin}, not of {found[0].origin}.", REFUSED
            )
    return found
