"""Violations to plant in what is true: each damages a copy, and the checker must say so in given words.

Damage to the log is carried on to all that is derived from it, so that nothing else betrays it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from pulseops.incidents.events import (
    Acknowledged,
    Assigned,
    Classified,
    Created,
    Escalated,
    Resolved,
    Snoozed,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.ids import new_id
from tests.faults.checker import FOLLOWERS, as_of
from tests.faults.history import Answer, History, Order, Reading
from tests.faults.stored import LOG, Stored
from tests.integration.test_board_and_timeline import folded_board, folded_timeline

Plant = Callable[[History, Stored], None]


def rewrite(stored: Stored, facts: Iterable[Recorded[Any]]) -> None:
    """Puts these facts in the place of the log, and derives everything else from them."""
    stored.facts = list(facts)
    past = stored.past()
    readable = {key: facts for key, facts in past.items() if as_of(facts, len(facts)) is not None}
    stored.board, stored.timeline = folded_board(readable, LOG), folded_timeline(readable, LOG)
    stored.streams = {key: (len(facts), facts[0].position, facts[-1].position) for key, facts in past.items()}
    stored.followers = dict.fromkeys(FOLLOWERS, stored.facts[-1].position)


def append(stored: Stored, *facts: Recorded[Any]) -> None:
    """At the end of the log and of their streams."""
    versions = {key: len(facts) for key, facts in stored.past().items()}
    placed = []
    for place, fact in enumerate(facts, start=len(stored.facts) + 1):
        versions[fact.stream_id] = version = versions.get(fact.stream_id, 0) + 1
        placed.append(replace(fact, position=place, version=version, event_id=new_id()))
    rewrite(stored, [*stored.facts, *placed])


def change(stored: Stored, which: Recorded[Any], **changes: Any) -> None:
    rewrite(stored, [replace(one, **changes) if one is which else one for one in stored.facts])


def last(stored: Stored, kind: type[Any], *, after: Callable[[Sequence[Any]], bool] = bool) -> Recorded[Any]:
    """The newest fact of this kind in a stream of which `after` is true."""
    past = stored.past()
    return next(
        fact
        for fact in reversed(stored.facts)
        if isinstance(fact.fact, kind) and after([one.fact for one in past[fact.stream_id]])
    )


def told(history: History) -> Order:
    """A creation that was acknowledged at the first try."""
    return next(order for order in history.orders if order.kind == "create" and order.told)


def cut(stored: Stored, which: Recorded[Any]) -> None:
    """Takes it out of the log, with what followed in its stream."""
    kept = [one for one in stored.facts if one.stream_id != which.stream_id or one.version < which.version]
    rewrite(stored, [replace(fact, position=place) for place, fact in enumerate(kept, start=1)])


def unanswered(facts: Sequence[Any]) -> bool:
    """Of a critical incident that everybody has heard of."""
    return isinstance(facts[-1], Escalated) and facts[-1].level == 2


def _timed_out(facts: Sequence[Any]) -> bool:
    return isinstance(facts[-1], Resolved) and facts[-1].decision is not None


def an_acknowledged_incident_is_lost(history: History, stored: Stored) -> None:
    """With everything that followed, so that the log has no hole."""
    cut = stored.past()[history.orders[-1].told[0].id][0].position
    rewrite(stored, [fact for fact in stored.facts if fact.position < cut])


def an_acknowledged_incident_has_other_content(_: History, stored: Stored) -> None:
    created = last(stored, Created)
    change(stored, created, fact=replace(created.fact, title="Nothing is wrong"))


def a_refused_incident_is_stored(history: History, _: Stored) -> None:
    told(history).answers = [Answer(status=503, retry_after=True)]


def a_refusal_comes_after_storing(history: History, _: Stored) -> None:
    order = told(history)
    shown = replace(order.answers[0], replayed=True)
    order.answers = [Answer(status=503, retry_after=True), shown]


def a_key_creates_twice(history: History, stored: Stored) -> None:
    another = new_id()
    first = stored.past()[told(history).told[0].id][:3]
    append(stored, *(replace(fact, stream_id=another) for fact in first))


def a_key_is_answered_with_two_incidents(history: History, _: Stored) -> None:
    one, other = [order for order in history.orders if order.kind == "create" and order.told][:2]
    one.answers.extend(other.answers)


def an_incident_is_invented(history: History, _: Stored) -> None:
    history.orders.remove(told(history))


def a_level_is_escalated_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Escalated, after=unanswered))


def an_answered_incident_is_escalated(_: History, stored: Stored) -> None:
    append(stored, replace(last(stored, Escalated), stream_id=last(stored, Acknowledged).stream_id))


def an_escalation_is_missing(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Escalated, after=unanswered))


def an_escalation_is_early(_: History, stored: Stored) -> None:
    early = last(stored, Escalated)
    change(stored, early, fact=replace(early.fact, due_at=early.fact.due_at - timedelta(seconds=9)))


def an_acknowledgement_runs_out_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Unacknowledged, after=lambda facts: not isinstance(facts[-1], Acknowledged)))


def an_acknowledgement_runs_out_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Unacknowledged))


def an_acknowledgement_does_not_run_out(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Unacknowledged))


def a_snooze_ends_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Unsnoozed, after=lambda facts: not isinstance(facts[-1], Snoozed)))


def a_snooze_ends_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Unsnoozed))


def a_snooze_does_not_end(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Unsnoozed))


def an_incident_ends_early(_: History, stored: Stored) -> None:
    _hasten(stored, last(stored, Resolved, after=_timed_out))


def an_incident_ends_that_was_to_stay(_: History, stored: Stored) -> None:
    ended, open_one = last(stored, Resolved, after=_timed_out), last(stored, Escalated, after=unanswered)
    append(stored, replace(ended, stream_id=open_one.stream_id))


def an_untouched_incident_does_not_end(_: History, stored: Stored) -> None:
    cut(stored, last(stored, Resolved, after=_timed_out))


def _hasten(stored: Stored, which: Recorded[Any]) -> None:
    change(stored, which, recorded_at=which.recorded_at - timedelta(seconds=9))


def an_incident_is_classified_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Classified))


def an_incident_is_assigned_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Assigned))


def a_position_is_skipped(_: History, stored: Stored) -> None:
    change(stored, stored.facts[-1], position=stored.facts[-1].position + 1)


def a_version_is_skipped(_: History, stored: Stored) -> None:
    change(stored, stored.facts[-1], version=stored.facts[-1].version + 1)


def the_board_is_wrong(_: History, stored: Stored) -> None:
    row: dict[str, Any] = next(iter(stored.board.values()))
    row["status"] = "resolved" if row["status"] == "open" else "open"


def the_timeline_has_a_hole(_: History, stored: Stored) -> None:
    stored.timeline.popitem()


def a_follower_has_stopped(_: History, stored: Stored) -> None:
    stored.followers["deadline"] -= 1


def a_deadline_is_stuck(history: History, stored: Stored) -> None:
    stored.waiting.add(told(history).told[0].id)


def a_look_goes_back(history: History, _: Stored) -> None:
    seen = told(history).told[0]
    history.readings.append(Reading(incident=seen.id, least=seen.version + 1, status=200, seen=seen))


def a_look_finds_nothing(history: History, _: Stored) -> None:
    incident: UUID = told(history).told[0].id
    history.readings.append(Reading(incident=incident, least=3, status=404))


def an_answer_is_an_accident(history: History, _: Stored) -> None:
    told(history).answers.append(Answer(status=500))


def a_refusal_does_not_say_when_to_come_again(history: History, _: Stored) -> None:
    history.orders.append(Order(kind="create", key="k", asked={}, answers=[Answer(status=503)]))


PLANTS: dict[Plant, str] = {
    an_acknowledged_incident_is_lost: "was acknowledged and is not stored",
    an_acknowledged_incident_has_other_content: "stored with other content than was sent",
    a_refused_incident_is_stored: "was refused and is stored",
    a_refusal_comes_after_storing: "was refused and had been stored",
    a_key_creates_twice: "is stored 2 times",
    a_key_is_answered_with_two_incidents: "were acknowledged under one key",
    an_incident_is_invented: "nobody asked for it",
    a_level_is_escalated_twice: "was escalated to the level 2 after [1, 2]",
    an_answered_incident_is_escalated: "is no life of an incident",
    an_escalation_is_missing: "ESCALATED never came, after the levels [1]",
    an_escalation_is_early: "ESCALATED came too early",
    an_acknowledgement_runs_out_twice: "UNACKNOWLEDGED came with nothing due",
    an_acknowledgement_runs_out_early: "UNACKNOWLEDGED came too early",
    an_acknowledgement_does_not_run_out: "UNACKNOWLEDGED never came",
    a_snooze_ends_twice: "UNSNOOZED came with nothing due",
    a_snooze_ends_early: "UNSNOOZED came too early",
    a_snooze_does_not_end: "UNSNOOZED never came",
    an_incident_ends_early: "RESOLVED came too early",
    an_incident_ends_that_was_to_stay: "RESOLVED came with nothing due",
    an_untouched_incident_does_not_end: "RESOLVED never came",
    an_incident_is_classified_twice: "is no life of an incident",
    an_incident_is_assigned_twice: "is no life of an incident",
    a_position_is_skipped: "positions are not",
    a_version_is_skipped: "versions are not",
    the_board_is_wrong: "the board says otherwise",
    the_timeline_has_a_hole: "the timeline says otherwise",
    a_follower_has_stopped: "not everybody has come",
    a_deadline_is_stuck: "still wait",
    a_look_goes_back: "and later",
    a_look_finds_nothing: "was answered 404",
    an_answer_is_an_accident: "was answered 500",
    a_refusal_does_not_say_when_to_come_again: "without Retry-After",
}
