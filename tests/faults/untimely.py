"""What the clock did twice, early, late, unasked or not at all, to plant in what is true."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Commented,
    Escalated,
    Reopened,
    Resolved,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Recorded
from tests.faults.clockwork import CLOCK
from tests.faults.damage import (
    Plant,
    append,
    change,
    cut,
    escalated_since,
    last,
    stands,
    unanswered,
    unanswered_twice,
)
from tests.faults.history import History
from tests.faults.stored import Stored


def a_level_is_escalated_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Escalated, after=unanswered))


def an_answered_incident_is_escalated(_: History, stored: Stored) -> None:
    answered = last(stored, Acknowledged, after=stands("acknowledged"))
    append(stored, replace(last(stored, Escalated, by_itself=True), stream_id=answered.stream_id))


def a_round_is_missing(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Escalated, after=unanswered_twice))


def a_round_comes_once_more(_: History, stored: Stored) -> None:
    again = last(stored, Escalated, after=unanswered_twice)
    append(stored, replace(again, fact=replace(again.fact, level=3)))


def a_reopened_incident_is_not_escalated(_: History, stored: Stored) -> None:
    _cut_after(stored, Reopened)


def an_incident_given_away_is_not_escalated_anew(_: History, stored: Stored) -> None:
    _cut_after(stored, Assigned)


def _cut_after(stored: Stored, begun: type[Any]) -> None:
    """What somebody's fact of this kind began is not gone on with."""
    kept = last(stored, begun, after=escalated_since(begun))
    cut(stored, stored.past()[kept.stream_id][kept.version])


def an_escalation_does_not_wait_for_the_one_before(_: History, stored: Stored) -> None:
    """Time that was lost is made up for."""
    second = last(stored, Escalated, after=unanswered)
    *_before, first, _second = (
        one for one in stored.past()[second.stream_id] if isinstance(one.fact, Escalated)
    )
    change(stored, second, fact=replace(second.fact, due_at=second.fact.due_at - _late(first.fact)))


def an_escalation_is_put_off(_: History, stored: Stored) -> None:
    second = last(stored, Escalated, after=unanswered)
    change(stored, second, fact=replace(second.fact, due_at=second.fact.due_at + _late(second.fact)))


def _late(fact: Escalated) -> timedelta:
    return timedelta(seconds=fact.late_by)


def an_escalation_is_missing(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Escalated, after=unanswered))


def an_escalation_is_early(_: History, stored: Stored) -> None:
    early = last(stored, Escalated, by_itself=True)
    change(stored, early, fact=replace(early.fact, due_at=early.fact.due_at - timedelta(seconds=9)))


def an_acknowledgement_runs_out_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Unacknowledged, after=stands("open"), by_itself=True))


def an_acknowledgement_runs_out_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Unacknowledged, by_itself=True))


def an_acknowledgement_does_not_run_out(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Unacknowledged, by_itself=True))


def an_acknowledgement_runs_out_that_was_taken_back(_: History, stored: Stored) -> None:
    _end_by_itself_as_well(stored, Unacknowledged)


def a_snooze_ends_that_was_called_off(_: History, stored: Stored) -> None:
    _end_by_itself_as_well(stored, Unsnoozed)


def _end_by_itself_as_well(stored: Stored, kind: type[Any]) -> None:
    """What somebody ended, and the clock never did."""

    def by_hand(facts: Sequence[Recorded[Any]]) -> bool:
        ended = [fact.meta.actor for fact in facts if isinstance(fact.fact, kind)]
        return CLOCK not in ended and stands("open")(facts)

    ended = last(stored, kind, after=by_hand)
    append(stored, replace(last(stored, kind, by_itself=True), stream_id=ended.stream_id))


def a_snooze_ends_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Unsnoozed, after=stands("open"), by_itself=True))


def a_snooze_ends_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Unsnoozed, by_itself=True))


def a_snooze_does_not_end(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Unsnoozed, by_itself=True))


def an_incident_ends_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Resolved, by_itself=True))


def an_incident_ends_that_was_to_stay(_: History, stored: Stored) -> None:
    open_one = last(stored, Escalated, after=unanswered)
    append(stored, replace(last(stored, Resolved, by_itself=True), stream_id=open_one.stream_id))


def an_untouched_incident_does_not_end(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Resolved, by_itself=True))


def an_incident_ends_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Resolved, after=stands("resolved"), by_itself=True))


def an_incident_ends_though_somebody_touched_it(_: History, stored: Stored) -> None:
    """A moment before."""
    ended = last(stored, Resolved, after=stands("resolved"), by_itself=True)
    comment = replace(ended, fact=Commented(text="k"), meta=replace(ended.meta, actor="key:somebody"))
    cut(stored, ended)
    append(stored, comment, ended)


def _hasten(stored: Stored, which: Recorded[Any]) -> None:
    change(stored, which, recorded_at=which.recorded_at - timedelta(seconds=9))


UNTIMELY: dict[Plant, str] = {
    a_level_is_escalated_twice: "was escalated to the level 2 after [1, 2]",
    an_answered_incident_is_escalated: "ESCALATED came with nothing due",
    a_round_is_missing: "ESCALATED never came, after the levels [1]",
    a_round_comes_once_more: "ESCALATED came with nothing due, after the levels [1, 2]",
    a_reopened_incident_is_not_escalated: "ESCALATED never came, after the levels []",
    an_incident_given_away_is_not_escalated_anew: "ESCALATED never came, after the levels []",
    an_escalation_does_not_wait_for_the_one_before: "ESCALATED came too early",
    an_escalation_is_put_off: "ESCALATED was put off",
    an_escalation_is_missing: "ESCALATED never came, after the levels [1]",
    an_escalation_is_early: "ESCALATED came too early",
    an_acknowledgement_runs_out_twice: "UNACKNOWLEDGED came with nothing due",
    an_acknowledgement_runs_out_early: "UNACKNOWLEDGED came too early",
    an_acknowledgement_does_not_run_out: "UNACKNOWLEDGED never came",
    an_acknowledgement_runs_out_that_was_taken_back: "UNACKNOWLEDGED came with nothing due",
    a_snooze_ends_twice: "UNSNOOZED came with nothing due",
    a_snooze_ends_early: "UNSNOOZED came too early",
    a_snooze_does_not_end: "UNSNOOZED never came",
    a_snooze_ends_that_was_called_off: "UNSNOOZED came with nothing due",
    an_incident_ends_early: "RESOLVED came too early",
    an_incident_ends_that_was_to_stay: "RESOLVED came with nothing due",
    an_untouched_incident_does_not_end: "RESOLVED never came",
    an_incident_ends_twice: "RESOLVED came with nothing due",
    an_incident_ends_though_somebody_touched_it: "RESOLVED came too early",
}
