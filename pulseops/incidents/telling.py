"""What happened to an incident and why, each fact in a sentence and its reasons. Pure."""

from datetime import timedelta

from msgspec import Struct

from pulseops.incidents.events import (
    Absorbed,
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Decision,
    Edited,
    Escalated,
    ImpactDeclared,
    IncidentFact,
    Linked,
    Merged,
    PriorityChanged,
    Released,
    Reopened,
    Resolved,
    Snoozed,
    Split,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.durations import span

_WORTH_SAYING = timedelta(seconds=1)
_VERBS = {
    "CREATED": "Reported",
    "CLASSIFIED": "Classified as",
    "ASSIGNED": "Assigned",
    "ACKNOWLEDGED": "Acknowledged",
    "UNACKNOWLEDGED": "No longer acknowledged,",
    "SNOOZED": "Snoozed",
    "UNSNOOZED": "Awake again,",
    "ESCALATED": "Escalated",
    "PRIORITY_CHANGED": "Priority",
    "CATEGORY_CHANGED": "Category",
    "EDITED": "Edited",
    "COMMENTED": "Comment",
    "LINKED": "Linked",
    "MERGED": "Merged",
    "ABSORBED": "Took in",
    "SPLIT": "Split",
    "RELEASED": "Let go of",
    "IMPACT_DECLARED": "Impact:",
    "RESOLVED": "Resolved",
    "REOPENED": "Reopened",
}


class Told(Struct, frozen=True):
    """`words` follow the name of the event; `why` are the reasons: rules in their own words, or a note."""

    words: str
    why: tuple[str, ...] = ()


def sentence(fact: IncidentFact, words: str) -> str:
    """`words` as they stand by themselves."""
    return f"{_VERBS[fact.type]} {words}."


def tell(fact: IncidentFact, actor: str) -> Told:
    """What happened, who made it happen, and why."""
    match fact:
        case Created():
            return Told(_reported(fact, actor))
        case Classified():
            return Told(
                f"{fact.priority} · {fact.category}",
                (
                    f"{fact.priority}: {reason(fact.priority_decision)}",
                    f"{fact.category}: {reason(fact.category_decision)}",
                ),
            )
        case Assigned():
            whose = f"to team {fact.team}" + (f", {fact.responder}" if fact.responder else "")
            if fact.decision.rule == "manual":
                return Told(f"{whose}, by {actor}", _note(fact.note))
            return Told(whose, (reason(fact.decision),))
        case Escalated():
            late = timedelta(seconds=fact.late_by)
            lateness = f", {span(late)} late" if late >= _WORTH_SAYING else ""
            return Told(
                f"to {fact.to} (level {fact.level}{lateness})", (reason(fact.decision), *_note(fact.note))
            )
        case PriorityChanged() | CategoryChanged():
            return _changed(fact, actor)
        case Acknowledged() | Reopened():
            return Told(f"by {actor}", _note(fact.note))
        case Unacknowledged() | Unsnoozed():
            return Told(f"by {actor}", _because(fact.decision, fact.note))
        case Snoozed():
            return Told(f"until {fact.until:%Y-%m-%d %H:%M %Z}, by {actor}", _note(fact.note))
        case Edited():
            parts = {"title": fact.title, "description": fact.description, "labels": fact.labels}
            changed = ", ".join(name for name, value in parts.items() if value is not None)
            return Told(f"by {actor}: {changed}", _note(fact.note))
        case Commented():
            return Told(f"by {actor}", _note(fact.text))
        case Linked():
            return Told(_linked(fact, actor), _note(fact.note))
        case Merged():
            return Told(f"into {fact.into}, by {actor}", _note(fact.note))
        case Split():
            return Told(f"from {fact.origin}, by {actor}", _note(fact.note))
        case Absorbed() | Released():
            return Told(f"{fact.incident}, by {actor}", _note(fact.note))
        case ImpactDeclared():
            return Told(_impact(fact, actor), _note(fact.note))
        case Resolved():
            how = f" as {fact.resolution.replace('_', ' ')}" if fact.resolution else ""
            cause = f", because of {fact.cause}" if fact.cause else ""
            return Told(f"by {actor}{how}{cause}", _because(fact.decision, fact.note))


def reason(decision: Decision) -> str:
    """The decision's own words, then its rule and evidence."""
    why = decision.why.rstrip(".") or "no reason given"
    version = f" of {decision.rules_version}" if decision.rules_version else ""
    rule = f"rule {decision.rule}{version}"
    evidence = f", on {', '.join(decision.evidence)}" if decision.evidence else ""
    return f"{why} ({rule}{evidence})"


def _reported(fact: Created, actor: str) -> str:
    words = f"by {actor or fact.source}"
    if actor and fact.source != "user":
        words += f" through {fact.source}"
    if fact.service is not None:
        words += f", for {fact.service}"
    if fact.environment is not None:
        words += f" in {fact.environment}"
    if fact.priority is not None:
        words += f"; reported as {fact.priority}"
    return words


def _changed(fact: PriorityChanged | CategoryChanged, actor: str) -> Told:
    new = fact.priority if isinstance(fact, PriorityChanged) else fact.category
    was = f" instead of {fact.was}" if fact.was else ""
    how = "corrected to" if fact.correction else "changed to"
    return Told(f"{how} {new}{was}, by {actor}", _note(fact.note))


def _linked(fact: Linked, actor: str) -> str:
    other = fact.url if fact.incident is None else f"incident {fact.incident}"
    relation = {"related": "to", "causes": "as the cause of", "caused_by": "as caused by"}[fact.relation]
    called = f" ({fact.title})" if fact.title else ""
    return f"{relation} {other}{called}, by {actor}"


def _impact(fact: ImpactDeclared, actor: str) -> str:
    services = ", ".join(fact.services) or "no service"
    customers = "" if fact.customers is None else f", {fact.customers:,} customers"
    return f"{services}{customers}, by {actor}"


def _because(decision: Decision | None, note: str) -> tuple[str, ...]:
    return _note(note) if decision is None else (reason(decision), *_note(note))


def _note(note: str) -> tuple[str, ...]:
    return (f"“{note}”",) if note else ()
