"""The facts of an incident's life. Public, and for ever: other rooms react to these, never to the decider."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from msgspec import Struct

from pulseops.kernel.envelope import Fact

Priority = Literal["low", "medium", "high", "critical"]
Status = Literal["open", "acknowledged", "resolved", "merged"]
Resolution = Literal["fixed", "mitigated", "recovered", "false_alarm", "duplicate", "wont_fix", "timed_out"]
Relation = Literal["related", "causes", "caused_by"]


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
    """Whose it is: a team's and, when somebody said so, one person's. Who hears of it begins anew."""

    type = "ASSIGNED"
    team: str
    responder: str | None = None
    decision: Decision
    note: str = ""


class Acknowledged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody is on it: escalation stops."""

    type = "ACKNOWLEDGED"
    note: str = ""


class Unacknowledged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Nobody is on it any more, so escalation begins anew. `decision` is there when no person said so."""

    type = "UNACKNOWLEDGED"
    note: str = ""
    decision: Decision | None = None


class Snoozed(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Nobody is to hear of it before then."""

    type = "SNOOZED"
    until: datetime
    note: str = ""


class Unsnoozed(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It needs an answer again. `decision` is there when the time was up."""

    type = "UNSNOOZED"
    note: str = ""
    decision: Decision | None = None


class Escalated(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Nobody answered in time, or somebody asked for help, so the next level hears of it.

    `late_by` is in seconds after `due_at`.
    """

    type = "ESCALATED"
    level: int
    to: str
    policy: str
    due_at: datetime
    late_by: float
    decision: Decision
    note: str = ""


class PriorityChanged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How bad it is now. A `correction` says that it never was `was`: the classification was wrong."""

    type = "PRIORITY_CHANGED"
    priority: Priority
    was: Priority | None = None
    correction: bool = False
    note: str = ""


class CategoryChanged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Of what kind it is after all; `correction` as in PRIORITY_CHANGED."""

    type = "CATEGORY_CHANGED"
    category: str
    was: str | None = None
    correction: bool = False
    note: str = ""


class Edited(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What it says now; what is absent stays as it was. `labels` are all that there are then."""

    type = "EDITED"
    title: str | None = None
    description: str | None = None
    labels: dict[str, str] | None = None
    note: str = ""


class Commented(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody has something to say."""

    type = "COMMENTED"
    text: str


class Linked(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It has to do with another incident, or with a page. `relation` reads: this one `causes` the other."""

    type = "LINKED"
    incident: UUID | None = None
    url: str | None = None
    title: str = ""
    relation: Relation = "related"
    note: str = ""


class Merged(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It is the same fault as another incident, and lives on in that one."""

    type = "MERGED"
    into: UUID
    note: str = ""


class Absorbed(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Another incident was merged into this one."""

    type = "ABSORBED"
    incident: UUID
    note: str = ""


class Split(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It is another fault than that of `origin`, after all: open again, by itself."""

    type = "SPLIT"
    origin: UUID
    note: str = ""


class Released(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An incident that was merged into this one stands by itself again."""

    type = "RELEASED"
    incident: UUID
    note: str = ""


class ImpactDeclared(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who feels it. `customers` is how many; null while nobody knows."""

    type = "IMPACT_DECLARED"
    services: tuple[str, ...] = ()
    customers: int | None = None
    note: str = ""


class Resolved(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It is over. `decision` is there when no person said so."""

    type = "RESOLVED"
    note: str = ""
    resolution: Resolution | None = None
    cause: str | None = None
    decision: Decision | None = None


class Reopened(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It is not over after all: escalation begins anew."""

    type = "REOPENED"
    note: str = ""


IncidentFact = (
    Created
    | Classified
    | Assigned
    | Acknowledged
    | Unacknowledged
    | Snoozed
    | Unsnoozed
    | Escalated
    | PriorityChanged
    | CategoryChanged
    | Edited
    | Commented
    | Linked
    | Merged
    | Absorbed
    | Split
    | Released
    | ImpactDeclared
    | Resolved
    | Reopened
)
FACTS: tuple[type[IncidentFact], ...] = get_args(IncidentFact)
