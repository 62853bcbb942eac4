"""given / when / then: answering an incident, leaving it again, waiting, ending it, and beginning anew."""

from datetime import timedelta
from uuid import UUID

import pytest

from pulseops.incidents.commands import (
    Acknowledge,
    Command,
    Conclude,
    Escalate,
    Lapse,
    Reassign,
    Reopen,
    Resolve,
    Snooze,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Created,
    Decision,
    Escalated,
    IncidentFact,
    Merged,
    PriorityChanged,
    Reopened,
    Resolved,
    Snoozed,
    Split,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NotFound
from tests.scenario import NOON, given

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")
BY_HAND = Decision(decided_by="key:tester", rule="manual", rules_version="", why="Somebody said so.")
OTHER = UUID(int=7)
LATER = NOON + timedelta(hours=1)
CREATED = Created(title="Disk full on db-1")
ASSIGNED = Assigned(team="storage", decision=WHY)
MERGED = Merged(into=OTHER)
ESCALATED = Escalated(level=1, to="lead", policy="critical", due_at=NOON, late_by=0.5, decision=WHY)


def lapse(what: str) -> Lapse:
    return Lapse(what=what, due_at=LATER, decision=WHY)  # type: ignore[arg-type]  # a word from a table


LIVING: list[Command] = [
    Acknowledge(),
    Unacknowledge(),
    Snooze(until=LATER),
    Unsnooze(),
    Reassign(team="network"),
]


@pytest.mark.parametrize("command", [*LIVING, lapse("incident"), Conclude(decision=WHY), Reopen()])
def test_what_was_never_reported_is_not_answered(command: Command) -> None:
    given(INCIDENT).when(command).then_refused(NotFound)


@pytest.mark.parametrize("command", LIVING)
def test_what_is_over_says_that_it_is(command: Command) -> None:
    error = given(INCIDENT, CREATED, Resolved()).when(command).then_refused(InvalidTransition)
    assert error.current == "resolved"


@pytest.mark.parametrize("command", [*LIVING, Resolve(), Reopen()])
@pytest.mark.parametrize("history", [(MERGED,), (MERGED, Resolved(resolution="duplicate"))])
def test_what_was_merged_is_answered_where_it_lives_on(
    command: Command, history: tuple[IncidentFact, ...]
) -> None:
    past = given(INCIDENT, CREATED, *history)
    error = past.when(command).then_refused(InvalidTransition)
    assert str(OTHER) in str(error)
    assert error.current == ("merged" if history == (MERGED,) else "resolved")


def test_an_answer_can_be_taken_back_and_given_again() -> None:
    given(INCIDENT, CREATED).when(Unacknowledge()).then()
    answered = given(INCIDENT, CREATED, ESCALATED, Acknowledged())
    answered.when(Unacknowledge(note="My shift ends.")).then(Unacknowledged(note="My shift ends."))
    left = given(INCIDENT, CREATED, ESCALATED, Acknowledged(), Unacknowledged())
    left.when(Unacknowledge()).then()
    left.when(Acknowledge()).then(Acknowledged())
    state = left.state
    assert state is not None
    assert (state.status, state.acknowledged_by, state.acknowledged_at) == ("open", None, None)
    assert (state.escalation_level, state.escalated_to) == (0, None)
    assert state.escalated_at is not None, "it was, once"


def test_who_answers_what_is_put_off_ends_its_snooze_whether_it_had_an_answer_or_not() -> None:
    for answered in ((), (Acknowledged(),)):
        asleep = given(INCIDENT, CREATED, *answered, Snoozed(until=LATER))
        asleep.when(Acknowledge(note="On it.")).then(Acknowledged(note="On it."))
    given(INCIDENT, CREATED, Acknowledged()).when(Acknowledge()).then()


def test_a_snooze_is_until_an_instant_that_is_to_come_and_not_far() -> None:
    reported = given(INCIDENT, CREATED)
    reported.when(Snooze(until=LATER, note="backup")).then(Snoozed(until=LATER, note="backup"))
    longest = NOON + timedelta(days=90)
    reported.when(Snooze(until=longest)).then(Snoozed(until=longest))
    for until in (NOON, longest + timedelta(microseconds=1)):
        assert reported.when(Snooze(until=until)).then_refused(InvalidInput).pointer == "/until"


def test_a_snooze_is_repeated_moved_and_ended() -> None:
    snoozed = given(INCIDENT, CREATED, Snoozed(until=LATER))
    snoozed.when(Snooze(until=LATER)).then()
    snoozed.when(Snooze(until=LATER), now=LATER + timedelta(hours=1)).then()
    sooner = LATER - timedelta(minutes=30)
    snoozed.when(Snooze(until=sooner)).then(Snoozed(until=sooner))
    snoozed.when(Unsnooze(note="It grows.")).then(Unsnoozed(note="It grows."))
    given(INCIDENT, CREATED).when(Unsnooze()).then()
    given(INCIDENT, CREATED, Snoozed(until=LATER), Unsnoozed()).when(Unsnooze()).then()


@pytest.mark.parametrize("fact", [Acknowledged(), Unacknowledged(), Unsnoozed(), MERGED, Resolved()])
def test_whatever_answers_it_ends_the_snooze(fact: IncidentFact) -> None:
    state = given(INCIDENT, CREATED, Snoozed(until=LATER), fact).state
    assert state is not None
    assert state.snoozed_until is None


def test_who_answers_what_was_answered_and_snoozed_ends_the_snooze() -> None:
    asleep = given(INCIDENT, CREATED, Acknowledged(), Snoozed(until=LATER))
    asleep.when(Acknowledge(note="Back.")).then(Acknowledged(note="Back."))
    given(INCIDENT, CREATED, Acknowledged(), Snoozed(until=LATER), Acknowledged()).when(Acknowledge()).then()


def test_who_wakes_needs_an_answer_again_also_when_there_was_one() -> None:
    state = given(INCIDENT, CREATED, ESCALATED, Acknowledged(), Snoozed(until=LATER), Unsnoozed()).state
    assert state is not None
    assert (state.status, state.acknowledged_by, state.escalation_level) == ("open", None, 0)


def test_a_snoozed_incident_is_escalated_only_when_somebody_asks() -> None:
    snoozed = given(INCIDENT, CREATED, Snoozed(until=LATER))
    command = Escalate(level=1, to="lead", policy="critical", due_at=NOON, late_by=0.5, decision=WHY)
    snoozed.when(command).then()
    asked = Escalate(
        level=1,
        to="lead",
        policy="critical",
        due_at=NOON,
        late_by=0.5,
        decision=WHY,
        asked=True,
        note="Help.",
    )
    told = Escalated(
        level=1, to="lead", policy="critical", due_at=NOON, late_by=0.5, decision=WHY, note="Help."
    )
    snoozed.when(asked).then(told)
    given(INCIDENT, CREATED, Acknowledged()).when(asked).then(told)
    given(INCIDENT, CREATED, ESCALATED).when(asked).then()
    for over, status in ((Resolved(), "resolved"), (MERGED, "merged")):
        error = given(INCIDENT, CREATED, over).when(asked).then_refused(InvalidTransition)
        assert error.current == status


def test_a_level_that_was_asked_for_before_it_all_began_anew_skips_nobody() -> None:
    third = Escalate(
        level=3, to="director", policy="critical", due_at=NOON, late_by=0.0, decision=WHY, asked=True
    )
    told = Escalated(level=3, to="director", policy="critical", due_at=NOON, late_by=0.0, decision=WHY)
    second = Escalated(level=2, to="lead", policy="critical", due_at=NOON, late_by=0.0, decision=WHY)
    given(INCIDENT, CREATED, ESCALATED, second).when(third).then(told)
    anew = given(INCIDENT, CREATED, ESCALATED, second, PriorityChanged(priority="critical"))
    assert anew.when(third).then_refused(InvalidTransition).current == "open"


def test_no_level_is_left_out_where_levels_begin_anew_while_somebody_asks_for_the_next() -> None:
    third = Escalate(level=3, to="lead", policy="critical", due_at=NOON, late_by=0, decision=WHY, asked=True)
    error = given(INCIDENT, CREATED, ESCALATED, ASSIGNED).when(third).then_refused(InvalidTransition)
    assert error.current == "open"
    assert "the next one is 1, not 3" in str(error)


@pytest.mark.parametrize(
    ("history", "command", "fact"),
    [
        ((Acknowledged(),), lapse("acknowledgement"), Unacknowledged(decision=WHY)),
        ((), lapse("acknowledgement"), None),
        ((Acknowledged(), Snoozed(until=LATER)), lapse("acknowledgement"), None),
        ((Resolved(),), lapse("acknowledgement"), None),
        ((Snoozed(until=LATER),), lapse("snooze"), Unsnoozed(decision=WHY)),
        ((Snoozed(until=LATER + timedelta(seconds=1)),), lapse("snooze"), None),
        ((), lapse("snooze"), None),
        ((), lapse("incident"), Resolved(resolution="timed_out", decision=WHY)),
        ((Acknowledged(),), lapse("incident"), Resolved(resolution="timed_out", decision=WHY)),
        ((Resolved(),), lapse("incident"), None),
        ((MERGED,), lapse("incident"), None),
        ((MERGED,), Conclude(decision=WHY), Resolved(resolution="duplicate", decision=WHY)),
        ((), Conclude(decision=WHY), None),
        ((MERGED, Resolved()), Conclude(decision=WHY), None),
    ],
)
def test_what_the_clock_asks_for_is_left_alone_when_somebody_was_quicker(
    history: tuple[IncidentFact, ...], command: Command, fact: IncidentFact | None
) -> None:
    given(INCIDENT, CREATED, *history).when(command).then(*([] if fact is None else [fact]))


def test_it_is_given_to_a_team_to_a_person_or_to_both() -> None:
    owned = given(INCIDENT, CREATED, ASSIGNED)
    owned.when(Reassign(team="network")).then(Assigned(team="network", decision=BY_HAND))
    owned.when(Reassign(responder="ada")).then(Assigned(team="storage", responder="ada", decision=BY_HAND))
    owned.when(Reassign(team="network", responder="ada")).then(
        Assigned(team="network", responder="ada", decision=BY_HAND)
    )
    noted = Decision(decided_by="key:tester", rule="manual", rules_version="", why="It is a switch.")
    owned.when(Reassign(team="network", note="It is a switch.")).then(
        Assigned(team="network", decision=noted, note="It is a switch.")
    )


def test_another_team_does_not_inherit_the_person() -> None:
    hers = given(INCIDENT, CREATED, Assigned(team="storage", responder="ada", decision=WHY))
    hers.when(Reassign(team="network")).then(Assigned(team="network", decision=BY_HAND))
    hers.when(Reassign(team="storage")).then()
    hers.when(Reassign(responder="ada")).then()
    hers.when(Reassign(team="storage", responder="ada")).then()


def test_giving_it_to_nobody_is_no_request() -> None:
    for history in ((CREATED,), (CREATED, ASSIGNED)):
        refused = given(INCIDENT, *history).when(Reassign()).then_refused(InvalidInput)
        assert refused.pointer == "/team"
    assert (
        given(INCIDENT, CREATED).when(Reassign(responder="ada")).then_refused(InvalidInput).pointer == "/team"
    )


@pytest.mark.parametrize(
    "fact",
    [
        ASSIGNED,
        Unacknowledged(),
        Unsnoozed(),
        PriorityChanged(priority="low"),
        Reopened(),
        Split(origin=OTHER),
    ],
)
def test_who_hears_of_it_begins_anew(fact: IncidentFact) -> None:
    state = given(INCIDENT, CREATED, ESCALATED, fact).state
    assert state is not None
    assert (state.escalation_level, state.escalated_to) == (0, None)


def test_the_end_says_how_and_why() -> None:
    command = Resolve(note="freed 40 GB", resolution="fixed", cause="a runaway log")
    fact = Resolved(note="freed 40 GB", resolution="fixed", cause="a runaway log")
    given(INCIDENT, CREATED, Snoozed(until=LATER)).when(command).then(fact)
    over = given(INCIDENT, CREATED, fact)
    for same in (Resolve(), command, Resolve(note="Me too.", cause="a runaway log")):
        over.when(same).then()
    for other in (Resolve(resolution="wont_fix"), Resolve(resolution="fixed", cause="another log")):
        assert over.when(other).then_refused(InvalidTransition).current == "resolved"
    state = over.state
    assert state is not None
    assert (state.resolution, state.cause, state.resolved_by) == ("fixed", "a runaway log", "key:tester")


def test_what_is_reopened_knows_nothing_of_its_end() -> None:
    over = (CREATED, ESCALATED, Acknowledged(), Resolved(resolution="fixed", cause="a log"))
    given(INCIDENT, *over).when(Reopen(note="Full again.")).then(Reopened(note="Full again."))
    for history in ((CREATED,), (CREATED, Acknowledged()), (*over, Reopened())):
        given(INCIDENT, *history).when(Reopen()).then()
    state = given(INCIDENT, *over, Reopened()).state
    assert state is not None
    assert (state.status, state.escalation_level) == ("open", 0)
    ended = (state.resolved_by, state.resolved_at, state.resolution, state.cause)
    assert {*ended, state.acknowledged_by, state.acknowledged_at} == {None}
