"""Which incidents a rule is about: the `when` that routes, policies and priority rules share. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from pulseops.incidents.events import Priority

Patterns: TypeAlias = tuple[str, ...]


class Selector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every field that is given must match, each by any one of its words; with none given, all incidents do.

    Case does not count. `*` stands for any characters, or none.
    """

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
        reasons = []
        for name, wanted, value in (
            ("priority", self.priority, priority),
            ("category", self.category, category),
            ("team", self.team, team),
            ("source", self.source, source),
            ("service", self.service, service),
            ("environment", self.environment, environment),
            *((f"label {key}", wanted, (labels or {}).get(key)) for key, wanted in self.labels.items()),
        ):
            if not wanted:
                continue
            if value is None or not matches(wanted, value):
                return None
            reasons.append(f"{name} is {value}")
        return " and ".join(reasons)


def matches(patterns: Patterns, value: str) -> bool:
    """Whether any pattern is the value."""
    folded = value.casefold()
    return any(_is(pattern.casefold(), folded) for pattern in patterns)


def _is(pattern: str, value: str) -> bool:
    """The pieces between stars, one after the other, each at its first place: there is no backtracking."""
    head, *rest = pattern.split("*")
    if not rest:
        return pattern == value
    if not value.startswith(head):
        return False
    *middle, tail = rest
    at = len(head)
    for piece in middle:
        at = value.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(value) - at >= len(tail) and value.endswith(tail)
