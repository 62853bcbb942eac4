"""Violations to plant in what is true: each damages a copy, and the checker must say so in given words."""

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from pulseops.audit.walk import Divergence
from pulseops.incidents.events import Assigned, Classified, Commented, Created, Escalated, Reopened
from pulseops.kernel.ids import new_id
from pulseops.rulebook.events import RulesApplied
from tests.faults.damage import Plant, append, change, last, rewrite, unanswered
from tests.faults.history import Answer, History, Order, Reading
from tests.faults.stored import Stored
from tests.faults.untimely import UNTIMELY


def told(history: History) -> Order:
    """A creation that was acknowledged at the first try."""
    return next(order for order in history.orders if order.kind == "create" and order.told)


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


def an_incident_is_classified_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Classified))


def an_incident_is_assigned_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, Assigned))


def a_position_is_skipped(_: History, stored: Stored) -> None:
    change(stored, stored.facts[-1], position=stored.facts[-1].position + 1)


def a_version_is_skipped(_: History, stored: Stored) -> None:
    change(stored, stored.facts[-1], version=stored.facts[-1].version + 1)


def the_tree_is_of_another_history(_: History, stored: Stored) -> None:
    stored.unsealed = Divergence(position=1, field="hash of the event", expected="00", found="01")


def what_was_signed_is_not_what_is(_: History, stored: Stored) -> None:
    stored.audited.amiss.append("what was signed is not what is: …")


def signing_has_stopped(_: History, stored: Stored) -> None:
    stored.audited.signed[-1] -= 1


def publishing_has_stopped(_: History, stored: Stored) -> None:
    stored.audited.published[-1] -= 1


def an_older_checkpoint_takes_the_place_of_a_newer_one(_: History, stored: Stored) -> None:
    stored.audited.signed.insert(0, stored.audited.signed[-1] + 1)


def the_same_rules_are_recorded_twice(_: History, stored: Stored) -> None:
    append(stored, last(stored, RulesApplied))


def a_response_is_wrong(_: History, stored: Stored) -> None:
    next(iter(stored.response.values()))["acknowledgements"] += 1


def a_stint_is_lost(_: History, stored: Stored) -> None:
    stored.stint.popitem()


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


def a_comment_has_other_words(_: History, stored: Stored) -> None:
    said = last(stored, Commented)
    change(stored, said, fact=Commented(text="All is well"))


def an_open_incident_is_reopened(_: History, stored: Stored) -> None:
    open_one = last(stored, Escalated, after=unanswered)
    append(stored, replace(last(stored, Reopened), stream_id=open_one.stream_id))


def a_repetition_is_answered_otherwise(history: History, _: Stored) -> None:
    order = next(order for order in history.orders if order.kind == "acknowledge" and order.told)
    shown = replace(order.told[0], title="Another")
    order.answers.append(Answer(status=200, incident=shown, replayed=True))


PLANTS: dict[Plant, str] = UNTIMELY | {
    an_acknowledged_incident_is_lost: "was acknowledged and is not stored",
    an_acknowledged_incident_has_other_content: "stored with other content than was sent",
    a_refused_incident_is_stored: "was refused and is stored",
    a_refusal_comes_after_storing: "was refused and had been stored",
    a_key_creates_twice: "is stored 2 times",
    a_key_is_answered_with_two_incidents: "were acknowledged under one key",
    an_incident_is_invented: "nobody asked for it",
    a_comment_has_other_words: "the comment was acknowledged, and its words are not stored",
    an_open_incident_is_reopened: "is no life of an incident",
    a_repetition_is_answered_otherwise: "a repeat was answered otherwise",
    an_incident_is_classified_twice: "is no life of an incident",
    an_incident_is_assigned_twice: "is no life of an incident",
    a_position_is_skipped: "positions are not",
    a_version_is_skipped: "versions are not",
    the_tree_is_of_another_history: "the tree is not that of the log",
    what_was_signed_is_not_what_is: "what was signed is not what is",
    signing_has_stopped: "signed is up to",
    publishing_has_stopped: "published is up to",
    an_older_checkpoint_takes_the_place_of_a_newer_one: "were signed after",
    the_same_rules_are_recorded_twice: "the same rules are recorded 2 times",
    a_response_is_wrong: "the table of responses says otherwise",
    a_stint_is_lost: "the table of stints says otherwise",
    the_board_is_wrong: "the board says otherwise",
    the_timeline_has_a_hole: "the timeline says otherwise",
    a_follower_has_stopped: "not everybody has come",
    a_deadline_is_stuck: "still wait",
    a_look_goes_back: "and later",
    a_look_finds_nothing: "was answered 404",
    an_answer_is_an_accident: "was answered 500",
    a_refusal_does_not_say_when_to_come_again: "without Retry-After",
}
