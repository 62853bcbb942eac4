"""The fact of what rules there are. Public, and for ever."""

from typing import Any

from pulseops.kernel.envelope import Fact


class RulesApplied(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A process began to judge, route and escalate by these rules, which are not those recorded before.

    The sections are all that decides, defaults included, as a rules file would say it; `text` is the
    operator's own file to the letter, empty where there is none. `sha256` is that of both.
    """

    type = "RULES.APPLIED"
    sha256: str
    process: str
    classification: dict[str, Any]
    assignment: dict[str, Any]
    escalation: dict[str, Any]
    text: str = ""


FACTS: tuple[type[RulesApplied], ...] = (RulesApplied,)
