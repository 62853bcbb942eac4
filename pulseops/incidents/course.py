"""The course of one incident, told from its facts in order: what it was for a while, and how it was answered.

It is what `sql/stints_v1.sql` and `sql/responses_v1.sql` say, a second time and in another way (see
projections/refolding.py). Pure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pulseops.incidents.events import (
    Absorbed,
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Escalated,
    IncidentFact,
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
from pulseops.kernel.envelope import Recorded

Facts = Sequence[Recorded[IncidentFact]]
Row = dict[str, Any]

_OVER = (Resolved, Merged)
_AWAKE = (Unacknowledged, Unsnoozed, *_OVER)
_BEGUN: Mapping[type, str] = {
    Created: "live",
    Reopened: "live",
    Split: "live",
    Assigned: "assigned",
    Acknowledged: "acknowledged",
    Snoozed: "snoozed",
    Escalated: "escalated",
}
_ENDED: Mapping[str, tuple[type, ...]] = {
    "live": _OVER,
    "assigned": (Assigned,),
    "acknowledged": (Acknowledged, *_AWAKE),
    "snoozed": (Snoozed, Acknowledged, *_AWAKE),
    "escalated": (Escalated, Acknowledged, Assigned, PriorityChanged, *_AWAKE),
}
_WAITS = (Created, Reopened, Split, Unacknowledged, Unsnoozed)


class _Whose:
    """The team, the priority and the category, as far as they are known."""

    def __init__(self) -> None:
        self.team: str | None = None
        self.priority: str | None = None
        self.category: str | None = None

    def hear(self, fact: IncidentFact) -> None:
        if isinstance(fact, Assigned):
            self.team = fact.team
        if isinstance(fact, Created | Classified | PriorityChanged):
            self.priority = fact.priority
        if isinstance(fact, Classified | CategoryChanged):
            self.category = fact.category

    def told(self, prefix: str = "") -> Row:
        return {f"{prefix}{name}": value for name, value in vars(self).items()}


def stints(facts: Facts) -> list[Row]:
    """Rows of incidents.stint, but for the log."""
    rows, open_rows, whose = list[Row](), list[Row](), _Whose()
    waiting: datetime | None = None
    for one in facts:
        whose.hear(one.fact)
        for row in [row for row in open_rows if isinstance(one.fact, _ENDED[row["kind"]])]:
            open_rows.remove(row)
            row |= {"until_at": one.recorded_at, "ended": one.fact.type, "ended_by": one.meta.actor}
            row["resolution"] = one.fact.resolution if isinstance(one.fact, Resolved) else None
            if row["kind"] == "live":
                row |= {"team": whose.team, "priority": whose.priority}
        if (kind := _BEGUN.get(type(one.fact))) is not None:
            row = _begun(one, kind, whose, waiting)
            rows.append(row)
            open_rows.append(row)
        if isinstance(one.fact, _WAITS):
            waiting = one.recorded_at
        elif isinstance(one.fact, Acknowledged):
            waiting = None
    return rows


def _begun(one: Recorded[IncidentFact], kind: str, whose: _Whose, waiting: datetime | None) -> Row:
    level = one.fact if isinstance(one.fact, Escalated) else None
    return {
        "incident_id": one.stream_id,
        "version": one.version,
        "kind": kind,
        "from_at": one.recorded_at,
        "until_at": None,
        "ended": None,
        "begun_by": one.meta.actor,
        "ended_by": None,
        "team": None if kind == "live" else whose.team,
        "priority": None if kind == "live" else whose.priority,
        "waiting_since": waiting if kind == "acknowledged" else None,
        "responder": one.fact.responder if isinstance(one.fact, Assigned) else None,
        "level": None if level is None else level.level,
        "target": None if level is None else level.to,
        "due_at": None if level is None else level.due_at,
        "late_by": None if level is None else level.late_by,
        "resolution": None,
        "position": one.position,
    }


def response(facts: Facts) -> Row:
    """The row of incidents.response, but for the log. Raises ValueError for what was never created."""
    created = facts[0].fact
    if not isinstance(created, Created):
        raise ValueError("An incident has facts, but was never created.")  # noqa: TRY004 -- it is no wrong type
    rows, many = stints(facts), Counter(type(one.fact) for one in facts)
    whose, before = _Whose(), dict.fromkeys(("answered_team", "answered_priority", "answered_category"))
    first = dict[type, Recorded[IncidentFact]]()
    answer: Recorded[IncidentFact] | None = None
    for one in facts:
        if answer is None and _answers(one.fact):
            answer, before = one, whose.told("answered_")
        whose.hear(one.fact)
        first.setdefault(type(one.fact), one)
    classified, assigned = first.get(Classified), first.get(Assigned)
    named = classified.fact if classified and isinstance(classified.fact, Classified) else None
    return {
        "incident_id": facts[0].stream_id,
        "source": created.source,
        "service": created.service,
        "environment": created.environment,
        **whose.told(),
        "first_team": assigned.fact.team if assigned and isinstance(assigned.fact, Assigned) else None,
        "first_priority": None if named is None else named.priority,
        "first_category": None if named is None else named.category,
        **before,
        "created_at": facts[0].recorded_at,
        "classified_at": _at(classified),
        "assigned_at": _at(assigned),
        "escalated_at": _at(first.get(Escalated)),
        "acknowledged_at": _at(first.get(Acknowledged)),
        "acknowledged_by": _by(first.get(Acknowledged)),
        "answered_at": _at(answer),
        "answered_by": _by(answer),
        **_outcome(facts),
        "acknowledgements": many[Acknowledged],
        "unacknowledgements": many[Unacknowledged],
        "escalations": many[Escalated],
        "highest_level": max((row["level"] for row in rows if row["kind"] == "escalated"), default=0),
        "reassignments": max(0, many[Assigned] - 1),
        "snoozes": many[Snoozed],
        "reopenings": many[Reopened],
        "corrections": sum(
            one.fact.correction for one in facts if isinstance(one.fact, PriorityChanged | CategoryChanged)
        ),
        "comments": many[Commented],
        "absorbed": many[Absorbed] - many[Released],
        **{f"{kind}_seconds": _seconds(rows, kind) for kind in ("live", "acknowledged", "snoozed")},
        "updated_at": facts[-1].recorded_at,
        "version": facts[-1].version,
        "position": facts[-1].position,
        "created_position": facts[0].position,
    }


def _outcome(facts: Facts) -> Row:
    """How it ended, if it did. What is over is not resolved or merged once more."""
    resolved, live_since, over = list[Recorded[IncidentFact]](), None, "live"
    for one in facts:
        if _BEGUN.get(type(one.fact)) == "live":
            live_since, over = one.recorded_at, "live"
        elif over == "live" and isinstance(one.fact, _OVER):
            over = "merged" if isinstance(one.fact, Merged) else "resolved"
            resolved += [one] if isinstance(one.fact, Resolved) else []
    last = resolved[-1] if over == "resolved" else None
    how = last.fact if last is not None and isinstance(last.fact, Resolved) else None
    return {
        "outcome": over,
        "first_resolved_at": _at(resolved[0] if resolved else None),
        "first_resolved_by": _by(resolved[0] if resolved else None),
        "resolved_at": _at(last),
        "resolved_by": _by(last),
        "resolution": None if how is None else how.resolution,
        "resolved_automatically": None if how is None else _automatic(how),
        "live_since": live_since if over == "live" else None,
    }


def _answers(fact: IncidentFact) -> bool:
    return isinstance(fact, Acknowledged) or (isinstance(fact, Resolved) and not _automatic(fact))


def _automatic(fact: Resolved) -> bool:
    return fact.decision is not None or fact.resolution == "recovered"


def _at(one: Recorded[IncidentFact] | None) -> datetime | None:
    return None if one is None else one.recorded_at


def _by(one: Recorded[IncidentFact] | None) -> str | None:
    return None if one is None else one.meta.actor


def _seconds(rows: Sequence[Row], kind: str) -> float:
    """To the last digit as PostgreSQL has it, which adds days and times of the day apart."""
    spans: list[timedelta] = [
        row["until_at"] - row["from_at"] for row in rows if row["kind"] == kind and row["until_at"]
    ]
    rest = sum((one - timedelta(days=one.days) for one in spans), timedelta())
    return rest.total_seconds() + 86_400.0 * sum(one.days for one in spans)
