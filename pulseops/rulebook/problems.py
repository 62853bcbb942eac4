"""What is wrong with a rules file, and where."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from pulseops.kernel.errors import PulseOpsError


class Problem(NamedTuple):
    """`line` counts from 1; `path` is like `assignment.routes[2].team`, empty for the file as a whole."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"{self.file}:{self.line}", self.path, self.message)))


class RulebookInvalid(PulseOpsError):
    """The rules file cannot be used."""

    code = "rulebook-invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(dict.fromkeys(sorted(problems)))
        super().__init__("\n".join(map(str, self.problems)))


_FEW = 13


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the one that was meant, or else the ones there are."""
    words = sorted(known)
    close = get_close_matches(word.casefold(), words, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; there is {', '.join(words)}" if 0 < len(words) <= _FEW else ""
