"""Which incidents a rule is about: the `when` that routes, policies and priority rules share. Pure."""

from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct

from pulseops.incidents.events import Priority

Patterns: TypeAlias = tuple[str, ...]


class Selector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """Every field that is given must match, each by any one of its words; with none given, all incidents do.

    Case does not count. `*` stands for any characters, or none.
    """  # `dict` has room for what is worth making once: a report is held against every rule there is.

    priority: tuple[Priority, ...] = ()
    category: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    source: Patterns = ()
    service: Patterns = ()
    environment: Patterns = ()
    labels: dict[str, Patterns] = {}

    def reason(
        self,
        *,
        priority: str | None = None,
        category: str | None = None,
        team: str | None = None,
        source: str | None = None,
        service: str | None = None,
        environment: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> str | None:
        """Why it matches, as "category is database and service is orders"; None when it does not.

        The empty string when it is about all incidents.
        """
        if not self._asked and not self._labels:
            return ""
        given = (priority, category, team, source, service, environment)
        reasons = []
        for index, name, wanted in self._asked:
            value = given[index]
            if value is None or not wanted.matches(value):
                return None
            reasons.append(f"{name} is {value}")
        for key, wanted in self._labels:
            value = (labels or {}).get(key)
            if value is None or not wanted.matches(value):
                return None
            reasons.append(f"label {key} is {value}")
        return " and ".join(reasons)

    @cached_property
    def _asked(self) -> list[tuple[int, str, "Wanted"]]:
        """The fields that are given, by their place in the order of the signature of `reason`."""
        names = ("priority", "category", "team", "source", "service", "environment")
        words = ((index, name, getattr(self, name)) for index, name in enumerate(names))
        return [(index, name, Wanted(patterns)) for index, name, patterns in words if patterns]

    @cached_property
    def _labels(self) -> list[tuple[str, "Wanted"]]:
        return [(key, Wanted(patterns)) for key, patterns in self.labels.items() if patterns]


def matches(patterns: Patterns, value: str) -> bool:
    """Whether any pattern is the value."""
    return Wanted(patterns).matches(value)


class Wanted:
    """Patterns made ready for use: worth making once."""

    def __init__(self, patterns: Patterns) -> None:
        folded = [pattern.casefold() for pattern in patterns]
        self._words = frozenset(pattern for pattern in folded if "*" not in pattern)
        self._pieces = [pattern.split("*") for pattern in folded if "*" in pattern]

    def matches(self, value: str) -> bool:
        folded = value.casefold()
        if folded in self._words:
            return True
        for pieces in self._pieces:  # noqa: SIM110 -- every rule comes by here for every report: no generator
            if _is(pieces, folded):
                return True
        return False


def _is(pieces: list[str], value: str) -> bool:
    """The pieces between stars, one after the other, each at its first place: there is no backtracking."""
    head, *middle, tail = pieces
    if not value.startswith(head):
        return False
    at = len(head)
    for piece in middle:
        at = value.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(value) - at >= len(tail) and value.endswith(tail)
