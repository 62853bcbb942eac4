"""Whether PulseOps kept its promises: what clients were told against what the database holds.

To be asked when all is calm again: nobody asks, followers have caught up, nothing is due. Every violation is
a sentence; none means that all of them were kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Commented, Created
from pulseops.incidents.incident import Incident
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import NotFound
from pulseops.rulebook.events import RulesApplied
from tests.faults.clockwork import Policies, slips
from tests.faults.history import History, Order
from tests.faults.history import Kind as Asked
from tests.faults.lives import life, makes_sense
from tests.faults.stored import LOG, Stored
from tests.integration.folding import folded_board, folded_timeline
from tests.recomputed import every

Past = dict[UUID, list[Recorded[Any]]]

FOLLOWERS = {"incident", "timeline", "response", "stint", "deadline", "team", "service", "seal"}
_OUTAGE: set[int | None] = {503, 504, None}
FORESEEN: Mapping[Asked, set[int | None]] = {
    "create": {201, *_OUTAGE},
    "acknowledge": {200, 409, *_OUTAGE},
    "unacknowledge": {200, 409, *_OUTAGE},
    # A repetition may come when that time has passed.
    "snooze": {200, 409, 422, *_OUTAGE},
    "unsnooze": {200, 409, *_OUTAGE},
    "assign": {200, 409, *_OUTAGE},
    "escalate": {200, 409, *_OUTAGE},
    "priority": {200, *_OUTAGE},
    "comment": {200, *_OUTAGE},
    "resolve": {200, 409, *_OUTAGE},
    "reopen": {200, *_OUTAGE},
}
_SHOWS: Mapping[Asked, Callable[[Incident, dict[str, Any]], bool]] = {
    "acknowledge": lambda told, _: told.acknowledged_at is not None,
    "unacknowledge": lambda told, _: told.acknowledged_at is None,
    "snooze": lambda told, _: told.snoozed_until is not None,
    "unsnooze": lambda told, _: told.snoozed_until is None,
    "assign": lambda told, asked: told.responder == asked["responder"],
    "escalate": lambda told, _: told.escalation_level > 0,
    "priority": lambda told, asked: told.priority == asked["priority"],
    "comment": lambda _told, _asked: True,
    "resolve": lambda told, _: told.resolved_at is not None,
    "reopen": lambda told, _: told.resolved_at is None,
}
"""Whether an answer shows that it is as was asked."""

Kind = Literal["lost", "doubled", "wrong", "late", "unforeseen"]


class Violation(Struct, frozen=True):
    """A promise that was not kept, by its number in docs/reliability.md, and how."""

    promise: str
    kind: Kind
    told: str

    def __str__(self) -> str:
        return f"{self.promise} {self.kind}: {self.told}"


def _lost(told: str) -> Violation:
    return Violation("I1", "lost", told)


def _doubled(promise: str, told: str) -> Violation:
    return Violation(promise, "doubled", told)


def _wrong(promise: str, told: str) -> Violation:
    return Violation(promise, "wrong", told)


def _late(promise: str, told: str) -> Violation:
    return Violation(promise, "late", told)


def violations(history: History, stored: Stored, *, policies: Policies) -> list[Violation]:
    past = stored.past()
    # Rules are recorded too, in a stream of their own.
    incidents = {key: facts for key, facts in past.items() if "." not in facts[0].fact.type}
    return [
        *_answers(history),
        *_acknowledged(history, past),
        *_readings(history, past),
        *_marks(history, stored),
        *_order_of_the_log(stored, past),
        *_lives(incidents),
        *_clock(incidents, policies),
        *_derived(stored, incidents),
        *_rules(past),
        *_audited(stored),
    ]


def _answers(history: History) -> Iterator[Violation]:
    for order, answer in history.answers():
        if answer.status not in FORESEEN[order.kind]:
            yield _wrong("I2", f"{order.key}: {order.kind} was answered {answer.status}")
        if answer.status in {503, 504} and not answer.retry_after:
            yield _wrong("I2", f"{order.key}: {answer.status} without Retry-After")


def _acknowledged(history: History, past: Past) -> Iterator[Violation]:
    """What a 2xx showed is what history says of that version, to the last field."""
    for order in history.orders:
        for told in order.told:
            then = as_of(past.get(told.id, ()), told.version)
            if then is None:
                yield _lost(
                    f"{told.id}: version {told.version} was acknowledged and is not stored: {order.key}"
                )
            elif then != told:
                yield _wrong("I1", f"{told.id}: was acknowledged otherwise than it is stored: {order.key}")
            first = order.told[0]
            if told.id != first.id:
                yield _doubled("I3", f"{order.key}: {first.id} and {told.id} were acknowledged under one key")
            elif told != first:
                yield _wrong("I3", f"{order.key}: a repeat was answered otherwise than the first time")
            if order.kind == "create":
                yield from _created(order, told, past)
            elif told.id != order.incident:
                yield _wrong("I1", f"{order.key}: {order.incident} was asked for, and {told.id} was shown")
            elif not _SHOWS[order.kind](told, order.asked):
                yield _wrong("I1", f"{order.key}: {told.id} was shown as if nothing had been asked")


def _created(order: Order, told: Incident, past: Past) -> Iterator[Violation]:
    facts = past.get(told.id)
    if facts and msgspec.to_builtins(facts[0].fact) != order.asked:
        yield _wrong("I1", f"{order.key}: {told.id} is stored with other content than was sent")


def _readings(history: History, past: Past) -> Iterator[Violation]:
    for reading in history.readings:
        if reading.status not in {200, 503, None}:
            yield Violation(
                "I1",
                "lost",
                f"{reading.incident}: was acknowledged, and a look was answered {reading.status}",
            )
        elif reading.seen is not None:
            seen = reading.seen
            if seen.version < reading.least:
                yield Violation(
                    "I1",
                    "lost",
                    f"{seen.id}: version {reading.least} was acknowledged, and later {seen.version} shown",
                )
            if as_of(past.get(seen.id, ()), seen.version) != seen:
                yield _wrong("I1", f"{seen.id}: version {seen.version} was shown and is not stored")


def _marks(history: History, stored: Stored) -> Iterator[Violation]:
    marks = Counter(mark for fact in stored.facts if (mark := _mark(fact)) is not None)
    for order in history.orders:
        count = marks.pop(order.key, 0)
        if count > 1:
            yield _doubled("I3", f"{order.key}: is stored {count} times")
        if not count and order.told and order.kind in {"create", "comment"}:
            yield _lost(f"{order.key}: the {order.kind} was acknowledged, and its words are not stored")
        if count and (order.refused or not order.answers):
            yield _wrong("I2", f"{order.key}: was refused and is stored")
        certain = next((answer for answer in order.answers if answer.verdict != "refused"), None)
        if certain is not None and certain.replayed:
            yield _wrong("I2", f"{order.key}: was refused and had been stored")
    for key in marks:
        yield _wrong("I2", f"{key}: is stored, and nobody asked for it")


def _mark(fact: Recorded[Any]) -> str | None:
    """The key of the order that this fact was stored for; None of what nobody has to ask for."""
    if fact.meta.actor.startswith("system:"):
        return None
    match fact.fact:
        case Created(labels=labels):
            return str(labels.get("order"))
        case Commented(text=text):
            return str(text)
        case other:
            return str(other.note)


def _order_of_the_log(stored: Stored, past: Past) -> Iterator[Violation]:
    if [fact.position for fact in stored.facts] != list(range(1, len(stored.facts) + 1)):
        yield _wrong("I4", "positions are not 1, 2, 3, …")
    if len({fact.event_id for fact in stored.facts}) != len(stored.facts):
        yield _wrong("I4", "an event has the id of another")
    if stored.streams.keys() != past.keys():
        yield _wrong("I4", "the table of streams has others than the log")
    for stream_id, facts in past.items():
        if [fact.version for fact in facts] != list(range(1, len(facts) + 1)):
            yield _wrong("I4", f"{stream_id}: versions are not 1, 2, 3, …")
        if stored.streams.get(stream_id) != (len(facts), facts[0].position, facts[-1].position):
            yield _wrong("I4", f"{stream_id}: the table of streams says otherwise than the log")


def _lives(past: Past) -> Iterator[Violation]:
    for stream_id, facts in past.items():
        if not makes_sense(facts):
            yield _wrong("I5", f"{stream_id}: {life(facts)} is no life of an incident")
        if len({fact.command_id for fact in facts[:3]}) > 1:
            yield _wrong("I5", f"{stream_id}: classified or assigned by another command than created it")


def _clock(past: Past, policies: Policies) -> Iterator[Violation]:
    for stream_id, facts in past.items():
        for slip in slips(facts, policies):
            yield Violation("I6", slip.kind, f"{stream_id}: {slip.told}")


def _derived(stored: Stored, past: Past) -> Iterator[Violation]:
    head = stored.facts[-1].position if stored.facts else 0
    if stored.followers != dict.fromkeys(FOLLOWERS, head):
        yield _late("I8", f"not everybody has come to position {head}: {stored.followers}")
    if stored.waiting:
        yield _late("I11", f"{len(stored.waiting)} incidents still wait for an escalation")
    if stored.unsealed is not None:
        yield _wrong("I7", f"the tree is not that of the log: {stored.unsealed}")
    readable = {key: facts for key, facts in past.items() if as_of(facts, len(facts)) is not None}
    responses, stints = every(readable)
    for name, rows, folded in (
        ("board", stored.board, folded_board(readable, LOG)),
        ("timeline", stored.timeline, folded_timeline(readable, LOG)),
        ("table of responses", stored.response, responses),
        ("table of stints", stored.stint, stints),
    ):
        for key in rows.keys() | folded.keys():
            if rows.get(key) != folded.get(key):
                yield _wrong("I7", f"{key}: the {name} says otherwise than the log")


def _rules(past: Past) -> Iterator[Violation]:
    """All programs go by the same: whoever begins first says so, and the others see that it is said."""
    for facts in past.values():
        told = [fact.fact.sha256 for fact in facts if isinstance(fact.fact, RulesApplied)]
        if any(before == after for before, after in pairwise(told)):
            yield _doubled("I3", f"the same rules are recorded {len(told)} times")


def _audited(stored: Stored) -> Iterator[Violation]:
    head, audited = stored.facts[-1].position if stored.facts else 0, stored.audited
    for amiss in audited.amiss:
        yield _wrong("I9", amiss)
    for what, sizes in (("signed", audited.signed), ("published", audited.published)):
        if sizes[-1:] != [head]:
            yield _late("I9", f"{what} is up to {sizes[-1:]}, and the log has {head} events")
        for before, after in pairwise(sizes):
            if after <= before:
                yield _wrong("I9", f"{after} events were {what} after {before}")


def as_of(facts: Sequence[Recorded[Any]], version: int) -> Incident | None:
    """The incident at that version; None when there is no such version, or no sense in it."""
    if not facts or not 0 < version <= len(facts):
        return None
    try:
        return INCIDENT.fold(facts[:version])
    except (NotFound, TypeError):
        return None
