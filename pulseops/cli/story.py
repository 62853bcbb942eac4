"""What happened to an incident and why, each event in a sentence or two. Pure."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from pulseops.cli.words import span
from pulseops.incidents.events import (
    FACTS,
    Acknowledged,
    Assigned,
    Classified,
    Created,
    Decision,
    Escalated,
    IncidentFact,
    Resolved,
)
from pulseops.incidents.incident import Incident

_KINDS = {kind.type: kind for kind in FACTS}
_WORTH_SAYING = timedelta(seconds=1)


class Entry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an incident's timeline, as the server tells it."""

    event: str
    timestamp: datetime
    actor: str = ""
    details: Raw = Raw(b"{}")


class Seen(Incident, frozen=True, kw_only=True, rename="camel"):
    """An incident with all that happened to it."""

    timeline: tuple[Entry, ...] = ()


def tell(entry: Entry) -> list[str]:
    """The sentences; of an event that this version does not know, its details as they came."""
    kind = _KINDS.get(entry.event)
    if kind is None:
        return [_as_it_came(entry)]
    try:
        fact = msgspec.json.decode(entry.details, type=kind)
    except msgspec.MsgspecError:
        return [_as_it_came(entry)]
    return _sentences(fact, entry.actor)


def _as_it_came(entry: Entry) -> str:
    return bytes(entry.details).decode("utf-8", "replace")


def _sentences(fact: IncidentFact, actor: str) -> list[str]:
    match fact:
        case Created():
            return [_reported(fact, actor)]
        case Classified():
            return [
                f"{fact.priority} · {fact.category}",
                f"{fact.priority}: {_reason(fact.priority_decision)}",
                f"{fact.category}: {_reason(fact.category_decision)}",
            ]
        case Assigned():
            return [f"to team {fact.team}", _reason(fact.decision)]
        case Acknowledged():
            return [f"by {actor}", *_note(fact.note)]
        case Escalated():
            late = timedelta(seconds=fact.late_by)
            lateness = f", {span(late)} late" if late >= _WORTH_SAYING else ""
            return [f"to {fact.to} (level {fact.level}{lateness})", _reason(fact.decision)]
        case Resolved():
            return [f"by {actor}", *_note(fact.note)]


def _reported(fact: Created, actor: str) -> str:
    sentence = f"by {actor or fact.source}"
    if actor and fact.source != "user":
        sentence += f" through {fact.source}"
    if fact.service is not None:
        sentence += f", for {fact.service}"
    if fact.environment is not None:
        sentence += f" in {fact.environment}"
    if fact.priority is not None:
        sentence += f"; reported as {fact.priority}"
    return sentence


def _reason(decision: Decision) -> str:
    """The decision's own words, then its rule and evidence."""
    why = decision.why.rstrip(".") or "no reason given"
    rule = f"rule {decision.rule} of {decision.rules_version}"
    evidence = f", on {', '.join(decision.evidence)}" if decision.evidence else ""
    return f"{why} ({rule}{evidence})"


def _note(note: str) -> list[str]:
    return [f"“{note}”"] if note else []
