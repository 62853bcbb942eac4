"""What happened to an incident and why, each event in a sentence or two. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pulseops.client.results import Entry, Plan
from pulseops.incidents import telling
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.events import FACTS
from pulseops.kernel.durations import span

_KINDS = {kind.type: kind for kind in FACTS}


def tell(entry: Entry) -> list[str]:
    """The server's sentences; ours, of an older server."""
    if entry.text:
        return [entry.text, *entry.why]
    return _sentences(entry.event, entry.details, entry.actor)


def tell_event(entry: EventEntry) -> list[str]:
    return _sentences(entry.type, msgspec.json.decode(entry.data), entry.actor)


def foretell(plan: Plan, now: datetime) -> list[str]:
    """Who has heard of an incident, who will, and what else the clock does to it."""
    told = [
        f"{_at(one.fired_at)}  level {one.level}  {one.to} heard of it"
        + (f", {span(timedelta(seconds=one.late_by))} late" if one.late_by >= 1 else "")
        for one in plan.heard
    ]
    planned = [(one.at, f"level {one.level}  {one.to} hears of it") for one in plan.planned]
    if plan.snoozed_until is not None:
        planned.append((plan.snoozed_until, "it is awake again"))
    if plan.unacknowledge_at is not None:
        planned.append((plan.unacknowledge_at, "its acknowledgement lapses"))
    if plan.resolve_at is not None:
        planned.append((plan.resolve_at, "it is resolved by itself"))
    told += [f"{_at(at)}  in {span(at - now)}  {what}" for at, what in sorted(planned)]
    if plan.because is not None:
        told.append(f"Nobody will hear of it: {plan.because.replace('-', ' ')}.")
    if plan.policy is not None:
        told.append(
            f"By policy {plan.policy} of {plan.rules_version}" + (f": {plan.why}" if plan.why else "")
        )
    return told


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def _sentences(event: str, details: Mapping[str, Any], actor: str) -> list[str]:
    """Of an event that this version does not know, its details as they came."""
    kind = _KINDS.get(event)
    try:
        if kind is not None:
            told = telling.tell(msgspec.convert(details, kind, strict=False), actor)
            return [told.words, *told.why]
    except msgspec.MsgspecError:
        pass
    return [json.dumps(details, ensure_ascii=False)]
