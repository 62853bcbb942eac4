"""The facts of an incident's life. Public, and for ever: other rooms react to these, never to the decider."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from pulseops.kernel.envelope import Fact

Priority = Literal["low", "medium", "high", "critical"]
Status = Literal["open", "acknowledged", "resolved"]


class Candidate(Struct, frozen=True, rename="camel"):
    """A category that was weighed, and its share of the evidence, from 0 to 1."""

    category: str
    score: float


class Decision(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why a rule-made fact is as it is: who decided, by which rule of which version, on what evidence.

    `confidence` runs from 0 to 1; `candidates` are the best categories, the chosen one included.
    """

    decided_by: str
    rule: str
    rules_version: str
    why: str
    evidence: tuple[str, ...] = ()
    confidence: float | None = None
    candidates: tuple[Candidate, ...] = ()


class Created(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody or something reported an incident. `priority` is the reporter's own, when given."""

    type = "CREATED"
    title: str
    description: str = ""
    source: str = "user"
    service: str | None = None
    environment: str | None = None
    labels: dict[str, str] = {}
    priority: Priority | None = None
    dedup_key: str | None = None


class Classified(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How bad, and of what kind; each with its reason."""

    type = "CLASSIFIED"
    priority: Priority
    category: str
    priority_decision: Decision
    category_decision: Decision


class Assigned(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whose it is."""

    type = "ASSIGNED"
    team: str
    decision: Decision


class Acknowledged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody is on it: escalation stops."""

    type = "ACKNOWLEDGED"
    note: str = ""


class Escalated(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Nobody answered in time, so the next level hears of it. `late_by` is in seconds after `due_at`."""

    type = "ESCALATED"
    level: int
    to: str
    policy: str
    due_at: datetime
    late_by: float
    decision: Decision


class Resolved(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It is over."""

    type = "RESOLVED"
    note: str = ""


IncidentFact = Created | Classified | Assigned | Acknowledged | Escalated | Resolved
FACTS: tuple[type[IncidentFact], ...] = (Created, Classified, Assigned, Acknowledged, Escalated, Resolved)
