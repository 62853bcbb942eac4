"""What `doctor` looks at, and what it finds."""

from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from pulseops.settings import Settings
from pulseops.up.home import Home


class Finding(Struct, frozen=True, omit_defaults=True):
    check: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


class Place(NamedTuple):
    """What is looked at: the settings, and the home unless there is none yet."""

    settings: Settings
    path: Path
    home: Home | None
    busy: bool
    """Whether an `up` holds the home."""
