"""name=value on a command line."""

from collections.abc import Iterable, Sequence
from typing import Any


def pair(_: Any, given: str | Sequence[str] | None) -> None:
    """For cyclopts: raises ValueError for what is none."""
    for one in [given] if isinstance(given, str) else given or ():
        if not one.partition("=")[0] or "=" not in one:
            raise ValueError(f"{one!r} is not name=value")


def split(given: Iterable[str]) -> list[tuple[str, str]]:
    """The first = parts a name from its value."""
    parts = (one.partition("=") for one in given)
    return [(name, value) for name, _, value in parts]


def labels(given: Iterable[str]) -> dict[str, str]:
    return dict(split(given))
