"""given / when / then over an incident's life."""

from datetime import timedelta

import pytest

from pulseops.incidents.commands import (
    Acknowledge,
    Assign,
    Classify,
    Command,
    Create,
    Escalate,
    Rejoin,
    Resolve,
)
from pulseops.incidents.decider import INCIDENT, claims
from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Classified,
    Created,
    Decision,
    Escalated,
    IncidentFact,
    Resolved,
)
from pulseops.kernel.decider import Claims
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NotFound
from tests.scenario import NOON, STREAM, given, record

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")
CREATED = Created(title="Disk full on db-1", source="monitoring", dedup_key="db-1/disk")
CLASSIFIED = Classified(priority="critical", category="storage", priority_decision=WHY, category_decision=WHY)
ASSIGNED = Assigned(team="storage", decision=WHY)
ACKNOWLEDGED = Acknowledged(note="on it")
RESOLVED = Resolved(note="freed 40 GB")

CLASSIFY = Classify(priority="critical", category="storage", priority_decision=WHY, category_decision=WHY)
ASSIGN = Assign(team="storage", decision=WHY)


def escalate(level: int) -> Escalate:
    return Escalate(
        level=level, to=f"level-{level}", policy="critical", due_at=NOON, late_by=0.5, decision=WHY
    )


def escalated(level: int) -> Escalated:
    return Escalated(
        level=level, to=f"level-{level}", policy="critical", due_at=NOON, late_by=0.5, decision=WHY
    )


def test_a_report_becomes_created_word_for_word() -> None:
    command = Create(
        title="Disk full",
        description="97 % used",
        source="webhook",
        service="db",
        environment="production",
        labels={"host": "db-1"},
        priority="high",
        dedup_key="db-1/disk",
    )
    given(INCIDENT).when(command).then(
        Created(
            title="Disk full",
            description="97 % used",
            source="webhook",
            service="db",
            environment="production",
            labels={"host": "db-1"},
            priority="high",
            dedup_key="db-1/disk",
        )
    )


def test_an_incident_is_created_once() -> None:
    given(INCIDENT, CREATED).when(Create(title="Again")).then_refused(InvalidTransition)


def test_a_report_joins_only_what_is_alive() -> None:
    for history in ((CREATED,), (CREATED, ACKNOWLEDGED)):
        given(INCIDENT, *history).when(Rejoin()).then()
    given(INCIDENT, CREATED, RESOLVED).when(Rejoin()).then_refused(InvalidTransition)
    given(INCIDENT).when(Rejoin()).then_refused(NotFound)


def test_a_report_may_be_about_the_past_and_about_a_clock_slightly_ahead() -> None:
    for moment in (NOON - timedelta(days=400), NOON + timedelta(minutes=10)):
        given(INCIDENT).when(Create(title="Late", occurred_at=moment)).then(Created(title="Late"))


def test_a_report_about_the_future_names_the_field() -> None:
    command = Create(title="Soon", occurred_at=NOON + timedelta(minutes=10, microseconds=1))
    assert given(INCIDENT).when(command).then_refused(InvalidInput).pointer == "/occurredAt"


@pytest.mark.parametrize("command", [CLASSIFY, ASSIGN, Acknowledge(), escalate(1), Resolve()])
def test_nothing_but_a_report_begins_an_incident(command: Command) -> None:
    given(INCIDENT).when(command).then_refused(NotFound)


def test_an_incident_is_classified_once() -> None:
    given(INCIDENT, CREATED).when(CLASSIFY).then(CLASSIFIED)
    given(INCIDENT, CREATED, CLASSIFIED).when(CLASSIFY).then()


def test_an_incident_is_assigned_once() -> None:
    given(INCIDENT, CREATED, CLASSIFIED).when(ASSIGN).then(ASSIGNED)
    given(INCIDENT, CREATED, CLASSIFIED, ASSIGNED).when(Assign(team="other", decision=WHY)).then()


def test_acknowledging_again_changes_nothing() -> None:
    given(INCIDENT, CREATED).when(Acknowledge(note="on it")).then(ACKNOWLEDGED)
    given(INCIDENT, CREATED, ACKNOWLEDGED).when(Acknowledge(note="me too")).then()


def test_a_resolved_incident_cannot_be_acknowledged() -> None:
    given(INCIDENT, CREATED, RESOLVED).when(Acknowledge()).then_refused(InvalidTransition)


def test_resolving_again_changes_nothing() -> None:
    given(INCIDENT, CREATED).when(Resolve(note="freed 40 GB")).then(RESOLVED)
    given(INCIDENT, CREATED, ACKNOWLEDGED).when(Resolve(note="freed 40 GB")).then(RESOLVED)
    given(INCIDENT, CREATED, RESOLVED).when(Resolve(note="twice")).then()


def test_an_unanswered_incident_climbs_level_by_level() -> None:
    given(INCIDENT, CREATED).when(escalate(1)).then(escalated(1))
    given(INCIDENT, CREATED, escalated(1)).when(escalate(2)).then(escalated(2))


def test_a_level_is_escalated_to_once_and_never_back() -> None:
    given(INCIDENT, CREATED, escalated(1), escalated(2)).when(escalate(2)).then()
    given(INCIDENT, CREATED, escalated(1), escalated(2)).when(escalate(1)).then()


@pytest.mark.parametrize("answer", [ACKNOWLEDGED, RESOLVED])
def test_an_answered_incident_is_not_escalated(answer: IncidentFact) -> None:
    given(INCIDENT, CREATED, escalated(1), answer).when(escalate(2)).then()


def test_the_state_tells_who_and_when_for_every_step() -> None:
    incident = given(
        INCIDENT,
        record(CREATED, 1, actor="key:probe", occurred_at=NOON - timedelta(hours=1)),
        record(CLASSIFIED, 2, actor="system:classification"),
        record(ASSIGNED, 3, actor="system:assignment"),
        record(escalated(1), 4, actor="system:escalation"),
        record(escalated(2), 5, actor="system:escalation"),
        record(ACKNOWLEDGED, 6, actor="key:ada"),
        record(RESOLVED, 7, actor="key:grace"),
    ).state
    assert incident is not None
    assert (incident.id, incident.version, incident.position) == (STREAM, 7, 107)
    assert (incident.status, incident.priority, incident.category) == ("resolved", "critical", "storage")
    assert (incident.assigned_team, incident.escalation_level, incident.escalated_to) == (
        "storage",
        2,
        "level-2",
    )
    assert (incident.acknowledged_by, incident.resolved_by) == ("key:ada", "key:grace")
    assert incident.occurred_at == NOON - timedelta(hours=1)
    seconds = [
        incident.created_at,
        incident.classified_at,
        incident.assigned_at,
        incident.escalated_at,
        incident.acknowledged_at,
        incident.resolved_at,
        incident.updated_at,
    ]
    assert seconds == [NOON + timedelta(seconds=second) for second in (1, 2, 3, 5, 6, 7, 7)]


def test_a_reporters_priority_stands_until_the_classification() -> None:
    created = Created(title="Slow", priority="low")
    before, after = given(INCIDENT, created).state, given(INCIDENT, created, CLASSIFIED).state
    assert before is not None
    assert after is not None
    assert (before.priority, after.priority) == ("low", "critical")


@pytest.mark.parametrize("history", [(CLASSIFIED,), (CREATED, CREATED)])
def test_a_history_that_cannot_be_is_refused(history: tuple[IncidentFact, ...]) -> None:
    with pytest.raises(TypeError):
        _ = given(INCIDENT, *history).state


def test_an_open_incident_holds_its_dedup_key_until_it_is_resolved() -> None:
    incident = given(INCIDENT, CREATED).state
    assert claims(CREATED, None) == Claims(take="dedup:db-1/disk")
    assert claims(ACKNOWLEDGED, incident) == Claims()
    assert claims(RESOLVED, incident) == Claims(release="dedup:db-1/disk")


def test_an_incident_without_a_dedup_key_claims_nothing() -> None:
    created = Created(title="Slow")
    assert claims(created, None) == Claims()
    assert claims(RESOLVED, given(INCIDENT, created).state) == Claims()
