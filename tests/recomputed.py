"""What analysts' numbers should be, told again from the facts of incidents in plain lines of Python."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

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
Past = dict[UUID, list[Recorded[IncidentFact]]]

_BEGINS, _ENDS = (Created, Reopened, Split), (Resolved, Merged)
_LETS_GO = (Unacknowledged, Unsnoozed, *_ENDS)
_KINDS: dict[str, tuple[tuple[type, ...], tuple[type, ...]]] = {
    "live": (_BEGINS, _ENDS),
    "assigned": ((Assigned,), (Assigned,)),
    "acknowledged": ((Acknowledged,), (Acknowledged, *_LETS_GO)),
    "snoozed": ((Snoozed,), (Snoozed, Acknowledged, *_LETS_GO)),
    "escalated": ((Escalated,), (Escalated, Acknowledged, Assigned, PriorityChanged, *_LETS_GO)),
}


def _of(facts: Iterable[Recorded[IncidentFact]], *kinds: type) -> list[Recorded[IncidentFact]]:
    return [one for one in facts if isinstance(one.fact, kinds)]


def _last(facts: Iterable[Recorded[IncidentFact]], field: str, *kinds: type) -> Any:
    found = _of(facts, *kinds)
    return getattr(found[-1].fact, field, None) if found else None


def _whose(facts: Facts) -> dict[str, Any]:
    return {
        "team": _last(facts, "team", Assigned),
        "priority": _last(facts, "priority", Created, Classified, PriorityChanged),
        "category": _last(facts, "category", Classified, CategoryChanged),
    }


def stints(incident_id: UUID, facts: Facts) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for n, one in enumerate(facts):
        for kind, (begins, ends) in _KINDS.items():
            if not isinstance(one.fact, begins):
                continue
            end = next((later for later in facts[n + 1 :] if isinstance(later.fact, ends)), None)
            until = end.fact if end else None
            reach = facts[: n + 1] if kind != "live" else facts[: facts.index(end) + 1] if end else ()
            waits = _of(facts[:n], *_BEGINS, Unacknowledged, Unsnoozed, Acknowledged)
            fact: Any = one.fact
            rows.append(
                {
                    "incident_id": incident_id,
                    "version": one.version,
                    "kind": kind,
                    "from_at": one.recorded_at,
                    "until_at": end.recorded_at if end else None,
                    "ended": until.type if until else None,
                    "begun_by": one.meta.actor,
                    "ended_by": end.meta.actor if end else None,
                    "team": _whose(reach)["team"],
                    "priority": _whose(reach)["priority"],
                    "waiting_since": waits[-1].recorded_at
                    if kind == "acknowledged" and not isinstance(waits[-1].fact, Acknowledged)
                    else None,
                    "responder": getattr(fact, "responder", None),
                    "level": getattr(fact, "level", None),
                    "target": getattr(fact, "to", None),
                    "due_at": getattr(fact, "due_at", None),
                    "late_by": getattr(fact, "late_by", None),
                    "resolution": getattr(until, "resolution", None),
                    "position": one.position,
                }
            )
    return rows


def response(incident_id: UUID, facts: Facts) -> dict[str, Any]:
    def at(one: Recorded[IncidentFact] | None) -> datetime | None:
        return one.recorded_at if one else None

    def by(one: Recorded[IncidentFact] | None) -> str | None:
        return one.meta.actor if one else None

    def first(*kinds: type) -> Recorded[IncidentFact] | None:
        return next(iter(_of(facts, *kinds)), None)

    def lasting(kind: str) -> float:
        spans = [(one["from_at"], one["until_at"]) for one in told if one["kind"] == kind]
        return sum((end - begin for begin, end in spans if end), timedelta()).total_seconds()

    told = stints(incident_id, facts)
    created: Any = facts[0].fact
    lives = [one for one in told if one["kind"] == "live"]
    ends = {(one["until_at"], one["ended_by"]): one for one in lives if one["ended"] == "RESOLVED"}
    resolutions = [one for one in _of(facts, Resolved) if (one.recorded_at, one.meta.actor) in ends]
    outcome = {None: "live", "MERGED": "merged", "RESOLVED": "resolved"}[lives[-1]["ended"]]
    end = resolutions[-1] if outcome == "resolved" else None
    how: Any = end.fact if end else None
    answers = [
        one
        for one in _of(facts, Acknowledged, Resolved)
        if not (
            isinstance(one.fact, Resolved)
            and (one.fact.decision is not None or one.fact.resolution == "recovered")
        )
    ]
    answer = answers[0] if answers else None
    before = _whose(facts[: facts.index(answer)] if answer else ())
    classified: Any = getattr(first(Classified), "fact", None)
    assigned = _of(facts, Assigned)
    return {
        "incident_id": incident_id,
        "outcome": outcome,
        "source": created.source,
        "service": created.service,
        "environment": created.environment,
        **_whose(facts),
        "first_team": getattr(assigned[0].fact, "team", None) if assigned else None,
        "first_priority": classified.priority if classified else None,
        "first_category": classified.category if classified else None,
        **{f"answered_{name}": value for name, value in before.items()},
        "created_at": facts[0].recorded_at,
        "classified_at": at(first(Classified)),
        "assigned_at": at(first(Assigned)),
        "escalated_at": at(first(Escalated)),
        "acknowledged_at": at(first(Acknowledged)),
        "acknowledged_by": by(first(Acknowledged)),
        "answered_at": at(answer),
        "answered_by": by(answer),
        "first_resolved_at": at(resolutions[0] if resolutions else None),
        "first_resolved_by": by(resolutions[0] if resolutions else None),
        "resolved_at": at(end),
        "resolved_by": by(end),
        "resolution": how.resolution if how else None,
        "resolved_automatically": (how.decision is not None or how.resolution == "recovered")
        if how
        else None,
        "live_since": lives[-1]["from_at"] if outcome == "live" else None,
        "acknowledgements": len(_of(facts, Acknowledged)),
        "unacknowledgements": len(_of(facts, Unacknowledged)),
        "escalations": len(_of(facts, Escalated)),
        "highest_level": max((one["level"] for one in told if one["kind"] == "escalated"), default=0),
        "reassignments": max(0, len(assigned) - 1),
        "snoozes": len(_of(facts, Snoozed)),
        "reopenings": len(_of(facts, Reopened)),
        "corrections": sum(
            getattr(one.fact, "correction", False) for one in _of(facts, PriorityChanged, CategoryChanged)
        ),
        "comments": len(_of(facts, Commented)),
        "absorbed": len(_of(facts, Absorbed)) - len(_of(facts, Released)),
        "live_seconds": lasting("live"),
        "acknowledged_seconds": lasting("acknowledged"),
        "snoozed_seconds": lasting("snoozed"),
        "updated_at": facts[-1].recorded_at,
        "version": facts[-1].version,
        "position": facts[-1].position,
        "created_position": facts[0].position,
    }


def every(past: Past) -> tuple[dict[Any, dict[str, Any]], dict[Any, dict[str, Any]]]:
    """Responses by incident, and stints by incident and version."""
    return (
        {incident: response(incident, facts) for incident, facts in past.items()},
        {
            (incident, row["version"]): row
            for incident, facts in past.items()
            for row in stints(incident, facts)
        },
    )
