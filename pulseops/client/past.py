"""What the server answers about moments of before, and about what changed between two."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class Point(Struct, frozen=True, kw_only=True, rename="camel"):
    """A moment as history has it: its newest event. Before the first one `position` is 0."""

    position: int
    recorded_at: datetime | None = None


class RulesApplied(Struct, frozen=True, kw_only=True, rename="camel"):
    """That rules were applied: where in the log, when, by which process, and their sections' versions."""

    position: int
    recorded_at: datetime
    process: str
    sha256: str
    versions: dict[str, str]


class Rules(RulesApplied, frozen=True, kw_only=True, rename="camel"):
    """All rules, defaults included; `text` is the operator's own file to the letter."""

    classification: dict[str, Any]
    assignment: dict[str, Any]
    escalation: dict[str, Any]
    text: str = ""


class RulesDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """What rules there were, and which were applied between; `diff` is a unified one, of them all as YAML."""

    since: Point = field(name="from")
    until: Point = field(name="to")
    before: RulesApplied | None = None
    after: RulesApplied | None = None
    applied: tuple[RulesApplied, ...] = ()
    diff: str = ""
