"""given / when / then: two incidents that are one fault, and that are not after all."""

from uuid import UUID

import pytest

from pulseops.incidents.commands import Absorb, Command, Merge, Release, Split
from pulseops.incidents.decider import INCIDENT, claims
from pulseops.incidents.events import (
    Absorbed,
    Acknowledged,
    Created,
    Decision,
    IncidentFact,
    Merged,
    Released,
    Reopened,
    Resolved,
)
from pulseops.incidents.events import Split as SplitOff
from pulseops.incidents.joining import MOST_MERGED
from pulseops.kernel.decider import Claims
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NotFound
from tests.scenario import STREAM, given

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")
CREATED = Created(title="Disk full", dedup_key="db-1/disk")
OTHER, THIRD = UUID(int=7), UUID(int=8)
MERGED = Merged(into=OTHER)
OVER = Resolved(resolution="duplicate", decision=WHY)


@pytest.mark.parametrize(
    "command", [Merge(into=OTHER), Absorb(incident=OTHER), Split(), Release(incident=OTHER)]
)
def test_what_was_never_reported_is_nobodys_other_half(command: Command) -> None:
    given(INCIDENT).when(command).then_refused(NotFound)


@pytest.mark.parametrize("history", [(), (Acknowledged(),), (Absorbed(incident=THIRD),)])
def test_a_living_incident_is_merged_once(history: tuple[IncidentFact, ...]) -> None:
    command, fact = Merge(into=OTHER, note="The same disk."), Merged(into=OTHER, note="The same disk.")
    given(INCIDENT, CREATED, *history).when(command).then(fact)
    given(INCIDENT, CREATED, *history, fact).when(command).then()
    given(INCIDENT, CREATED, *history, fact, OVER).when(command).then()


def test_a_merged_incident_is_merged_nowhere_else() -> None:
    for history, status in (((MERGED,), "merged"), ((MERGED, OVER), "resolved"), ((Resolved(),), "resolved")):
        past = given(INCIDENT, CREATED, *history)
        assert past.when(Merge(into=THIRD)).then_refused(InvalidTransition).current == status


def test_an_incident_is_not_merged_into_itself() -> None:
    assert given(INCIDENT, CREATED).when(Merge(into=STREAM)).then_refused(InvalidInput).pointer == "/into"


def test_only_what_lives_by_itself_takes_another_in() -> None:
    command, fact = Absorb(incident=OTHER, note="It too."), Absorbed(incident=OTHER, note="It too.")
    given(INCIDENT, CREATED).when(command).then(fact)
    given(INCIDENT, CREATED, Acknowledged()).when(command).then(fact)
    given(INCIDENT, CREATED, fact).when(command).then()
    given(INCIDENT, CREATED, fact, Resolved()).when(command).then()
    for over, status in ((Resolved(), "resolved"), (Merged(into=THIRD), "merged")):
        error = given(INCIDENT, CREATED, over).when(command).then_refused(InvalidTransition)
        assert error.current == status


def test_what_takes_in_others_is_full_one_day() -> None:
    many = [Absorbed(incident=UUID(int=number)) for number in range(100, 100 + MOST_MERGED)]
    given(INCIDENT, CREATED, *many[1:]).when(Absorb(incident=OTHER)).then(Absorbed(incident=OTHER))
    given(INCIDENT, CREATED, *many).when(Absorb(incident=OTHER)).then_refused(InvalidTransition)


@pytest.mark.parametrize("history", [(MERGED,), (MERGED, OVER)])
def test_what_is_split_off_is_open_by_itself(history: tuple[IncidentFact, ...]) -> None:
    past = given(INCIDENT, CREATED, Acknowledged(), *history)
    past.when(Split(note="Another disk.")).then(SplitOff(origin=OTHER, note="Another disk."))
    state = given(INCIDENT, CREATED, Acknowledged(), *history, SplitOff(origin=OTHER)).state
    assert state is not None
    assert (state.status, state.merged_into) == ("open", None)
    assert {state.acknowledged_by, state.resolved_by, state.resolved_at, state.resolution} == {None}


def test_what_stands_by_itself_is_not_split_off() -> None:
    for history in ((), (MERGED, SplitOff(origin=OTHER)), (Resolved(),)):
        given(INCIDENT, CREATED, *history).when(Split()).then()


def test_what_was_taken_in_is_let_go_of_once() -> None:
    joined = (Absorbed(incident=OTHER), Absorbed(incident=THIRD))
    command, fact = (
        Release(incident=OTHER, note="Another disk."),
        Released(incident=OTHER, note="Another disk."),
    )
    for over in ((), (Resolved(),)):
        given(INCIDENT, CREATED, *joined, *over).when(command).then(fact)
    gone = given(INCIDENT, CREATED, *joined, fact)
    gone.when(command).then()
    given(INCIDENT, CREATED).when(command).then()
    assert gone.state is not None
    assert gone.state.merged == (THIRD,)


def test_a_merged_incident_holds_its_dedup_key_and_one_that_begins_anew_takes_it_again() -> None:
    state = given(INCIDENT, CREATED).state
    assert claims(MERGED, state) == Claims()
    assert claims(Absorbed(incident=OTHER), state) == Claims()
    for fact in (Reopened(), SplitOff(origin=OTHER)):
        assert claims(fact, state) == Claims(take="dedup:db-1/disk")
        assert claims(fact, given(INCIDENT, Created(title="Slow")).state) == Claims()
