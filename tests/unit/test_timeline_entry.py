"""One fact, one entry: what a reader of the timeline is told."""

from datetime import timedelta
from typing import Any

import msgspec

from pulseops.incidents.answers import WithTimeline, extended, with_timeline
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Acknowledged, Created, Decision, Edited, Escalated, IncidentFact
from pulseops.incidents.timeline import TimelineEntry, entry
from pulseops.kernel.envelope import Recorded
from tests.scenario import NOON, record


def details(fact: IncidentFact) -> Any:
    """As they are written."""
    return msgspec.to_builtins(entry(record(fact)).details)


def test_an_entry_tells_what_when_who_and_where() -> None:
    fact = record(Acknowledged(note="on it"), 4, actor="key:ada", occurred_at=NOON - timedelta(minutes=5))
    assert entry(fact) == TimelineEntry(
        id=fact.event_id,
        event="ACKNOWLEDGED",
        text="Acknowledged by key:ada.",
        why=("“on it”",),
        timestamp=NOON + timedelta(seconds=4),
        occurred_at=NOON - timedelta(minutes=5),
        actor="key:ada",
        version=4,
        position=104,
        details=Acknowledged(note="on it"),
    )


def test_the_details_are_the_facts_own_fields_without_defaults() -> None:
    created = Created(title="Disk full", labels={"host": "db-1"}, dedup_key="db-1/disk")
    assert details(created) == {
        "title": "Disk full",
        "labels": {"host": "db-1"},
        "dedupKey": "db-1/disk",
    }
    assert details(Acknowledged()) == {}


def test_the_description_is_left_to_the_incident() -> None:
    created = Created(title="Disk full", description="97 % used")
    assert details(created) == {"title": "Disk full"}


def test_a_description_that_was_edited_is_part_of_the_story() -> None:
    assert details(Edited(description="99 % used")) == {"description": "99 % used"}


def test_a_rule_made_fact_says_why() -> None:
    why = Decision(decided_by="policy", rule="critical", rules_version="3", why="nobody answered for 5 min")
    fact = Escalated(level=1, to="on-call", policy="critical", due_at=NOON, late_by=0.25, decision=why)
    told = details(fact)
    assert told["decision"]["why"] == "nobody answered for 5 min"
    assert (told["level"], told["to"], told["lateBy"]) == (1, "on-call", 0.25)


def test_an_entry_speaks_camel_case_on_the_wire() -> None:
    fact = record(Acknowledged())
    wire = msgspec.json.decode(msgspec.json.encode(entry(fact)))
    assert wire == {
        "id": str(fact.event_id),
        "event": "ACKNOWLEDGED",
        "text": "Acknowledged by key:tester.",
        "why": [],
        "timestamp": "2026-03-01T12:00:01Z",
        "occurredAt": "2026-03-01T12:00:01Z",
        "actor": "key:tester",
        "version": 1,
        "position": 101,
        "details": {},
    }


def test_an_incident_with_its_timeline_is_what_its_description_says() -> None:
    facts: list[Recorded[IncidentFact]] = [
        record(Created(title="Disk full", description="97 % used")),
        record(Acknowledged(note="on it"), 2),
    ]
    incident = INCIDENT.fold(facts)
    assert incident is not None
    told = msgspec.json.decode(with_timeline(incident, facts), type=WithTimeline, strict=True)
    assert told == msgspec.convert(
        msgspec.to_builtins(extended(WithTimeline, incident, timeline=[entry(fact) for fact in facts])),
        WithTimeline,
    )
