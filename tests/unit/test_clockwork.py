"""given / then: the oracle of whatever runs out finds what is wrong, and is silent about what is right.

Seconds after noon; an acknowledgement holds for 10, and an incident that nobody touches for 60.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Commented,
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
from pulseops.kernel.envelope import Recorded
from tests.faults.clockwork import CLOCK, Policies, Terms, slips
from tests.scenario import NOON, STREAM, record

Moment = tuple[float, IncidentFact, str]

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")
POLICIES: Policies = {
    "high": Terms(
        steps=(timedelta(seconds=1), timedelta(seconds=2)),
        repeat=1,
        unacknowledge_after=timedelta(seconds=10),
        resolve_after=timedelta(seconds=60),
    ),
    "medium": Terms(steps=(timedelta(seconds=5),)),
}


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def hand(second: float, fact: IncidentFact) -> Moment:
    return second, fact, "key:tester"


def clock(second: float, fact: IncidentFact) -> Moment:
    return second, fact, CLOCK


def level(number: int, due: float, *, late: float = 0.0) -> Moment:
    """The clock's."""
    return clock(due + late, _escalated(number, due, late))


def _escalated(number: int, due: float, late: float = 0.0) -> Escalated:
    return Escalated(level=number, to="lead", policy="high", due_at=at(due), late_by=late, decision=WHY)


REPORTED = (
    hand(0, Created(title="Disk full on db-1")),
    (
        0,
        Classified(priority="high", category="disk", priority_decision=WHY, category_decision=WHY),
        "system:a",
    ),
    (0, Assigned(team="storage", decision=WHY), "system:b"),
)
HEARD = (level(1, 1), level(2, 3), level(3, 4), level(4, 6))
ANEW = (
    (hand(7, Resolved()), hand(8, Reopened())),
    (hand(7, Merged(into=STREAM)), hand(8, Split(origin=STREAM))),
    (hand(7, Acknowledged()), hand(8, Unacknowledged())),
    (hand(7, Snoozed(until=at(99))), hand(8, Unsnoozed())),
    (hand(8, Assigned(team="network", decision=WHY)),),
)
TIMED_OUT = Resolved(resolution="timed_out", decision=WHY)


class Given(Struct, frozen=True):
    moments: tuple[Moment, ...]

    def then(self, *told: str) -> None:
        """Exactly this is found; with no argument: nothing."""
        facts: Sequence[Recorded[Any]] = [
            replace(record(fact, version, actor=actor), recorded_at=at(second))
            for version, (second, fact, actor) in enumerate(self.moments, start=1)
        ]
        assert [slip.told for slip in slips(facts, POLICIES)] == list(told)


def given(*moments: Moment) -> Given:
    return Given((*REPORTED, *moments))


def test_a_history_that_is_right_is_silent() -> None:
    given(
        level(1, 1, late=0.5),
        level(2, 3.5),
        hand(4, Acknowledged()),
        hand(5, Commented(text="Looking.")),
        clock(14, Unacknowledged(decision=WHY)),
        *(level(number, due) for number, due in ((1, 15), (2, 17), (3, 18), (4, 20))),
        hand(21, Snoozed(until=at(30))),
        clock(30, Unsnoozed(decision=WHY)),
        *(level(number, due) for number, due in ((1, 31), (2, 33), (3, 34), (4, 36))),
        clock(90, TIMED_OUT),
    ).then()


@pytest.mark.parametrize(
    ("called_off", "lapse"),
    [
        ((hand(0.5, Acknowledged()),), level(1, 1)),
        ((hand(0.5, Snoozed(until=at(99))),), level(1, 1)),
        ((hand(0.5, Resolved()),), level(1, 1)),
        ((hand(0.5, Merged(into=STREAM)),), level(1, 1)),
        ((hand(0.5, Acknowledged()), hand(5, Unacknowledged())), clock(10.5, Unacknowledged())),
        ((hand(0.5, Acknowledged()), hand(5, Snoozed(until=at(99)))), clock(10.5, Unacknowledged())),
        ((hand(0.5, Acknowledged()), hand(5, Resolved())), clock(10.5, Unacknowledged())),
        ((hand(0.5, Snoozed(until=at(9))), hand(5, Unsnoozed())), clock(9, Unsnoozed())),
        ((hand(0.5, Snoozed(until=at(9))), hand(5, Acknowledged())), clock(9, Unsnoozed())),
        ((hand(0.5, Snoozed(until=at(9))), hand(5, Resolved())), clock(9, Unsnoozed())),
        ((hand(0.5, Snoozed(until=at(99))),), clock(60, TIMED_OUT)),
        ((hand(0.5, Resolved()),), clock(60, TIMED_OUT)),
        ((hand(0.5, Merged(into=STREAM)),), clock(60, TIMED_OUT)),
    ],
)
def test_what_was_called_off_does_not_run_out(called_off: tuple[Moment, ...], lapse: Moment) -> None:
    given(*called_off, lapse, hand(100, Resolved())).then(
        f"{lapse[1].type} came with nothing due, after the levels []"
    )


@pytest.mark.parametrize(
    ("begun_anew", "lapse"),
    [
        ((hand(0.5, Assigned(team="network", decision=WHY)),), level(1, 1)),
        ((hand(0.5, PriorityChanged(priority="medium")),), level(1, 1)),
        ((hand(0.5, Resolved()), hand(0.6, Reopened())), level(1, 1)),
        ((hand(0.5, Merged(into=STREAM)), hand(0.6, Split(origin=STREAM))), level(1, 1)),
        ((hand(0.5, Acknowledged()), hand(0.6, Unacknowledged())), level(1, 1)),
        ((hand(0.5, Snoozed(until=at(9))), hand(0.6, Unsnoozed())), level(1, 1)),
        ((hand(0.5, Snoozed(until=at(9))), hand(0.6, Snoozed(until=at(20)))), clock(9, Unsnoozed())),
        ((hand(0.5, Acknowledged()), hand(5, Assigned(team="a", decision=WHY))), clock(11, Unacknowledged())),
        ((hand(0.5, Acknowledged()), hand(5, CategoryChanged(category="a"))), clock(11, Unacknowledged())),
    ],
)
def test_what_began_anew_does_not_run_out_at_the_old_time(
    begun_anew: tuple[Moment, ...], lapse: Moment
) -> None:
    given(*begun_anew, lapse, hand(12, Resolved())).then(f"{lapse[1].type} came too early")


@pytest.mark.parametrize("begun", ANEW)
def test_what_begins_anew_is_owed_again_from_the_first_level(begun: tuple[Moment, ...]) -> None:
    given(*HEARD, *begun).then(
        "RESOLVED never came, after the levels []", "ESCALATED never came, after the levels []"
    )


@pytest.mark.parametrize("begun", ANEW)
def test_levels_of_the_wait_before_are_no_levels_of_this_one(begun: tuple[Moment, ...]) -> None:
    given(*HEARD[:1], *begun, level(2, 9), hand(12, Resolved())).then("was escalated to the level 2 after []")


def test_each_level_of_each_round_is_owed() -> None:
    given(*HEARD[:2], hand(3.5, Resolved())).then()
    given(*HEARD[:2]).then(
        "RESOLVED never came, after the levels [1, 2]", "ESCALATED never came, after the levels [1, 2]"
    )
    given(*HEARD, clock(60, TIMED_OUT)).then()


def test_no_level_comes_twice_and_none_after_the_last_round() -> None:
    over = hand(9, Resolved())
    given(*HEARD, level(5, 8), over).then("ESCALATED came with nothing due, after the levels [1, 2, 3, 4]")
    given(level(1, 1), level(1, 1), over).then(
        "ESCALATED came too early", "was escalated to the level 1 after [1]"
    )
    given(level(2, 1), over).then("was escalated to the level 2 after []")


def test_a_level_is_due_so_long_after_the_one_before_was_told() -> None:
    over, first = hand(9, Resolved()), level(1, 1, late=3)
    given(first, level(2, 6), over).then()
    given(first, level(2, 5.5), over).then("ESCALATED came too early")
    given(first, level(2, 6.5), over).then("ESCALATED was put off, and nobody had asked for it")
    given(first, clock(5.5, _escalated(2, 6)), over).then("ESCALATED came too early")


def test_a_level_that_somebody_asks_for_is_one_of_them() -> None:
    asked = hand(0.5, _escalated(1, 0.5))
    given(asked, level(2, 2.5), hand(3, Resolved())).then()
    given(asked, level(1, 1), hand(3, Resolved())).then(
        "ESCALATED came too early", "was escalated to the level 1 after [1]"
    )
    given(hand(0.5, Acknowledged()), hand(1, _escalated(2, 1)), hand(2, Resolved())).then(
        "was escalated to the level 2 after []"
    )


def test_an_acknowledgement_and_a_snooze_run_out_once() -> None:
    over = hand(20, Resolved())
    held, back = hand(0.5, Acknowledged()), clock(10.5, Unacknowledged())
    given(held, back, back, over).then("UNACKNOWLEDGED came with nothing due, after the levels []")
    given(held).then(
        "RESOLVED never came, after the levels []", "UNACKNOWLEDGED never came, after the levels []"
    )
    asleep, awake = hand(0.5, Snoozed(until=at(9))), clock(9, Unsnoozed())
    given(asleep, awake, awake, over).then("UNSNOOZED came with nothing due, after the levels []")
    given(asleep).then("UNSNOOZED never came, after the levels []")


def test_an_end_comes_once() -> None:
    end = clock(60, TIMED_OUT)
    given(*HEARD, end, end).then("RESOLVED came with nothing due, after the levels [1, 2, 3, 4]")
    given(*HEARD).then("RESOLVED never came, after the levels [1, 2, 3, 4]")


@pytest.mark.parametrize(
    "touch",
    [
        hand(15, Commented(text="Still here.")),
        hand(15, Assigned(team="network", decision=WHY)),
        hand(15, _escalated(5, 15)),
        hand(15, Acknowledged()),
    ],
)
def test_a_touch_puts_the_end_off(touch: Moment) -> None:
    given(*HEARD, touch, clock(60, TIMED_OUT)).then("RESOLVED came too early")
    given(*HEARD, touch, clock(75, TIMED_OUT)).then()


def test_of_what_the_clock_does_only_an_awakening_puts_the_end_off() -> None:
    held, back = hand(1.5, Acknowledged()), clock(11.5, Unacknowledged())
    given(level(1, 1), held, back, clock(61.5, TIMED_OUT)).then()
    asleep, awake = hand(1.5, Snoozed(until=at(9))), clock(9, Unsnoozed())
    given(level(1, 1), asleep, awake, clock(61.5, TIMED_OUT)).then("RESOLVED came too early")
    given(level(1, 1), asleep, awake, clock(69, TIMED_OUT)).then()


def test_a_new_priority_brings_its_own_terms() -> None:
    milder = hand(0.5, PriorityChanged(priority="medium"))
    given(milder).then("ESCALATED never came, after the levels []")
    given(milder, level(1, 5.5)).then()
    given(milder, hand(1, Acknowledged())).then()
    given(milder, level(1, 5.5), level(2, 7.5)).then("ESCALATED came with nothing due, after the levels [1]")
